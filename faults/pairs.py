"""The pairs of stores, each given by settings, and their servers."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from search_by_image.assembly import open_engine
from search_by_image.engine import SearchEngine
from search_by_image.settings import load_settings

TIMEOUT = 3
"""Seconds after which one request to a store gives up, in every pair's settings."""
LIMIT = 4
"""Seconds that one call waits for its stores, in sum."""


def open_library(settings: Mapping[str, str], *, maintain: bool = True) -> SearchEngine:
    """`settings`: overrides of `server.xml` beside this file, which holds the pipeline."""
    source = Path(__file__).with_name("server.xml")
    return open_engine(load_settings(source, environ={}, overrides=settings), maintain=maintain)


@dataclass(frozen=True, slots=True)
class Server:
    """`stop` is a SIGKILL; a silent server keeps its connections and answers nothing."""

    name: str
    stop: Callable[[], object]
    start: Callable[[], object]
    silence: Callable[[], object]
    resume: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Pair:
    """`settings(name)`: those of a library of its own, for `open_library`."""

    name: str
    settings: Callable[[str], dict[str, str]]
    servers: tuple[Server, ...] = ()


@dataclass
class Servers:
    """Real servers, started when first needed; the folder `tests`, which knows how, must be on the path."""

    _opened: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        self._opened.close()

    @cached_property
    def milvus(self) -> Any:
        return self._started(importlib.import_module("milvus_server").MilvusProcess())

    @cached_property
    def mongodb(self) -> Any:
        return self._started(importlib.import_module("mongodb_server").MongodbProcess())

    @cached_property
    def mariadb(self) -> Any:
        server = importlib.import_module("sql_servers").MariaDb()
        self._opened.callback(server.close)
        return server

    def _started(self, server: Any) -> Any:
        self._opened.callback(server.close)
        server.start()
        return server


def embedded(folder: Path) -> Pair:
    def settings(name: str) -> dict[str, str]:
        return {
            "records/url": f"sqlite:///{folder / name}/records.db",
            "vectors/path": f"{folder / name}/vectors",
            "vectors/snapshot_every": "15",
            "maintenance/interval": "0.05",
        }

    return Pair("embedded + SQLite", settings)


def mariadb_milvus(servers: Servers) -> Pair:
    mariadb = servers.mariadb
    limits = "&".join(f"{what}_timeout={TIMEOUT}" for what in ("connect", "read", "write"))

    def settings(name: str) -> dict[str, str]:
        return _on_milvus(servers, f"mariadb_{name}") | {"records/url": f"{mariadb.create_database(name)}?{limits}"}

    server = Server("MariaDB", mariadb.kill, mariadb.start, mariadb.freeze, mariadb.thaw)
    return Pair("MariaDB + Milvus", settings, (server, _milvus(servers)))


def mongodb_milvus(servers: Servers) -> Pair:
    mongodb = servers.mongodb
    limits = "&".join(f"{what}TimeoutMS={TIMEOUT * 1000}" for what in ("serverSelection", "connect", "socket"))

    def settings(name: str) -> dict[str, str]:
        return _on_milvus(servers, f"mongodb_{name}") | {"mongodb/host": f"{mongodb.uri}/{name}?{limits}"}

    server = Server(
        "MongoDB stand-in",
        mongodb.kill,
        mongodb.start,
        lambda: mongodb.silence(silent=True),
        lambda: mongodb.silence(silent=False),
    )
    return Pair("MongoDB protocol + Milvus", settings, (server, _milvus(servers)))


def _on_milvus(servers: Servers, app_name: str) -> dict[str, str]:
    known = importlib.import_module("milvus_server")
    return {
        "search_config/app_name": app_name,
        "milvus/uri": servers.milvus.uri,
        "milvus/user": known.USER,
        "milvus/password": known.PASSWORD,
        "milvus/timeout": str(TIMEOUT),
        "limits/store_timeout": str(LIMIT),
        "maintenance/interval": "0.2",
    }


def _milvus(servers: Servers) -> Server:
    milvus = servers.milvus
    return Server(
        "Milvus",
        milvus.stop,
        milvus.start,
        lambda: milvus.silence(silent=True),
        lambda: milvus.silence(silent=False),
    )
