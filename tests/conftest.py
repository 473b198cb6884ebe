"""Fixtures that many test files use."""

import logging
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

import milvus_server
import mongodb_server
from cheap_library import open_library
from faults.pairs import Pair, mariadb_milvus, mongodb_milvus
from milvus_server import MilvusProcess
from mongodb_server import MongodbProcess
from raw_servers import Network, raw_servers
from search_by_image.api.app import create_app
from search_by_image.assembly import open_engine
from search_by_image.demo import Demo, demo_cache, fetch_photos, prepare_demo
from search_by_image.engine import SearchEngine
from search_by_image.errors import SearchByImageError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.library import Library
from search_by_image.records.sql import SqlRecordStore
from search_by_image.settings import load_settings
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from serving import serving
from sql_servers import MariaDb, PostgreSql, SqlServer

SHARED = ("milvus", "mariadb", "postgresql", "mongodb", "demo")
MILVUS = pytest.StashKey[MilvusProcess]()
LONGEST_NAME = 20
EVERY_CASE = "SEARCH_BY_IMAGE_TEST_EVERY_CASE"


def wants_every_case() -> bool:
    return bool(os.environ.get(EVERY_CASE))


def pytest_configure() -> None:
    """A machine's speed decides nothing; properties are tried more often where every case is wanted."""
    settings.register_profile("each-commit", max_examples=30, deadline=None)
    settings.register_profile("every-case", deadline=None)
    settings.load_profile("every-case" if wants_every_case() else "each-commit")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before xdist's own hook, which reads the groups."""
    soaks = [] if wants_every_case() else [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=soaks)
    items[:] = sorted((item for item in items if item not in soaks), key=when)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Files made for a test may hold the time that they were made; every process must collect the same names."""
    return argname if isinstance(val, bytes) and len(val) > LONGEST_NAME else None


def when(item: pytest.Item) -> int:
    """The groups that take longest begin, so that no process is left alone with one of them at the end."""
    group = group_of(item)
    return SHARED.index(group) if group in SHARED else len(SHARED)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A Milvus that has nothing more to do takes a third of a core."""
    if MILVUS in item.config.stash and nextitem is not None and group_of(nextitem) != "milvus":
        item.config.stash[MILVUS].close()
        del item.config.stash[MILVUS]


def group_of(item: pytest.Item) -> str:
    """Where tests run in several processes, those that share a server, or else a file, are in one."""
    names = {*getattr(item, "fixturenames", ()), *re.findall(r"\w+", item.nodeid.partition("[")[2])}
    if any(name.endswith("pair") for name in names):
        return "milvus"
    if item.path.parent.name == "browser":
        return "demo"
    return next((shared for shared in SHARED if any(name.startswith(shared) for name in names)), str(item.path))


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """For tests that run commands in this process, which set up the logging of theirs."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("search_by_image", "search_by_image.requests"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = open_library(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def shared_index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    opened = EmbeddedIndex(EmbeddedSettings(path=tmp_path / "vectors"))
    yield opened
    opened.close()


@pytest.fixture
def shared_records(tmp_path: Path) -> Iterator[SqlRecordStore]:
    opened = SqlRecordStore(f"sqlite:///{tmp_path / 'records.db'}")
    yield opened
    opened.close()


@pytest.fixture
def engine(library: Library) -> SearchEngine:
    return SearchEngine(library)


def missing(reason: str) -> None:
    """Skip; where CI must have everything, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)


@dataclass(frozen=True)
class DemoService:
    """The real service with the demo library: `url` without a slash at its end, `photos` with a folder a kind."""

    url: str
    photos: Path
    engine: SearchEngine


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo's photos in the user's cache, its library in a temporary folder."""
    cache = tmp_path_factory.mktemp("demo")
    try:
        photos = fetch_photos(demo_cache())
    except SearchByImageError as error:
        missing(f"the demo photos: {error}")
    (cache / photos.name).symlink_to(photos)
    return prepare_demo(load_settings(environ={}), cache=cache)


@pytest.fixture(scope="session")
def demo_engine(demo: Demo) -> Iterator[SearchEngine]:
    with open_engine(demo.settings) as engine:
        demo.fill(engine)
        yield engine


@pytest.fixture(scope="session")
def demo_service(demo: Demo, demo_engine: SearchEngine) -> Iterator[DemoService]:
    with UrlFetcher(FetchSettings()) as fetcher:
        app = create_app(demo_engine, fetcher)
        demo.add_routes(app)
        with serving(app) as url:
            yield DemoService(url, demo.photos, demo_engine)


@pytest.fixture(scope="session")
def milvus(pytestconfig: pytest.Config) -> Iterator[MilvusProcess]:
    """A real Milvus; where no network namespace is allowed it would listen to the world, so it stays away."""
    if reason := milvus_server.why_not():
        missing(reason)
    if reason := milvus_server.not_allowed():
        pytest.skip(reason)
    server = MilvusProcess()
    try:
        server.start()
        pytestconfig.stash[MILVUS] = server
        yield server
    finally:
        server.close()


@pytest.fixture
def serve():
    """Start a server on this machine: serve(respond, host=..., port=..., tls=...)."""
    with raw_servers() as start:
        yield start


@pytest.fixture(scope="session")
def audited() -> Network:
    network = Network()
    sys.addaudithook(network)
    return network


@pytest.fixture
def network(audited: Network) -> Iterator[Network]:
    """Where the process connects to."""
    audited.addresses = []
    audited.watching = True
    yield audited
    audited.watching = False


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-made certificate for good.test, by the openssl command, which ca-certificates brings to every Debian."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
    extensions = "-addext subjectAltName=DNS:good.test -addext keyUsage=critical,digitalSignature,keyCertSign"
    files = f"-keyout {folder}/key.pem -out {folder}/cert.pem"
    subprocess.run(f"{command} {extensions} {files}".split(), check=True, capture_output=True)
    return folder


@pytest.fixture
def tls(certificate: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    context.names = []
    context.sni_callback = lambda stream, name, _: context.names.append(name)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))


@pytest.fixture(scope="session")
def mongodb_process() -> Iterator[MongodbProcess]:
    """The stand-in. Who stops or silences it starts it again."""
    if reason := mongodb_server.why_not():
        missing(reason)
    process = MongodbProcess()
    process.start()
    yield process
    process.close()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[SqlServer]:
    yield from sql_server(MariaDb)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[SqlServer]:
    yield from sql_server(PostgreSql)


def sql_server(kind: type[SqlServer]) -> Iterator[SqlServer]:
    if reason := kind.why_not():
        missing(reason)
    server = kind()
    yield server
    server.close()


@pytest.fixture(scope="session")
def mariadb_pair(milvus: MilvusProcess, mariadb_server: SqlServer) -> Pair:
    return mariadb_milvus(SimpleNamespace(milvus=milvus, mariadb=mariadb_server))


@pytest.fixture(scope="session")
def mongodb_pair(milvus: MilvusProcess, mongodb_process: MongodbProcess) -> Pair:
    return mongodb_milvus(SimpleNamespace(milvus=milvus, mongodb=mongodb_process))
