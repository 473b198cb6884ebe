"""One client for the process: connected at the first call, bounded in time, its errors put in our words."""

import importlib
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any

from search_by_image.deadline import at_most
from search_by_image.errors import MissingDependencyError, StoreError, StoreUnavailableError
from search_by_image.outage import Outage
from search_by_image.vectors.milvus_lite import LiteFile
from search_by_image.vectors.milvus_settings import MilvusConnectionSettings

_NOT_NOW = frozenset({1, 2, 3, 4, 8, 9, 101, 103, 106, 400, 401, 500, 501, 502, 503, 504, 901, 902})
"""Milvus's codes for a server that starts, recovers, moves a shard or is short of something: merr/errors.go."""
OLDEST = "search-by-image needs Milvus 2.3 or newer."
_NOT_THERE = 100
_NOT_LOADED = 101
_GONE = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED"})
_REFUSED = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})


class NotThereError(StoreError):
    """There is no such collection, or not any more."""


class NotLoadedError(StoreUnavailableError):
    """The server runs but does not hold the collection in memory, as after a restart."""


def load_pymilvus() -> ModuleType:
    """Raises `MissingDependencyError`."""
    try:
        pymilvus = importlib.import_module("pymilvus")
    except ImportError as error:
        raise MissingDependencyError("pymilvus", extra="milvus", purpose="Milvus as vector store") from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return pymilvus


class MilvusConnection:
    """Calls run on threads of its own, because pymilvus may wait far longer than the time-out it is given.

    Each waits as long as the settings say, or as is left of the call's limit; after a failure see `Outage`. For Milvus
    Lite there is one thread: its collections are not made for two writers at once.
    """

    def __init__(self, settings: MilvusConnectionSettings) -> None:
        self._settings = settings
        self._pymilvus = load_pymilvus()
        self._foreign = _foreign_errors(self._pymilvus)
        self._lite = None if settings.file is None else LiteFile(settings.file)
        self._threads = ThreadPoolExecutor(settings.threads if self._lite is None else 1, thread_name_prefix="milvus")
        self._outage = Outage(f"Milvus at {settings.shown}")
        self._client: Any = None
        self._connecting = threading.Lock()
        self._closed = False

    @property
    def settings(self) -> MilvusConnectionSettings:
        return self._settings

    @property
    def is_lite(self) -> bool:
        return self._lite is not None

    @property
    def types(self) -> Any:
        return self._pymilvus.DataType

    def new_schema(self, description: str) -> Any:
        return self._pymilvus.MilvusClient.create_schema(
            auto_id=False, enable_dynamic_field=False, description=description
        )

    def new_index(self, **definition: Any) -> Any:
        definitions = self._pymilvus.MilvusClient.prepare_index_params()
        definitions.add_index(**definition)
        return definitions

    def call(self, method: str, /, **arguments: Any) -> Any:
        """Call a method of `MilvusClient`; raises `StoreUnavailableError`, or `StoreError` for what it refuses."""
        return self._bounded(at_most(self._settings.timeout), method, arguments)

    def check_open(self) -> None:
        if self._closed:
            raise StoreError(f"The vector index in Milvus at {self._settings.shown} is closed. Open a new one.")

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._lite is not None:
            self._lite.close()

    def _bounded(self, seconds: float, method: str, arguments: dict[str, Any]) -> Any:
        self.check_open()
        with self._outage.watched(_is_silence):
            try:
                return _result(self._threads.submit(self._call, seconds, method, arguments), seconds)
            except self._foreign as error:
                raise self._translated(error, seconds) from error

    def _call(self, seconds: float, method: str, arguments: dict[str, Any]) -> Any:
        return getattr(self._connected(), method)(timeout=seconds, **arguments)

    def _connected(self) -> Any:
        if self._client is None:
            with self._connecting:
                if self._client is None:
                    arguments = self._settings.client_arguments()
                    if self._lite is not None:
                        arguments["uri"] = self._lite.start()
                    self._client = self._pymilvus.MilvusClient(**arguments)
        return self._client

    def _translated(self, error: Exception, seconds: float) -> StoreError:
        where = self._settings.shown
        if isinstance(error, TimeoutError):
            return StoreUnavailableError(
                f"Milvus at {where} did not answer within {seconds:.3g} seconds. Is it overloaded?"
            )
        name, reason = _status(error), self._settings.without_secrets(_reason(error))
        return self._never(name, reason) or self._not_now(error, name, reason)

    def _never(self, name: str, reason: str) -> StoreError | None:
        """What trying again does not mend."""
        where = self._settings.shown
        if name in _REFUSED or "auth check failure" in reason:
            return StoreError(
                f"Milvus at {where} refused the login. Check milvus/user, milvus/password or milvus/token."
            )
        if "UNIMPLEMENTED" in (name, *reason.split()):
            return StoreError(f"Milvus at {where} does not know a call that is needed. {OLDEST} It said: {reason}")
        return None

    def _not_now(self, error: Exception, name: str, reason: str) -> StoreError:
        where, code = self._settings.shown, getattr(error, "code", None)
        if code == _NOT_THERE or "collection not found" in reason:
            return NotThereError(f"Milvus at {where} has no such collection ({reason}).")
        if code == _NOT_LOADED or "collection not loaded" in reason:
            return NotLoadedError(f"Milvus at {where} has not loaded the collection yet ({reason}).")
        if name in _GONE or _is_temporary(error):
            return StoreUnavailableError(
                f"Milvus at {where} does not answer ({reason}). Check that it runs, {self._settings.to_check}."
            )
        return StoreError(f"Milvus at {where} refused or failed: {reason}")


def _is_silence(error: Exception) -> bool:
    return isinstance(error, StoreUnavailableError) and not isinstance(error, NotLoadedError)


def _result(future: Future[Any], seconds: float) -> Any:
    try:
        return future.result(seconds)
    except TimeoutError:
        future.cancel()
        raise


def _foreign_errors(pymilvus: ModuleType) -> tuple[type[Exception], ...]:
    grpc = importlib.import_module("grpc")
    return (pymilvus.MilvusException, grpc.RpcError, grpc.FutureTimeoutError, TimeoutError)


def _status(error: BaseException | None) -> str:
    """The name of gRPC's status, that of the error or of its cause; '' where they have none."""
    own = _own_status(error)
    return own or _own_status(getattr(error, "__cause__", None))


def _own_status(error: Any) -> str:
    code = getattr(error, "code", None)
    return getattr(code() if callable(code) else code, "name", "")


def _is_temporary(error: Any) -> bool:
    code = getattr(error, "code", None)
    return bool(getattr(error, "retriable", False)) or (isinstance(code, int) and int(code) in _NOT_NOW)


def _reason(error: Any) -> str:
    if callable(getattr(error, "details", None)):
        return str(error.details())
    return str(getattr(error, "message", "") or error)
