"""`python -m benchmarks.switching [FILE]`: the default model switched to others of the catalogue and back, really.

A service over the demo photos on embedded stores. For each of `MODELS`, all installed: `reindex --model` by itself, and
again while one client searches without a pause; then promoted, rolled back, abandoned. Any search that fails ends it.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from benchmarks.photos import photo_folder
from benchmarks.report import machine, markdown_table
from benchmarks.served import served, variables

MODELS = ("tiny-vit-5m", "dinov2-small", "efficientnet-lite2")
EVERY = 20
"""Such a photo is searched for."""
HEADINGS = (
    "to",
    "pictures/s",
    "pictures/s beside a client that searches",
    "neighbour overlap",
    "search p50 before, ms",
    "search p50 meanwhile, ms",
    "promoted after, s (the command's start included)",
    "rolled back after, s",
    "searches, none failed",
)


@dataclass
class Client:
    """One client of the service that searches for one photo after another; `seconds`: of each search."""

    url: str
    photos: list[bytes]
    seconds: list[float] = field(default_factory=list)

    def search(self, photo: bytes) -> None:
        began = time.perf_counter()
        answer = httpx.post(f"{self.url}/v1/collections/images/search", files={"file": ("a.jpg", photo)}, timeout=60)
        answer.raise_for_status()
        self.seconds.append(time.perf_counter() - began)
        if answer.json()["matches"][0]["score"] < 0.999:
            raise RuntimeError("a photo of the library was not found as the first one")

    def go_on(self, stop: threading.Event) -> None:
        for photo in cycle(self.photos):
            if stop.is_set():
                return
            self.search(photo)

    def model(self) -> str | None:
        (space,) = httpx.get(f"{self.url}/v1/collections/images").raise_for_status().json()["spaces"]
        found: str | None = space["model"]
        return found


def main(report: Path | None) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        photos = _without_documents(folder / "photos")
        _command(folder, "import", photos)
        probes = [file.read_bytes() for file in sorted(photos.rglob("*.jpg"))[::EVERY]]
        with served(folder) as service:
            rows = [_switched(folder, photos, Client(service.url, probes), model) for model in MODELS]
    text = markdown_table(HEADINGS, rows)
    sys.stdout.write(text)
    if report is not None:
        title = f"# Switching the model\n\nMade by `python -m benchmarks.switching`: {machine('openvino')}.\n\n"
        report.write_text(title + text, encoding="utf-8")


def _without_documents(folder: Path) -> Path:
    """The photos alone: then each document is the path of its file."""
    shutil.copytree(photo_folder(), folder, ignore=lambda _, names: [name for name in names if name.endswith(".json")])
    return folder


def _switched(folder: Path, photos: Path, client: Client, model: str) -> tuple[str, ...]:
    for photo in client.photos:
        client.search(photo)
    before = statistics.median(client.seconds)
    alone = _reindexed(folder, photos, model)
    _command(folder, "switch", "abandon")
    with _searching(client):
        beside = _reindexed(folder, photos, model)
        promoted = _seconds(folder, client, "promote", model)
        rolled_back = _seconds(folder, client, "roll-back", None)
    _command(folder, "switch", "abandon")
    meanwhile = statistics.median(client.seconds[len(client.photos) :])
    return (
        model,
        f"{alone['images_per_second']:.0f}",
        f"{beside['images_per_second']:.0f}",
        f"{beside['overlap']:.2f}",
        f"{1000 * before:.0f}",
        f"{1000 * meanwhile:.0f}",
        f"{promoted:.1f}",
        f"{rolled_back:.1f}",
        str(len(client.seconds)),
    )


def _seconds(folder: Path, client: Client, step: str, model: str | None) -> float:
    """From when the command begins until the service searches by the model; the command waits a while after that."""
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(_command, folder, "switch", step)
        while client.model() != model:
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        done.result()
    return seconds


def _reindexed(folder: Path, photos: Path, model: str) -> dict[str, Any]:
    words = ("reindex", "--model", model, "--folder", photos, "--path-field", "id", "--format", "json")
    (row,) = json.loads(_command(folder, *words))["collections"]
    found: dict[str, Any] = row
    return found


@contextmanager
def _searching(client: Client) -> Iterator[None]:
    """What fails there fails here."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(client.go_on, stop)
        try:
            yield
        finally:
            stop.set()
        working.result()


def _command(folder: Path, *words: object) -> str:
    command = [sys.executable, "-m", "search_by_image", *map(str, words)]
    environ = os.environ | variables(folder)
    return subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
