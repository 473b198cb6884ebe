"""How well pipelines find what belongs together, measured on pictures of the user's own."""
