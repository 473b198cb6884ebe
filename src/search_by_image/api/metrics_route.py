"""`GET /metrics`, for Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from search_by_image.api.callers import Caller, requires
from search_by_image.api.local import is_from_here
from search_by_image.api.metrics import Metrics
from search_by_image.errors import ForbiddenError
from search_by_image.keys import Scope

WITHOUT_KEY = "Without an API key metrics are for this machine alone: ask from 127.0.0.1 with no proxy between."
LIMITED = "Metrics are of all collections, and this API key is for some. Use a key with the scope read for all."


def metrics_routes(metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/metrics", response_class=Response, openapi_extra={"security": [{}]})
    def read_metrics(request: Request, caller: Annotated[Caller, requires(Scope.READ, free_here=True)]) -> Response:
        """Prometheus's text format, or OpenMetrics where it is accepted."""
        _check(caller, request)
        content, media_type = metrics.text(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": media_type})

    return router


def _check(caller: Caller, request: Request) -> None:
    """Raises `ForbiddenError`."""
    if caller.is_limited:
        raise ForbiddenError(LIMITED)
    if not caller.key_id and not is_from_here(request.scope):
        raise ForbiddenError(WITHOUT_KEY)
