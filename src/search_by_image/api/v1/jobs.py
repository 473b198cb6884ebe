"""`/v1/collections/{collection}/imports`, `/v1/jobs`: imports in the background."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from search_by_image.api.callers import Caller
from search_by_image.api.responses import SafeJSONResponse
from search_by_image.api.v1 import job_schemas as schemas
from search_by_image.api.v1.job_events import EventStreams
from search_by_image.api.v1.openapi import upload_body
from search_by_image.api.v1.parameters import CollectionName
from search_by_image.api.v1.service import Reader, Writer
from search_by_image.api.v1.uploads import format_of, receive
from search_by_image.errors import NotFoundError
from search_by_image.jobs.description import describe
from search_by_image.jobs.job import Job, OnDuplicate, State
from search_by_image.jobs.jobs import Jobs, Order

FIRST_ERRORS = 10
MOST_LISTED = 1000
PLACE = "this service"
IMPORTS = "/v1/collections/{collection}/imports"
JOB_ID = "^[0-9a-f]{21}$"
AN_ID = "18f2a7c3d4e5f60718293"
JobId = Annotated[str, Path(alias="id", description="The job's id", pattern=JOB_ID, examples=[AN_ID])]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before", pattern=JOB_ID, examples=[AN_ID])]
Number = Annotated[int | None, Query(description="`next_cursor` of the page before", ge=0, examples=[7])]
PipelineName = Annotated[
    str | None, Query(description="None: the collection's own, or the only one", examples=["DemoSearch"])
]
Webhook = Annotated[
    str | None,
    Query(description="Where the end of the job is told to", examples=["https://shop.example.com/imported"]),
]
Secret = Annotated[
    str | None,
    Header(
        alias="X-Webhook-Secret",
        description="`whsec_...`; none: one is made and answered",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    ),
]
LastEvent = Annotated[str | None, Header(description="The last event that was received", examples=["50-running"])]
STREAM = {"example": 'event: progress\ndata: {"state": "running", "done": 50}\n\n'}
ACCEPTED: dict[str, Any] = {
    "description": "The job is recorded and will be done",
    "headers": {"Location": {"description": "Of the job", "schema": {"type": "string"}}},
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events `progress` and `end`", "content": {"text/event-stream": STREAM}},
    204: {"description": "The caller has heard of the end: do not come back"},
}


def job_routes(jobs: Jobs, *, list_bytes: int, is_stopping: Callable[[], bool]) -> APIRouter:
    """`list_bytes`: of a list in JSON; `is_stopping`: whether the service is, so that no stream keeps it."""
    router = APIRouter(prefix="/v1", tags=["jobs"])
    _add_imports(router, jobs, list_bytes)
    _add_reads(router, jobs)
    _add_events(router, jobs, is_stopping)
    _add_cancel(router, jobs)
    return router


def _add_imports(router: APIRouter, jobs: Jobs, list_bytes: int) -> None:
    @router.post(
        IMPORTS.removeprefix(router.prefix),
        status_code=202,
        response_model=schemas.Job,
        responses={202: ACCEPTED},
        openapi_extra=upload_body(),
    )
    async def import_images(
        *,
        request: Request,
        caller: Writer,
        collection: CollectionName,
        pipeline: PipelineName = None,
        on_duplicate: Annotated[
            OnDuplicate, Query(description="What becomes of a picture whose id there is already")
        ] = OnDuplicate.REPLACE,
        webhook: Webhook = None,
        secret: Secret = None,
    ) -> Response:
        """Import many pictures in the background.

        The body is NDJSON, CSV, a zip of pictures, or a list in JSON.
        """
        upload_format = format_of(request)
        order = Order(collection, pipeline or "", on_duplicate, webhook or "", secret or "")
        order = await run_in_threadpool(_checked, jobs, caller, order)
        with await run_in_threadpool(jobs.incoming, upload_format) as upload:
            await receive(request, upload, list_bytes=list_bytes)
            job = await run_in_threadpool(jobs.submit, order, upload)
        return SafeJSONResponse(_with_secret(job), 202, {"Location": f"/v1/jobs/{job.id}"})


def _add_reads(router: APIRouter, jobs: Jobs) -> None:
    @router.get("/jobs", response_model=schemas.JobPage)
    def list_jobs(
        caller: Reader,
        collection: Annotated[str | None, Query(description="None: of all", examples=["pets"])] = None,
        state: Annotated[State | None, Query(description="None: in any", examples=["running"])] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        """Jobs of the last days (`jobs/keep_days`), the latest first."""

        def is_wanted(job: Job) -> bool:
            return caller.may(job.collection) and collection in (None, job.collection) and state in (None, job.state)

        found = jobs.newest(is_wanted, after=cursor or "", limit=limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        return SafeJSONResponse({"jobs": [describe(job) for job in found[:limit]], "next_cursor": more})

    @router.get("/jobs/{id}", response_model=schemas.JobWithErrors)
    def get_job(caller: Reader, job_id: JobId) -> Response:
        """How far a job is."""
        job = _permitted(jobs, caller, job_id)
        errors = jobs.errors(job_id, limit=FIRST_ERRORS)
        return SafeJSONResponse({**describe(job), "errors": [asdict(error) for error in errors]})

    @router.get("/jobs/{id}/errors", response_model=schemas.ItemFailures)
    def list_errors(caller: Reader, job_id: JobId, cursor: Number = None, limit: Limit = 100) -> Response:
        """Which items failed, and why; of very many the first (`jobs/max_errors`)."""
        _permitted(jobs, caller, job_id)
        found = jobs.errors(job_id, after=cursor or 0, limit=limit + 1)
        more = str(found[limit - 1].number) if len(found) > limit else None
        return SafeJSONResponse({"errors": [asdict(error) for error in found[:limit]], "next_cursor": more})


def _add_events(router: APIRouter, jobs: Jobs, is_stopping: Callable[[], bool]) -> None:
    streams = EventStreams(jobs, is_stopping)

    @router.get("/jobs/{id}/events", response_class=Response, responses=EVENTS)
    async def job_events(
        caller: Reader,
        job_id: JobId,
        last_event_id: LastEvent = None,
    ) -> Response:
        """The job's progress as server-sent events, until its end."""
        job = await run_in_threadpool(_permitted, jobs, caller, job_id)
        return streams.open(job, last_event_id or "")


def _add_cancel(router: APIRouter, jobs: Jobs) -> None:
    @router.post("/jobs/{id}:cancel", response_model=schemas.Job)
    def cancel_job(caller: Writer, job_id: JobId) -> Response:
        """End a job soon. What it has imported stays; a job that has ended stays as it is."""
        _permitted(jobs, caller, job_id)
        return SafeJSONResponse(describe(jobs.cancel(job_id)))


def _checked(jobs: Jobs, caller: Caller, order: Order) -> Order:
    caller.check(order.collection)
    return jobs.checked(order)


def _permitted(jobs: Jobs, caller: Caller, job_id: str) -> Job:
    """A job of another's collection is none at all. Raises `NotFoundError`."""
    job = jobs.find(job_id)
    if not caller.may(job.collection):
        raise NotFoundError("job", job_id, PLACE)
    return job


def _with_secret(job: Job) -> dict[str, Any]:
    described = describe(job)
    if job.webhook is not None:
        described["webhook"]["secret"] = job.webhook.secret
    return described
