"""A real Milvus (PyPI's `milvus`) that nothing outside this machine can reach.

The server listens on all interfaces, so it lives in a network namespace that has only a loopback device. A Unix socket
leads out of the namespace; a free port of 127.0.0.1 leads to the socket. Run as a program, this file is the inside.
"""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

USER, PASSWORD = "root", "Milvus"
PORT = 19530
READY = "ready\n"
QUICK = {
    "proxy.timeTickInterval": 20,
    "queryCoord.checkInterval": 50,
    "queryCoord.distPullInterval": 50,
    "rootCoord.maxDatabaseNum": 10_000,
}
"""A read that must see the last write, and the loading of a collection, wait for these milliseconds."""
QUICK_LOADING = """
queryCoord:
  checkChannelInterval: 50
  checkSegmentInterval: 50
  leaderViewUpdateInterval: 1
"""


def why_not() -> str | None:
    """Say which package is missing; None when none is."""
    if importlib.util.find_spec("milvus") is None:
        return "no Milvus server: pip install milvus==2.3.5"
    if importlib.util.find_spec("pymilvus") is None:
        return "no Milvus client: pip install 'search-by-image[milvus]'"
    return None


def not_allowed() -> str | None:
    """Say why this machine lets nobody keep a server from the network; None when it does."""
    refused = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
    return f"no network namespace for a Milvus server: {refused.stderr.strip()}" if refused.returncode else None


class MilvusProcess:
    """`address` stays the same when the server is stopped and started; so does what it keeps."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="milvus-"))
        self._socket = self._folder / "socket"
        self._relay = Relay(socket.create_server(("127.0.0.1", 0)), self._connect)
        self._process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._relay.port}"

    @property
    def uri(self) -> str:
        return f"http://{self.address}"

    def start(self) -> None:
        """Returns when the server answers."""
        self._socket.unlink(missing_ok=True)
        command = [*_unshare(), sys.executable, __file__, str(self._folder / "server"), str(self._socket)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != READY:
            self.stop()
            raise RuntimeError(f"The Milvus server did not start, see {self._folder}")

    def stop(self) -> None:
        """As by SIGKILL, at once: `unshare --kill-child` takes the whole namespace with it."""
        self._process.kill()
        self._process.wait()
        self._forget()

    def silence(self, *, silent: bool) -> None:
        """While silent, connections are accepted and nothing comes back."""
        self._relay.silent.set() if silent else self._relay.silent.clear()

    def close(self) -> None:
        """More than once is all right."""
        if self._process is not None:
            self.stop()
        self._relay.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _forget(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process = None
        self._relay.cut()

    def _connect(self) -> socket.socket:
        inside = socket.socket(socket.AF_UNIX)
        try:
            inside.connect(str(self._socket))
        except OSError:
            inside.close()
            raise
        return inside


class Relay:
    """Carries the bytes of every connection to the listener on to a connection of its own."""

    def __init__(self, listener: socket.socket, connect) -> None:
        self._listener = listener
        self._connect = connect
        self._open: set[socket.socket] = set()
        self.silent = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def cut(self) -> None:
        for end in tuple(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                outer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(outer,), daemon=True).start()

    def _carry(self, outer: socket.socket) -> None:
        try:
            inner = self._connect()
        except OSError:
            outer.close()
            return
        self._open |= {outer, inner}
        back = threading.Thread(target=self._pump, args=(inner, outer), daemon=True)
        back.start()
        self._pump(outer, inner)
        back.join()
        self._open -= {outer, inner}
        outer.close()
        inner.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.silent.is_set():
                    target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _unshare() -> list[str]:
    who = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *who, "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]


def _serve(folder: str, path: str) -> None:
    """Run until standard input ends, which it also does when the process outside dies."""
    from milvus import MilvusServer

    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = MilvusServer()
    server.set_base_dir(folder)
    server.config.set("authorization_enabled", True)
    for key, value in QUICK.items():
        server.config.set(key, value)
    server.config.template_text = server.config.template_text.replace("\nqueryCoord:\n", QUICK_LOADING)
    server.start()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    Relay(listener, lambda: socket.create_connection(("127.0.0.1", PORT)))
    sys.stdout.write(READY)
    sys.stdout.flush()
    sys.stdin.read()
    server.server_proc.kill()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
