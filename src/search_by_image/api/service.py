"""Routes about the service itself: is it up, can it work, what does it offer."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import iter_route_contexts

from search_by_image.api.callers import PUBLIC, Caller, requires
from search_by_image.api.readiness import Readiness
from search_by_image.api.responses import SafeJSONResponse, problem
from search_by_image.api.v1.schemas import CollectionInfo, Info, Limits, PipelineInfo
from search_by_image.images import FORMATS
from search_by_image.keys import Scope
from search_by_image.library import Library
from search_by_image.records.base import Match


def service_routes(library: Library, readiness: Readiness, limits: Limits) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/healthz", summary="Health", dependencies=[PUBLIC])
    async def healthz() -> dict[str, str]:
        """200 as long as the process answers."""
        return {"status": "ok"}

    @router.get(
        "/readyz",
        summary="Readiness",
        dependencies=[PUBLIC],
        responses={503: {"description": "A store or a model does not answer"}},
    )
    def readyz() -> Response:
        """200 when the stores and the models answer; they are asked every two seconds at most."""
        outcomes = readiness.outcomes()
        failed = [error for error in outcomes.values() if error is not None]
        if not failed:
            return SafeJSONResponse({"status": "ready"})
        checks = {name: error.code if error else "ok" for name, error in outcomes.items()}
        return problem(503, failed[0].code, str(failed[0]), {"Retry-After": "2"}, checks=checks)

    @router.get("/v1/info", summary="Service Info")
    def info(request: Request, caller: Annotated[Caller, requires(Scope.READ)]) -> Info:
        """What this service offers."""
        return Info(
            name="search-by-image",
            version=version("search-by-image"),
            pipelines=[_pipeline(library, name) for name in library.pipelines],
            collections=_collections(library, caller),
            default_collection=library.options.default_collection,
            image_formats=list(FORMATS),
            features=_features(request.app),
            limits=limits,
        )

    return router


def _collections(library: Library, caller: Caller) -> list[CollectionInfo]:
    with library.as_one_call():
        names = caller.allowed(library.collections())
        return [CollectionInfo(name=name, count=library.count(Match(collection=name))) for name in names]


def _pipeline(library: Library, name: str) -> PipelineInfo:
    pipeline = library.pipelines[name]
    return PipelineInfo(
        name=name,
        dimension=pipeline.dimension,
        metric=pipeline.metric or library.options.metric,
        processors=[node.processor_name for node in pipeline.nodes],
        fingerprint=pipeline.fingerprint,
        text=pipeline.takes_text,
    )


def _features(app: FastAPI) -> list[str]:
    tags = {tag for route in iter_route_contexts(app.routes) for tag in getattr(route, "tags", None) or ()}
    return sorted(str(tag) for tag in tags - {"service"})
