"""Files over HTTP on this machine; it also answers as the Hugging Face hub does to who fetches single files."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FileServer:
    """`files`: path without its first slash -> content; `kinds`: its Content-Type. `cut`: answers that end half way.

    `authorization`: the header that who asks must send. `asked`: the queries are left out.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    authorization: str | None = None
    asked: list[str] = field(default_factory=list)

    def hold(self, repository: str, files: Mapping[str, bytes], revision: str = "main") -> None:
        """As a repository of the hub."""
        self.files |= {f"{repository}/resolve/{revision}/{name}": content for name, content in files.items()}


@contextmanager
def file_server() -> Iterator[FileServer]:
    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._answer(with_body=False)

        def do_GET(self):
            self._answer(with_body=True)

        def _answer(self, *, with_body):
            path = self.path.lstrip("/").partition("?")[0]
            server.asked.append(f"{self.command} {path}")
            content = server.files.get(path)
            if content is None or self.headers["Authorization"] != server.authorization:
                self.send_error(404 if content is None else 401)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", server.kinds.get(path, "application/octet-stream"))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if with_body:
                self.wfile.write(content[: len(content) // 2] if path in server.cut else content)

        def log_message(self, *_):
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server = FileServer(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
