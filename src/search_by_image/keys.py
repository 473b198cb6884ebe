"""API keys: who may call the service, and for what. Kept in the ledger, of the secret only its hash."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Any

from search_by_image.errors import InvalidInputError, UnauthenticatedError, UnknownNameError
from search_by_image.records.ledger import Entry, Ledger
from search_by_image.settings import check_collection_name

KIND = "api_key"
PREFIX = "sbi"
SECRET_BYTES = 32
NAME_LENGTH = 100
AT_ONCE = 1000


class Scope(StrEnum):
    """What a key is for; each may do what those before it may."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def allows(self, needed: "Scope") -> bool:
        ranks = list(Scope)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`collections`: the only ones that it may touch; empty: all. `digest`: SHA-256 of the secret, in hexadecimal."""

    id: str
    name: str
    scope: Scope
    collections: tuple[str, ...]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    digest: str = field(repr=False)

    def state(self, now: datetime) -> str:
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


class Keys:
    """The keys of a ledger. All processes that share the ledger share the keys."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def create(
        self, name: str, scope: Scope, *, collections: Sequence[str] = (), days: float | None = None
    ) -> tuple[str, ApiKey]:
        """A new key and its text, which is shown this once; `days`: until it expires.

        Raises `InvalidInputError` for a name of a key or a collection that cannot be.
        """
        secret, now = secrets.token_urlsafe(SECRET_BYTES), datetime.now(UTC)
        key = ApiKey(
            id=secrets.token_hex(6),
            name=_checked_name(name),
            scope=scope,
            collections=tuple(dict.fromkeys(map(check_collection_name, collections))),
            created=now,
            expires=None if days is None else now + timedelta(days=days),
            revoked=None,
            digest=_digest(secret),
        )
        self._ledger.add(KIND, key.id, _body(key))
        return f"{PREFIX}_{key.id}_{secret}", key

    def find(self, id_: str) -> ApiKey | None:
        entry = self._ledger.get(KIND, id_)
        return _key(entry) if entry else None

    def all(self) -> list[ApiKey]:
        """Revoked and expired ones too, oldest first."""
        return sorted(self._stored(), key=lambda key: key.created)

    def exist(self) -> bool:
        """Whether there is any key; revoked and expired ones count."""
        return bool(self._ledger.list(KIND, limit=1))

    def revoke(self, id_: str) -> ApiKey:
        """Nobody gets in with it from now on. Raises `UnknownNameError`."""
        while entry := self._ledger.get(KIND, id_):
            key = _key(entry)
            revoked = replace(key, revoked=key.revoked or datetime.now(UTC))
            if self._ledger.replace(KIND, id_, _body(revoked), entry.version):
                return revoked
        raise self._unknown(id_)

    def delete(self, id_: str) -> None:
        """Forget the key. Raises `UnknownNameError`, `InvalidInputError` when it is in use still."""
        key = self.find(id_)
        if key is None:
            raise self._unknown(id_)
        if key.state(datetime.now(UTC)) == "active":
            raise InvalidInputError(f"The key {id_!r} ({key.name}) is in use. Revoke it first: keys revoke {id_}")
        self._ledger.delete(KIND, id_)

    def _stored(self) -> Iterator[ApiKey]:
        page = self._ledger.list(KIND, limit=AT_ONCE)
        while page:
            yield from map(_key, page)
            page = self._ledger.list(KIND, after=page[-1].id, limit=AT_ONCE)

    def _unknown(self, id_: str) -> UnknownNameError:
        return UnknownNameError("API key", id_, (key.id for key in self._stored()))


def id_in(text: str) -> str:
    """The id in a key's text; '' when it is no key's text."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX and parts[1].isalnum() else ""  # noqa: PLR2004


def check_key(key: ApiKey | None, text: str) -> ApiKey:
    """The key, when the text is its own and it is in force; else `UnauthenticatedError`.

    Only who knows the secret hears that a key was revoked or has expired.
    """
    secret = text.split("_", 2)[-1]
    if key is None or not compare_digest(_digest(secret), key.digest):
        raise UnauthenticatedError("This API key is not known. Is it complete? It looks like sbi_ID_SECRET.")
    state = key.state(datetime.now(UTC))
    if state != "active":
        raise UnauthenticatedError(f"The API key {key.id} is {state}. Ask for a new one.")
    return key


def _digest(secret: str) -> str:
    """A fast hash is right: the secret is random and as long as the hash, so it cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _checked_name(name: str) -> str:
    tidy = name.strip()
    if not 1 <= len(tidy) <= NAME_LENGTH or not tidy.isprintable():
        raise InvalidInputError(
            f"The key's name {tidy[:32]!r} cannot be used. Allowed: 1 to {NAME_LENGTH} printable characters that say "
            "who uses the key."
        )
    return tidy


def _body(key: ApiKey) -> Mapping[str, Any]:
    return {
        "name": key.name,
        "scope": key.scope.value,
        "collections": list(key.collections),
        "created": key.created.isoformat(),
        "expires": key.expires and key.expires.isoformat(),
        "revoked": key.revoked and key.revoked.isoformat(),
        "sha256": key.digest,
    }


def _key(entry: Entry) -> ApiKey:
    body = entry.body
    return ApiKey(
        id=entry.id,
        name=body["name"],
        scope=Scope(body["scope"]),
        collections=tuple(body["collections"]),
        created=datetime.fromisoformat(body["created"]),
        expires=_time(body["expires"]),
        revoked=_time(body["revoked"]),
        digest=body["sha256"],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
