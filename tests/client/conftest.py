"""A running service, a relay before it, and both clients behind one face."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from cheap_library import open_library
from client.relay import Relay, relay_to
from job_service import FAST
from search_by_image.api.app import AppOptions, create_app
from search_by_image.client import AsyncClient, Client, Retries
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.jobs import Jobs
from search_by_image.jobs.options import JobOptions
from search_by_image.library import Library
from serving import serving
from v1.conftest import web  # noqa: F401

QUICK = Retries(base=0.001, longest=1)


class Awaiting:
    """An `AsyncClient` whose calls are waited for: the tests speak to both clients alike."""

    def __init__(self, client: AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.loop = loop

    def __getattr__(self, name):
        member = getattr(self.client, name)

        def call(*args, **kwargs):
            made = member(*args, **kwargs)
            return self.listed(made) if hasattr(made, "__aiter__") else self.run(made)

        return call

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def listed(self, iterator):
        async def collect():
            return [one async for one in iterator]

        return self.run(collect())


@pytest.fixture(scope="package")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="package")
def service(tmp_path_factory) -> Iterator[tuple[str, Library]]:
    library = open_library(tmp_path_factory.mktemp("library"), collections=("pets",))
    engine = SearchEngine(library)
    fetcher = UrlFetcher(FetchSettings(allow_private=True, allowed_ports=(), timeout=5))
    options = AppOptions(page_size_max=100, key_seconds=0)
    with (
        Jobs(library, fetcher, JobOptions(tmp_path_factory.mktemp("spool"), **FAST)) as jobs,
        serving(create_app(engine, fetcher, options, jobs=jobs)) as url,
    ):
        yield url, library
    fetcher.close()
    engine.close()


@pytest.fixture
def library(service) -> Library:
    service[1].clear()
    return service[1]


@pytest.fixture(scope="package")
def relaying(service) -> Iterator[Relay]:
    with relay_to(service[0]) as relay:
        yield relay


@pytest.fixture
def relay(relaying) -> Relay:
    relaying.faults, relaying.calls = [], []
    return relaying


@pytest.fixture(params=["blocking", "asyncio"])
def open_client(request, loop):
    """Opens a client of either kind: open_client(url, key=None, **options)."""
    opened = []

    def open_one(url, key=None, *, retries=QUICK, **options):
        if request.param == "blocking":
            opened.append(Client(url, key, retries=retries, **options))
            return opened[-1]

        async def made():
            return AsyncClient(url, key, retries=retries, **options)

        client = asyncio.run_coroutine_threadsafe(made(), loop).result(60)
        opened.append(Awaiting(client, loop))
        return opened[-1]

    yield open_one
    for client in opened:
        client.aclose() if isinstance(client, Awaiting) else client.close()


@pytest.fixture
def client(open_client, library, relay):
    """Speaks through the relay, to an empty library."""
    return open_client(relay.url)
