"""The service as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEADLINE = 60


@contextmanager
def started(folder: Path, **settings: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`search-by-image serve` in the folder, and its address; killed at the end unless it has ended by then."""
    environ = {f"SEARCH_BY_IMAGE__{name}": str(value) for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "search_by_image", "serve"],
        cwd=folder,
        env=os.environ | {"SEARCH_BY_IMAGE__FLASK__PORT": "0"} | environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, address_in(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()


def address_in(process):
    for line in process.stderr:
        if found := re.search(r"Serving .* at (http://\S+:\d+)", line):
            return found[1]
    raise AssertionError("it never said where it serves")


def stop(process):
    """What it logged after it had started."""
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=DEADLINE)[1]
