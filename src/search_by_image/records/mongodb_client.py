"""How MongoDB is reached: the client's options, what is read and written with which assurance, errors as ours."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from search_by_image.deadline import FOREVER, at_most, is_limited
from search_by_image.errors import DuplicateIdError, MissingDependencyError, StoreError, StoreUnavailableError
from search_by_image.outage import Outage

try:
    from pymongo import MongoClient, timeout
    from pymongo.database import Database
    from pymongo.errors import (
        BulkWriteError,
        ConfigurationError,
        ConnectionFailure,
        DocumentTooLarge,
        DuplicateKeyError,
        InvalidURI,
        OperationFailure,
        PyMongoError,
    )
    from pymongo.read_concern import ReadConcern
    from pymongo.write_concern import WriteConcern
except ImportError as error:
    raise MissingDependencyError("pymongo", extra="mongo", purpose="The record store on MongoDB") from error

Option = str | int | float | bool | None
Row = dict[str, Any]
Client = MongoClient[Row]

DEFAULT_DATABASE = "search_by_image"
DEFAULTS: Mapping[str, Option] = {
    "appname": "search-by-image",
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 30_000,
    "waitQueueTimeoutMS": 5_000,
}
WRITE_TIMEOUT_MS = 10_000
NOT_ALLOWED = frozenset({13, 18, 8000})
IN_THE_WAY = "TransientTransactionError"
DUPLICATE_KEY = 11_000
TOO_LARGE = frozenset({10_334, 17_280, 17_419, 17_420})
OUTAGES = frozenset({6, 7, 50, 64, 89, 91, 189, 262, 9001, 10107, 10058, 11600, 11602, 13435, 13436})


def open_client(options: Mapping[str, Option]) -> Client:
    """`options` are those of `pymongo.MongoClient`; '' and None are not given. What a URI says wins over them."""
    try:
        return MongoClient(**_given(options))
    except (PyMongoError, ValueError, TypeError, OSError) as error:
        raise StoreError(f"MongoDB's client refuses the settings under mongodb/.{_reason(error, options)}") from None


def database_name(options: Mapping[str, Option]) -> str:
    """That in the path of a URI, else `authSource`, as in the settings of old."""
    name = urlsplit(_uri(options)).path.strip("/") or str(options.get("authSource") or "")
    return DEFAULT_DATABASE if name in ("", "$external") else name


def assured(client: Client, name: str) -> tuple[Database[Row], bool]:
    """The database, and whether it is more than one server's.

    On a replica set writes are acknowledged, and reads seen, by its majority; on a single server a write is
    acknowledged when it is in the journal on disk. Write and read concerns that the options name stay as they are.
    """
    hello = client.admin.command("hello")
    is_shared = "setName" in hello or hello.get("msg") == "isdbgrid"
    write = WriteConcern("majority" if is_shared else 1, wtimeout=WRITE_TIMEOUT_MS if is_shared else None, j=True)
    read = ReadConcern("majority") if is_shared else ReadConcern()
    database = client.get_database(
        name,
        write_concern=write if client.write_concern.is_server_default else None,
        read_concern=read if client.read_concern.level is None else None,
    )
    return database, is_shared


@contextmanager
def watched(outage: Outage, client: Client) -> Iterator[None]:
    """Within a call's limit, and for `socketTimeoutMS` at most; after a failure see `Outage`."""
    with _bounded(client), outage.watched(_is_silence):
        yield


@contextmanager
def translated() -> Iterator[None]:
    """The client's errors as ours; its text stays in the chain and out of the message."""
    try:
        yield
    except ConnectionFailure as error:
        raise _unavailable() from error
    except DuplicateKeyError as error:
        raise _duplicate() from error
    except BulkWriteError as error:
        raise _of_codes(_codes(error), error) from error
    except OperationFailure as error:
        raise _of_codes({error.code or 0}, error) from error
    except DocumentTooLarge as error:
        raise too_large() from error
    except PyMongoError as error:
        raise (_unavailable() if error.timeout else _refused()) from error


def _bounded(client: Client) -> AbstractContextManager[object]:
    """Without a limit each request has the client's own time-outs."""
    own = client.options.pool_options.socket_timeout or FOREVER
    return timeout(at_most(own)) if is_limited() else nullcontext()


def _is_silence(error: Exception) -> bool:
    return isinstance(error, ConnectionFailure)


def _given(options: Mapping[str, Option]) -> dict[str, Any]:
    in_uri = {name.lower() for name, _ in parse_qsl(urlsplit(_uri(options)).query)}
    given = {name: value for name, value in options.items() if value not in ("", None)}
    lower = {name.lower() for name in given}
    defaults = {name: value for name, value in DEFAULTS.items() if name.lower() not in lower}
    return {name: value for name, value in (defaults | given).items() if name.lower() not in in_uri}


def _uri(options: Mapping[str, Option]) -> str:
    host = str(options.get("host") or "")
    return host if "://" in host else ""


def _reason(error: Exception, options: Mapping[str, Option]) -> str:
    """What the client says, unless a secret might be in it."""
    text = str(error)
    password = str(options.get("password") or "")
    is_safe = not _uri(options) and isinstance(error, ConfigurationError | ValueError | TypeError)
    if is_safe and not isinstance(error, InvalidURI) and not (password and password in text):
        return f" It says: {text}"
    return " Is the URI right: mongodb://user:password@host:27017/database, special characters written as %XX?"


def _codes(error: BulkWriteError) -> set[int]:
    details = error.details or {}
    told = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    return {one.get("code", 0) for one in told}


def _of_codes(codes: set[int], error: OperationFailure) -> StoreError:
    if DUPLICATE_KEY in codes:
        return _duplicate()
    if codes & OUTAGES or error.timeout or error.has_error_label(IN_THE_WAY):
        return _unavailable()
    if codes & TOO_LARGE:
        return too_large()
    return _not_allowed() if codes & NOT_ALLOWED else _refused()


def _unavailable() -> StoreUnavailableError:
    return StoreUnavailableError("The record store (MongoDB) does not answer. Try again; the log says more.")


def _duplicate() -> DuplicateIdError:
    return DuplicateIdError("An id is recorded already.")


def too_large() -> StoreError:
    return StoreError("MongoDB takes 16 MB at once. Give a smaller document, or ask for fewer ids or values at a time.")


def _not_allowed() -> StoreError:
    return StoreError(
        "MongoDB refuses the login, or the user may not read and write the database. "
        "See mongodb/username, password, authSource and authMechanism."
    )


def _refused() -> StoreError:
    return StoreError("The record store (MongoDB) refused a request; the log says more.")
