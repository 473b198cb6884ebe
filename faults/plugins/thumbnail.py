"""The picture shrunk to 8 x 8 pixels: the cheapest vector that still tells pictures apart."""

import numpy as np
from PIL import Image

from search_by_image.plugins import Context, Features, processor
from search_by_image.vectors.base import Metric

SIDE = 8


@processor(dimension=3 * SIDE * SIDE, metric=Metric.COSINE, image_size=SIDE)
def faults_thumbnail(image: Image.Image, _context: Context) -> Features:
    pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32).reshape(-1) - 127.5
    return Features(pixels / np.linalg.norm(pixels))
