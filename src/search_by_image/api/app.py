"""The web application over an engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from search_by_image.api.access import Access
from search_by_image.api.access_log import log_access
from search_by_image.api.allowed_methods import allowed_methods
from search_by_image.api.bodies import Bodies, BodyLimits
from search_by_image.api.contract import contract_routes
from search_by_image.api.cors import Cors
from search_by_image.api.crowd import Crowd
from search_by_image.api.description import add_description
from search_by_image.api.guard import Guard
from search_by_image.api.known_keys import KnownKeys
from search_by_image.api.lifecycle import Draining, Lifecycle
from search_by_image.api.metrics import Metrics
from search_by_image.api.metrics_route import metrics_routes
from search_by_image.api.page_routes import add_page
from search_by_image.api.rates import Rates
from search_by_image.api.readiness import Readiness
from search_by_image.api.responses import (
    SafeJSONResponse,
    problem_of,
    problem_of_status,
    problem_of_validation,
)
from search_by_image.api.safe_headers import SafeHeaders
from search_by_image.api.service import service_routes
from search_by_image.api.spans import Spans
from search_by_image.api.tracing import Tracing
from search_by_image.api.v1.jobs import IMPORTS, job_routes
from search_by_image.api.v1.openapi import complete_description
from search_by_image.api.v1.routes import v1_routes
from search_by_image.api.v1.schemas import Limits
from search_by_image.api.v1.searches import MOST_FILES
from search_by_image.api.v1.service import Service
from search_by_image.engine import SearchEngine
from search_by_image.errors import SearchByImageError
from search_by_image.fetch import UrlFetcher
from search_by_image.jobs.jobs import Jobs
from search_by_image.keys import Keys
from search_by_image.library import Library

FORM_OVERHEAD = 65_536


@dataclass(frozen=True, slots=True)
class AppOptions:
    """`page`: serve the page at `/`, from `static_path` when it is given; `cors_origins`: '*' or such as https://a.b.

    `allowed_hosts`: names, beside this machine's loopback addresses, that the service is called by; empty: any.
    `anonymous`: while there is no API key, anyone may do everything; `key_seconds`: how long a look-up of a key holds.
    `count_seconds`: how long a count of images holds in the metrics.
    `requests`: answered at once; `body_pause`: seconds between two parts of a body; `body_seconds`: for the whole.
    """

    page: bool = True
    static_path: Path | None = None
    page_size_max: int = 1000
    document_bytes: int = 262_144
    filter_conditions: int = 1000
    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    anonymous: bool = True
    key_seconds: float = 3.0
    count_seconds: float = 60.0
    rates: Rates = field(default_factory=Rates)
    requests: int = 256
    body_pause: float = 15.0
    body_seconds: float = 300.0


def create_app(
    engine: SearchEngine,
    fetcher: UrlFetcher,
    options: AppOptions | None = None,
    *,
    jobs: Jobs | None = None,
    spans: Spans | None = None,
) -> FastAPI:
    """The engine, the fetcher and the jobs stay the caller's to close. Without jobs there are no calls about them."""
    options = options or AppOptions()
    max_bytes = engine.library.extractor.limits.max_bytes
    app = FastAPI(
        title="search-by-image",
        version=version("search-by-image"),
        summary="Find the pictures in your own library that look like a given one",
        default_response_class=SafeJSONResponse,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.lifecycle = lifecycle = Lifecycle()
    readiness = Readiness.of(engine.library)
    metrics = Metrics(engine.library, lifecycle, readiness, jobs, count_seconds=options.count_seconds)
    _add_middleware(app, engine.library, options, lifecycle, upload_limits(jobs, options))
    app.add_middleware(Tracing, observers=(log_access, metrics.observe), spans=spans)
    app.add_middleware(SafeHeaders)
    _translate_errors(app)
    app.include_router(contract_routes(engine, fetcher, max_bytes=max_bytes, page_size_max=options.page_size_max))
    app.include_router(
        v1_routes(
            Service(
                engine.library,
                fetcher,
                page_size_max=options.page_size_max,
                document_bytes=options.document_bytes,
                filter_conditions=options.filter_conditions,
            )
        )
    )
    if jobs is not None:
        list_bytes = body_limit(max_bytes, options.document_bytes)
        app.include_router(job_routes(jobs, list_bytes=list_bytes, is_stopping=lambda: lifecycle.is_stopping))
    complete_description(app)
    app.include_router(service_routes(engine.library, readiness, _limits(engine.library, options)))
    app.include_router(metrics_routes(metrics))
    add_description(app)
    if options.page:
        add_page(app, options.static_path)
    return app


def _add_middleware(
    app: FastAPI, library: Library, options: AppOptions, lifecycle: Lifecycle, uploads: Mapping[str, BodyLimits]
) -> None:
    """The last one added is the first to see a request."""
    max_bytes = body_limit(library.extractor.limits.max_bytes, options.document_bytes)
    limits = BodyLimits(max_bytes, options.body_pause, options.body_seconds)
    app.add_middleware(Bodies, limits=limits, special=uploads)
    app.add_middleware(Crowd, limit=options.requests)
    app.add_middleware(Access, keys=known_keys(library, options), rates=options.rates, anonymous=options.anonymous)
    if options.cors_origins:
        app.add_middleware(Cors, origins=options.cors_origins)
    app.add_middleware(Guard, origins=options.cors_origins, hosts=options.allowed_hosts)
    app.add_middleware(Draining, lifecycle=lifecycle)


def body_limit(max_bytes: int, document_bytes: int) -> int:
    """Room for a picture in Base64, its document and the form around them."""
    return max_bytes * 4 // 3 + document_bytes + FORM_OVERHEAD


def upload_limits(jobs: Jobs | None, options: AppOptions) -> dict[str, BodyLimits]:
    """Of the call that takes an upload for a job."""
    if jobs is None:
        return {}
    return {
        IMPORTS: BodyLimits(
            jobs.options.max_bytes,
            options.body_pause,
            jobs.options.upload_seconds,
            size_setting="jobs/max_bytes",
            time_settings="limits/body_pause, jobs/upload_seconds",
        )
    }


def _limits(library: Library, options: AppOptions) -> Limits:
    pictures = library.extractor.limits
    return Limits(
        max_upload_bytes=pictures.max_bytes,
        max_body_bytes=body_limit(pictures.max_bytes, options.document_bytes),
        max_pixels=pictures.max_pixels,
        document_bytes=options.document_bytes,
        page_size_max=options.page_size_max,
        top_k=library.options.top_k,
        match_score=library.options.match_score,
        filter_conditions=options.filter_conditions,
        search_pictures=MOST_FILES,
    )


def known_keys(library: Library, options: AppOptions) -> KnownKeys:
    return KnownKeys(Keys(library.ledger), seconds=options.key_seconds, patience=library.store_timeout)


def _translate_errors(app: FastAPI) -> None:
    @app.exception_handler(SearchByImageError)
    async def known(_request: Request, error: SearchByImageError) -> Response:
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        return problem_of_validation(error)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        answer = problem_of_status(error)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = ", ".join(allowed_methods(request))
        return answer
