"""The service that is fuzzed: in this process, or in one of its own; with some pictures and an API key."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from faults.pictures import picture
from search_by_image.assembly import open_engine, open_fetcher, open_jobs
from search_by_image.engine import SearchEngine
from search_by_image.keys import Keys, Scope
from search_by_image.server import open_app
from search_by_image.settings import Settings, load_settings

SETTINGS = Path(__file__).with_name("server.xml")
PIPELINE = "Thumbnail"
COLLECTION = "pets"


@dataclass(frozen=True, slots=True)
class Service:
    """`app` None: it runs at `url`, as the process `pid`."""

    url: str
    key: str
    app: FastAPI | None = None
    pid: int | None = None


@contextmanager
def in_process(folder: Path) -> Iterator[Service]:
    settings = load_settings(SETTINGS, environ={}, overrides=_stores(folder))
    with (
        open_engine(settings, maintain=False) as engine,
        open_fetcher(settings) as fetcher,
        open_jobs(settings, engine, fetcher) as jobs,
    ):
        yield Service("http://127.0.0.1:8002", _filled(engine), open_app(settings, engine, fetcher, jobs=jobs))


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    settings = load_settings(SETTINGS, environ={}, overrides=_stores(folder))
    with open_engine(settings, maintain=False) as engine:
        key = _filled(engine)
    with served(settings, folder) as (url, pid):
        yield Service(url, key, pid=pid)


@contextmanager
def served(settings: Settings, folder: Path) -> Iterator[tuple[str, int]]:
    """The address and the process of `search-by-image serve`, whose log is a file in the folder."""
    command = [sys.executable, "-m", "search_by_image", "serve", "--port", "0", "--config", str(settings.source)]
    variables = {
        f"SEARCH_BY_IMAGE__{path.upper().replace('/', '__')}": value for path, value in _stores(folder).items()
    }
    log = folder / "service.log"
    with log.open("w", encoding="utf-8") as stderr:
        service = subprocess.Popen(command, cwd=folder, env=os.environ | variables, stderr=stderr)
    try:
        yield _announced_address(service, log), service.pid
    finally:
        service.terminate()
        service.wait(timeout=60)


def _stores(folder: Path) -> dict[str, str]:
    return {
        "records/url": f"sqlite:///{folder / 'records.db'}",
        "vectors/path": str(folder / "vectors"),
        "jobs/spool_path": str(folder / "jobs"),
    }


def _filled(engine: SearchEngine) -> str:
    """A key for everything; the collection has three pictures after this."""
    library = engine.library
    for number in range(3):
        prepared = library.prepare(picture(number), {"kind": "cat", "price": number}, PIPELINE, COLLECTION, pinned=True)
        library.keyed.put(f"cat-{number}", prepared)
    return Keys(library.ledger).create("fuzz", Scope.ADMIN)[0]


def _announced_address(service: subprocess.Popen[bytes], log: Path) -> str:
    while service.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8")):
            return found.group()
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start: {log.read_text(encoding='utf-8')}")
