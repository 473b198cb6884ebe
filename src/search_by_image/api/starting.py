"""What answers while the stores and models are opened: 503, but for `/healthz`."""

from starlette.types import Receive, Scope, Send

from search_by_image.api.responses import SafeJSONResponse, problem

RETRY_AFTER = {"Retry-After": "2", "Connection": "close"}


async def still_starting(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application."""
    text = "The service is being started. Try again in a few seconds."
    is_health = scope["path"] == "/healthz"
    answer = SafeJSONResponse({"status": "ok"}) if is_health else problem(503, "starting", text, RETRY_AFTER)
    await answer(scope, receive, send)
