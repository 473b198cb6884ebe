"""The service while one of its servers is away or silent: what each call answers, how long it takes, what is left."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx
import pytest

from faults.outages import wait_until_settled
from faults.pairs import LIMIT, Pair, Server, open_library
from faults.pictures import PIPELINE, picture
from faults.promise import Acknowledged, broken_promises
from search_by_image import library
from search_by_image.api.app import create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from serving import serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:::pymilvus"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
HANG = LIMIT + 30
"""What no call may take, on however slow a machine."""
AT_ONCE = 20
RECOVERY = 90
OK, STORE = "00000", "20009"
_numbers = count()


@dataclass
class Client:
    """Calls a service, and notes what it acknowledged and how long the longest call took."""

    http: httpx.Client
    engine: SearchEngine
    said: Acknowledged = field(default_factory=Acknowledged)
    longest: float = 0.0
    numbers: Iterator[int] = field(default_factory=count)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self) -> str:
        number = next(self.numbers)
        given = {"pipeline": PIPELINE, "image_doc": f'{{"id": {number}}}'}
        status = self.old("ImportByUpload", data=given, files={"file": ("a.png", picture(number))})
        if status == OK:
            self.said.hear("+", number)
        return status

    def remove_one(self) -> str:
        number = min(self.said.surely_there)
        self.said.hear("?", number)
        status = self.old("RemoveImageDoc", json={"field_name": "id", "field_values": [number]})
        if status == OK:
            self.said.hear("-", number)
        return status

    def search(self) -> str:
        return self.old("SearchByUpload", data={"pipeline": PIPELINE}, files={"file": ("a.png", picture(0))})

    def list(self) -> str:
        return self.old("GetImageDoc", json={"field_name": None, "page_size": 0})

    def old(self, name: str, **body) -> str:
        """The status of an old call, which answers 200 whatever happens."""
        answer = self.ask("POST", f"/api/SearchServer/{name}", **body)
        assert answer.status_code == 200
        content = answer.json()
        assert content["msg"]
        return content["status"]

    def modern(self, path: str) -> int:
        answer = self.ask("GET", path)
        if answer.status_code != 200:
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "store_unavailable"
        return answer.status_code

    def ask(self, method: str, path: str, **body) -> httpx.Response:
        began = time.monotonic()
        answer = self.http.request(method, path, **body)
        with self.lock:
            self.longest = max(self.longest, time.monotonic() - began)
        return answer


@pytest.fixture(params=["mariadb_pair", "mongodb_pair"])
def pair(request: pytest.FixtureRequest) -> Pair:
    return request.getfixturevalue(request.param)


@pytest.fixture
def client(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(library, "STUCK_AFTER_MS", 2000)
    with (
        open_library(pair.settings(f"http_{next(_numbers)}")) as engine,
        UrlFetcher(FetchSettings()) as fetcher,
        serving(create_app(engine, fetcher)) as url,
        httpx.Client(base_url=url, timeout=3 * HANG, limits=httpx.Limits(max_connections=AT_ONCE)) as http,
    ):
        yield Client(http, engine)


@contextmanager
def failing(server: Server, how: str) -> Iterator[None]:
    begin, end = {"killed": (server.stop, server.start), "silent": (server.silence, server.resume)}[how]
    begin()
    try:
        yield
    finally:
        end()


def before(client: Client) -> None:
    """The first picture takes a collection in Milvus to be made, on a slow machine longer than a call may last."""
    while len(client.said.added) < 4:
        eventually(lambda: client.add() == OK)
    eventually(lambda: client.remove_one() == OK)
    works(client)


def together(*calls: Callable[[], object]) -> list[object]:
    """What each answers when `AT_ONCE` of them are under way."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda call: call(), calls * (AT_ONCE // len(calls))))


def afterwards(client: Client) -> None:
    eventually(lambda: client.add() == OK)
    eventually(lambda: client.remove_one() == OK)
    works(client)
    wait_until_settled(client.engine)
    assert not broken_promises(client.engine, client.said)
    assert len(client.said.added) >= 5
    assert client.longest < HANG


def works(client: Client) -> None:
    for call in (client.search, client.list):
        eventually(lambda call=call: call() == OK)
    for path in ("/readyz", "/v1/info"):
        eventually(lambda path=path: client.modern(path) == 200)


def eventually(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + RECOVERY
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("how", ["killed", "silent"])
def test_without_the_record_server(milvus, pair: Pair, client: Client, how: str) -> None:
    before(client)
    with failing(pair.servers[0], how):
        assert set(together(client.add, client.search, client.list)) == {STORE}
        assert client.remove_one() == STORE
        eventually(lambda: client.modern("/readyz") == 503)
        assert set(together(lambda: client.modern("/v1/info"))) == {503}
        assert client.ask("GET", "/healthz").status_code == 200
    afterwards(client)


@pytest.mark.parametrize("how", [pytest.param("killed", marks=pytest.mark.soak), "silent"])
def test_without_milvus(milvus, pair: Pair, client: Client, how: str) -> None:
    """What needs the records alone goes on."""
    before(client)
    with failing(pair.servers[1], how):
        assert set(together(client.add, client.search)) == {STORE}
        assert client.remove_one() == STORE
        eventually(lambda: client.modern("/readyz") == 503)
        eventually(lambda: client.list() == OK)
        eventually(lambda: client.modern("/v1/info") == 200)
    afterwards(client)
