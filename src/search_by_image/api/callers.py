"""Who calls: what the caller may do, and how a route says what it takes.

    @router.get("/v1/things/{collection}")
    def things(collection: str, caller: Annotated[Caller, requires(Scope.READ)]) -> ...:
        caller.check(collection)

A route that says nothing is refused to everyone; `PUBLIC` is for those that are open to all.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Depends, Request, params
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.types import Scope as Connection

from search_by_image.errors import ForbiddenError
from search_by_image.keys import ApiKey, Scope

CALLER = "search_by_image.caller"
SENT = "An API key, as `Authorization: Bearer KEY`, or as `X-API-Key: KEY`. Without any key the service asks for none."


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` and `key_id` are of the caller's key, '' without one; `collections`: the only ones allowed; empty: all."""

    name: str = ""
    key_id: str = ""
    scope: Scope | None = None
    collections: tuple[str, ...] = ()

    @property
    def is_limited(self) -> bool:
        return bool(self.collections)

    def may(self, collection: str) -> bool:
        return not self.collections or collection in self.collections

    def check(self, collection: str) -> None:
        """Raises `ForbiddenError` unless the caller may use the collection."""
        if not self.may(collection):
            raise ForbiddenError(f"This API key may not use the collection {collection!r}. Its own: {self._own()}.")

    def check_scope(self, needed: Scope) -> None:
        """Raises `ForbiddenError` unless the caller's key is for that."""
        if self.scope is None or not self.scope.allows(needed):
            raise ForbiddenError(f"This call needs an API key with the scope {needed}; this one has {self.scope}.")

    def allowed(self, collections: Iterable[str]) -> list[str]:
        """Those of the collections that the caller may use."""
        return [name for name in collections if self.may(name)]

    def everywhere(self) -> str:
        """The collection that stands for all: '' without a limit, else the only one; `ForbiddenError` for more."""
        if len(self.collections) > 1:
            raise ForbiddenError(f"This API key may not use all collections. Name one of its own: {self._own()}.")
        return self.collections[0] if self.collections else ""

    def _own(self) -> str:
        return ", ".join(self.collections)


ANYONE = Caller()
HERE = Caller(scope=Scope.READ)
"""The caller without a key, on this very machine, of a call that is free here."""
ALMIGHTY = Caller(scope=Scope.ADMIN)
"""The caller without a key, where there is no key at all."""


class Requires(SecurityBase):
    """A dependency that answers with the caller; FastAPI describes what callers must send."""

    def __init__(self, scope: Scope, *, free_here: bool = False) -> None:
        self.scope = scope
        self.free_here = free_here
        self.scheme_name = "ApiKey"
        self.model = HTTPBearer(description=SENT)

    async def __call__(self, request: Request) -> Caller:
        caller = caller_in(request.scope)
        if caller is None:
            raise ForbiddenError("Nobody asked who calls. Is the application without its access control?")
        caller.check_scope(self.scope)
        return caller


def requires(scope: Scope, *, free_here: bool = False) -> params.Security:
    """The caller's key must be for that, as the description says, too. `free_here`: from this very machine none is."""
    return params.Security(Requires(scope, free_here=free_here), scopes=[scope.value])


async def public() -> None:
    """For `Depends`: anyone may call."""


PUBLIC = Depends(public)


def caller_of(key: ApiKey) -> Caller:
    return Caller(key.name, key.id, key.scope, key.collections)


def caller_in(connection: Connection) -> Caller | None:
    """The caller of a request that was let in."""
    found = connection.get(CALLER)
    return found if isinstance(found, Caller) else None
