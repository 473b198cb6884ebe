"""A model taught on the user's own labelled pictures (the extra `train`, PyTorch), measured, and exported."""
