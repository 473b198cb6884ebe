"""A picture sent in every way that there is: by upload, Base64 and URL, with modern and old calls."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from fuzz.pictures import Picture
from fuzz.service import COLLECTION, PIPELINE, Service

WAYS = ("Upload", "Base64", "Url")
CALLS = ("PUT image", "search", "search by a part", "SearchBy", "ImportBy")
HALF = [0, 0, 0.5, 1]
ACCEPTED = "accepted"
REFUSALS = frozenset(
    {
        ("empty_image", 422),
        ("not_an_image", 422),
        ("truncated_image", 422),
        ("invalid_image", 422),
        ("image_too_large", 413),
        ("10001", 200),
        ("20002", 200),
        ("20003", 200),
    }
)
"""All that a picture may be refused with: the code of a problem, or the status of an old call, and HTTP's own."""
INNER_WORDS = ("Traceback", "site-packages", "search_by_image/", " at 0x")


@dataclass(frozen=True, slots=True)
class Answer:
    """`code`: ACCEPTED, or what it was refused with. `fault`: what is not as documented, '' as it should be."""

    call: str
    way: str
    code: str
    fault: str = ""


class Sender:
    """Thread-safe. `pages`: where the pictures that are sent by URL are."""

    def __init__(self, service: Service, pages: "Pages") -> None:
        headers = {"Authorization": f"Bearer {service.key}"}
        self._client = httpx.Client(base_url=service.url, headers=headers, timeout=300, trust_env=False)
        self._pages = pages

    def close(self) -> None:
        self._client.close()

    def send(self, picture: Picture) -> list[Answer]:
        """In all ways, with all calls."""
        with self._pages.showing(picture.data) as url:
            given = {"Base64": base64.b64encode(picture.data).decode(), "Url": url}
            return [self._sent(picture, given, call, way) for call in CALLS for way in WAYS]

    def _sent(self, picture: Picture, given: dict[str, str], call: str, way: str) -> Answer:
        request = _old_call if call.endswith("By") else _v1_call
        try:
            response = self._client.request(**request(picture, given, call, way))
            code, fault = _told(response)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            code, fault = type(error).__name__, f"no answer: {error}"
        return Answer(call, way, code, fault)


def _v1_call(picture: Picture, given: dict[str, str], call: str, way: str) -> dict[str, Any]:
    place = f"/v1/collections/{COLLECTION}"
    key = picture.name.replace(" ", "-")
    method, url = ("PUT", f"{place}/images/{key}-{way}") if call == "PUT image" else ("POST", f"{place}/search")
    more: dict[str, Any] = {
        "PUT image": {"document": {"kind": "hostile"}},
        "search": {"limit": 3},
        "search by a part": {"limit": 3, "box": HALF},
    }[call]
    if way == "Upload":
        form = {name: json.dumps(value) for name, value in more.items()}
        return {"method": method, "url": url, "data": form, "files": {"file": ("cat.jpg", picture.data)}}
    return {"method": method, "url": url, "json": {"image": {way.lower(): given[way]}, **more}}


def _old_call(picture: Picture, given: dict[str, str], call: str, way: str) -> dict[str, Any]:
    url, document = f"/api/SearchServer/{call}{way}", {"kind": "hostile"}
    to = {"pipeline": PIPELINE, "collection": COLLECTION}
    if way == "Upload":
        form = {**to, "image_doc": json.dumps(document)}
        return {"method": "POST", "url": url, "data": form, "files": {"file": ("cat.jpg", picture.data)}}
    field = "file" if way == "Base64" else "url"
    return {"method": "POST", "url": url, "json": {field: given[way], **to, "image_doc": document}}


def _told(response: httpx.Response) -> tuple[str, str]:
    """The code, and what is wrong with the answer. Raises `ValueError`, `KeyError` when it is no JSON of ours."""
    told = response.json()
    if told.get("status") == "00000" or (response.is_success and "code" not in told and "msg" not in told):
        return ACCEPTED, ""
    code = told["code"] if "code" in told else told["status"]
    if (code, response.status_code) not in REFUSALS:
        return code, f"not documented: {response.status_code} {response.text[:300]}"
    inner = [word for word in INNER_WORDS if word in response.text]
    return code, f"tells of the inside: {response.text[:300]}" if inner else ""


class Pages:
    """A web server of our own, from which the service fetches pictures."""

    def __init__(self) -> None:
        self._shown: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Page, self._shown))
        self._server.daemon_threads = True

    @contextmanager
    def open(self) -> Iterator["Pages"]:
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    @contextmanager
    def showing(self, data: bytes) -> Iterator[str]:
        """The address of these bytes."""
        path = f"/{threading.get_ident()}"
        self._shown[path] = data
        try:
            yield f"http://127.0.0.1:{self._server.server_port}{path}"
        finally:
            del self._shown[path]


class _Page(BaseHTTPRequestHandler):
    def __init__(self, shown: dict[str, bytes], *given: Any) -> None:
        self._shown = shown
        super().__init__(*given)

    def do_GET(self) -> None:
        data = self._shown[self.path]
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(OSError):  # the service hangs up on what is too much for it
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass
