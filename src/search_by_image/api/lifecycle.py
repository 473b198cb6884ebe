"""The service from its start to its end: which requests run, and that no new ones begin once it is being stopped."""

from starlette.types import ASGIApp, Receive, Scope, Send

from search_by_image.api.responses import problem
from search_by_image.tally import Count

ALWAYS = frozenset({"/healthz", "/metrics"})
RETRY_AFTER = {"Retry-After": "5", "Connection": "close"}


class Lifecycle:
    """Of one application; thread-safe."""

    def __init__(self) -> None:
        self.running = Count()
        self.is_stopping = False

    def stop(self) -> None:
        """From here on new requests are refused; those that run go on."""
        self.is_stopping = True


class Draining:
    """Counts the requests that run; answers 503 to new ones while the service stops."""

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self._app(scope, receive, send)
        elif self._lifecycle.is_stopping:
            await self._refuse(scope, receive, send)
        else:
            with self._lifecycle.running.one_more():
                await self._app(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = "The service is being stopped. Try again in a few seconds, when it or another one runs."
        await problem(503, "shutting_down", text, RETRY_AFTER)(scope, receive, send)
