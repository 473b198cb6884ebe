"""A search over HTTP: the CPU that the service spends on top of decoding and inference."""

import tempfile
from pathlib import Path

import httpx

from benchmarks.end_to_end import PIPELINE, engine_in
from benchmarks.load.cpu import cpu_seconds
from benchmarks.measure import Row, cpu_ms
from benchmarks.photos import demo_photos
from benchmarks.served import served

WARM_UP = 20


def rows() -> list[Row]:
    photos = demo_photos(400)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with engine_in(folder) as engine:
            for photo in photos[200:]:
                engine.image_to_search_db(photo, {"id": 1}, PIPELINE)
            engine.library.extractor.forget()
            (alone,) = cpu_ms(
                [lambda: len([engine.library.extractor.extract(photo, PIPELINE) for photo in photos[:200]])], 1
            )
        over_http = _service_cpu_ms(folder, photos[:200])
    added = over_http - alone
    text = f"+{added:.2f} ms CPU"
    return [
        Row("search over HTTP", text, f"extract {alone:.2f} ms", added / alone, "added to extraction, wanted < 15 ms")
    ]


def _service_cpu_ms(folder: Path, photos: list[bytes]) -> float:
    with served(folder) as service, httpx.Client(base_url=service.url, timeout=60) as client:
        for photo in photos[:WARM_UP]:
            _search(client, photo)
        before = cpu_seconds(service.pid)
        for photo in photos[WARM_UP:]:
            _search(client, photo)
        return 1000 * (cpu_seconds(service.pid) - before) / len(photos[WARM_UP:])


def _search(client: httpx.Client, photo: bytes) -> None:
    answer = client.post(
        "/api/SearchServer/SearchByUpload", data={"pipeline": PIPELINE}, files={"file": ("query.jpg", photo)}
    ).json()
    if answer["status"] != "00000" or not answer["match_images"]:
        raise RuntimeError(answer["msg"])
