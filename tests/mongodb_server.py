"""Servers that speak MongoDB's protocol: `nx-27017`, a stand-in over SQLite, and a real one where it is named."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REAL = "SEARCH_BY_IMAGE_TEST_MONGODB"
STARTING_SECONDS = 60


def real_uri() -> str | None:
    """That of a real server on which tests may make and drop databases and users of their own."""
    return os.environ.get(REAL) or None


def why_not() -> str | None:
    """Say why no stand-in can run here; None when it can."""
    for module, package in (("pymongo", "'search-by-image[mongo]'"), ("nx_27017", "nx-27017")):
        if importlib.util.find_spec(module) is None:
            return f"nothing speaks MongoDB's protocol here: pip install {package}"
    return None


class MongodbProcess:
    """The stand-in. Its port stays the same when it is stopped and started; so does what it keeps."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mongodb-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen | None = None

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when the server listens."""
        paths = [f"--{name}={self._folder / name}" for name in ("data-dir", "log-file", "pid-file")]
        command = [sys.executable, "-m", "nx_27017.nx_27017", *paths, f"--port={self.port}"]
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        deadline = time.monotonic() + STARTING_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "output").read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask the server to stop and wait until it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def silence(self, *, silent: bool) -> None:
        """While silent, connections are accepted and nothing comes back."""
        self._process.send_signal(signal.SIGSTOP if silent else signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._folder)

    def _end(self, signal_: signal.Signals) -> None:
        self._process.send_signal(signal_)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
