"""The default model: pure OpenVINO on prepared pixels, ours from prepared pixels, ours from JPEG, the naive loop."""

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import openvino as ov
from PIL import Image

from benchmarks.measure import Row, rates
from benchmarks.photos import demo_photos
from search_by_image.images import ImageLimits, open_rgb
from search_by_image.models import efficientnet_lite, torch_legacy
from search_by_image.models.runtime import CompiledModel, RuntimeSettings
from search_by_image.processors.efficientnet_lite0 import IMAGE_SIZE, weights_path
from search_by_image.resizing import central_square

THREADS = len(os.sched_getaffinity(0))
PHOTOS = 300


@cache
def graph() -> ov.Model:
    return efficientnet_lite.build(torch_legacy.read_tensors(weights_path()), IMAGE_SIZE)


def pixels_of(photos: list[bytes]) -> list[np.ndarray]:
    return [central_square(open_rgb(photo, ImageLimits(), at_least=2 * IMAGE_SIZE), IMAGE_SIZE) for photo in photos]


def pure(pixels: list[np.ndarray]) -> Callable[[], int]:
    """The bound: OpenVINO's own queue over pixels that lie ready, f32, one stream a core."""
    properties = RuntimeSettings(THREADS).properties()
    requests = ov.AsyncInferQueue(ov.Core().compile_model(graph(), "CPU", properties), THREADS)

    def work() -> int:
        for picture in pixels:
            requests.start_async({0: picture[None]})
        requests.wait_all()
        return len(pixels)

    return work


def rows() -> list[Row]:
    photos = demo_photos(PHOTOS)
    pixels = pixels_of(photos)
    model = CompiledModel(graph(), RuntimeSettings(THREADS))

    def ours_from_pixels() -> int:
        with ThreadPoolExecutor(THREADS + 1) as workers:
            list(workers.map(model.infer, pixels))
        return len(pixels)

    def ours_from_jpeg() -> int:
        def extract(photo: bytes) -> None:
            model.infer(central_square(open_rgb(photo, ImageLimits(), at_least=2 * IMAGE_SIZE), IMAGE_SIZE))

        with ThreadPoolExecutor(THREADS + 1) as workers:
            list(workers.map(extract, photos))
        return len(photos)

    naive_model = ov.Core().compile_model(graph(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def naive() -> int:
        for photo in photos:
            image = Image.open(io.BytesIO(photo)).convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE))
            naive_model(np.asarray(image)[None])
        return len(photos)

    bound, prepared, whole, loop = rates([pure(pixels), ours_from_pixels, ours_from_jpeg, naive])
    pure_text = f"pure {bound:.0f}/s"
    return [
        Row("inference, prepared pixels", f"{prepared:.0f}/s", pure_text, prepared / bound, "against pure OpenVINO"),
        Row("decode and inference", f"{whole:.0f}/s", pure_text, whole / bound, "against pure OpenVINO"),
        Row("the naive loop", f"{loop:.0f}/s", pure_text, loop / bound, "for comparison: one picture after another"),
    ]
