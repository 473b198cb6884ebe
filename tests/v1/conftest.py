"""A running service with cheap pipelines, and a client for its `/v1` calls."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from cheap_library import open_library, picture
from search_by_image.api.app import AppOptions, create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.library import Library
from serving import serving


class Client:
    """Requests to one service; `put` and `search` in their shortest form."""

    def __init__(self, http: httpx.Client, library: Library) -> None:
        self.http = http
        self.library = library

    def put(self, key, seed, document=None, *, collection="pets", pipeline="Thumb", **headers):
        form = {"document": json.dumps(document or {}), "pipeline": pipeline}
        files = {"file": ("cat.png", picture(seed))}
        return self.http.put(f"/v1/collections/{collection}/images/{key}", data=form, files=files, headers=headers)

    def search(self, seed=None, *, collection="pets", files=(), **wanted):
        route = f"/v1/collections/{collection}/search" if collection else "/v1/search"
        if seed is not None:
            files = [("file", picture(seed))]
        if files:
            fields = {name: given if isinstance(given, str) else json.dumps(given) for name, given in wanted.items()}
            return self.http.post(route, data=fields, files=list(files))
        return self.http.post(route, json=wanted)


@pytest.fixture(scope="session")
def web() -> Iterator[str]:
    """A server with a picture at `/N.png`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = picture(int(self.path.strip("/").removesuffix(".png")))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Client]:
    library = open_library(tmp_path_factory.mktemp("library"), collections=("pets",))
    engine = SearchEngine(library)
    fetcher = UrlFetcher(FetchSettings(allow_private=True, allowed_ports=(), timeout=5))
    app = create_app(engine, fetcher, AppOptions(page_size_max=100))
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as http:
        yield Client(http, library)
    fetcher.close()
    engine.close()


@pytest.fixture
def client(running: Client) -> Client:
    running.library.clear()
    return running
