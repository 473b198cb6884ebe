"""`search-by-image serve` as a process of its own, on embedded stores in a folder."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60
LOG = "service.log"


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    pid: int


@contextmanager
def served(folder: Path, config: Path | None = None) -> Iterator[Served]:
    """Its log is the file `service.log` in the folder. `config`: a server.xml; None: the defaults."""
    command = [sys.executable, "-m", "search_by_image", "serve", "--port", "0"]
    command += ["--config", str(config)] if config else []
    with (folder / LOG).open("w", encoding="utf-8") as log:
        service = subprocess.Popen(command, cwd=folder, env=os.environ | variables(folder), stderr=log)
    try:
        yield Served(_announced_address(service, folder / LOG), service.pid)
    finally:
        service.terminate()
        service.wait(PATIENCE)


def stores_in(folder: Path) -> dict[str, str]:
    return {
        "records/url": f"sqlite:///{folder / 'records.db'}",
        "vectors/path": str(folder / "vectors"),
        "jobs/spool_path": str(folder / "jobs"),
    }


def variables(folder: Path) -> dict[str, str]:
    """For the environment of a process: the stores in the folder."""
    return {f"SEARCH_BY_IMAGE__{name.upper().replace('/', '__')}": value for name, value in stores_in(folder).items()}


def _announced_address(service: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while service.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8")):
            return found.group()
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start: {log.read_text(encoding='utf-8')[-2000:]}")
