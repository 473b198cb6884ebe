"""Access control: who calls is known, and may call, before anything of the request's body is read."""

import logging
from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from search_by_image.api.callers import ALMIGHTY, ANYONE, CALLER, HERE, Caller, Requires, caller_of, public
from search_by_image.api.exchange import note_key, note_route
from search_by_image.api.known_keys import KnownKeys
from search_by_image.api.local import is_from_here
from search_by_image.api.rates import Counted, Rates, telling
from search_by_image.api.refusal import refusal
from search_by_image.errors import ForbiddenError, SearchByImageError, UnauthenticatedError
from search_by_image.keys import Scope, check_key, id_in

BEARER = "bearer "
HEADER = "X-API-Key"
UNDECLARED = "%s says not what it requires: declare it with requires(...)"
logger = logging.getLogger(__name__)


class Access:
    """Refuses what a caller may not do; of a request that is let in the caller is in `scope[CALLER]`.

    `anonymous`: while there is no key at all, a caller without one may do everything. `rates` count what is not public.
    """

    def __init__(self, app: ASGIApp, *, keys: KnownKeys, rates: Rates, anonymous: bool) -> None:
        self._app = app
        self._keys = keys
        self._rates = rates
        self._anonymous = anonymous

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            counted: list[Counted] = []
            send = telling(send, counted)
            try:
                scope[CALLER] = await self._admit(scope, counted)
                note_key(scope[CALLER].name, scope[CALLER].collections)
            except SearchByImageError as error:
                await refusal(scope, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Connection, counted: list[Counted]) -> Caller:
        route = selected_route(scope)
        note_route((route and route.path_format) or "")
        if route is not None and is_public(route):
            return ANYONE
        self._rates.count_address(scope, counted)
        if route is not None and is_free_here(route) and is_from_here(scope):
            return HERE
        caller = await self._identify(Headers(scope=scope))
        self._rates.count_key(caller, counted)
        if route is not None:
            caller.check_scope(_required_by(route, scope["path"]))
        return caller

    async def _identify(self, headers: Headers) -> Caller:
        text = key_in(headers)
        if text:
            return caller_of(check_key(await self._keys.find(id_in(text)) if id_in(text) else None, text))
        if self._anonymous and not await self._keys.exist():
            return ALMIGHTY
        raise UnauthenticatedError(
            "An API key is needed. Send it as Authorization: Bearer KEY, or as X-API-Key. "
            "Whoever runs the service makes one with search-by-image keys create."
        )


def key_in(headers: Headers) -> str:
    """The key's text that a request came with; '' when there is none."""
    authorization = headers.get("Authorization", "")
    if authorization[: len(BEARER)].lower() == BEARER:
        return authorization[len(BEARER) :].strip()
    return headers.get(HEADER, "").strip()


def selected_route(scope: Connection) -> RouteContext | None:
    """The route that will answer, or would to another method; None when there is none."""
    partial = None
    for route in routes_of(scope["app"]):
        match = route.matches(scope)[0]
        if match is Match.FULL:
            return route
        if match is Match.PARTIAL and partial is None:
            partial = route
    return partial


def routes_of(app: FastAPI) -> Iterator[RouteContext]:
    return iter_route_contexts(app.routes)


def is_public(route: RouteContext) -> bool:
    """Files that are served from a folder are for all."""
    return isinstance(getattr(route.route, "app", None), StaticFiles) or public in _dependencies(route)


def is_free_here(route: RouteContext) -> bool:
    """From this very machine no key is needed."""
    return any(call.free_here for call in _dependencies(route) if isinstance(call, Requires))


def declared_scope(route: RouteContext) -> Scope | None:
    """None: it declares nothing."""
    return next((call.scope for call in _dependencies(route) if isinstance(call, Requires)), None)


def _required_by(route: RouteContext, path: str) -> Scope:
    scope = declared_scope(route)
    if scope is None:
        logger.error(UNDECLARED, path)
        raise ForbiddenError("This call is not open to anyone: it does not say what it requires.")
    return scope


def _dependencies(route: RouteContext) -> list[object]:
    dependant = getattr(route, "dependant", None)
    return [dependency.call for dependency in dependant.dependencies] if dependant else []
