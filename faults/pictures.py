"""Numbered pictures, each unlike all others, and the pipeline that they are searched by."""

import io

import numpy as np
from PIL import Image

PIPELINE = "Thumbnail"


def picture(number: int) -> bytes:
    blocks = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((32, 32), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
