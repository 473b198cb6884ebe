"""A job's progress as server-sent events: each tells all, so one that gets lost is made up for by the next."""

from collections.abc import AsyncIterator, Callable
from time import monotonic

from anyio import CapacityLimiter, sleep, to_thread
from fastapi import Response
from fastapi.sse import EventSourceResponse, format_sse_event

from search_by_image.api.responses import safe_json
from search_by_image.errors import OverloadedError, StoreUnavailableError
from search_by_image.jobs.description import describe
from search_by_image.jobs.job import Job
from search_by_image.jobs.jobs import Jobs

END = "end"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
LOOKUPS_AT_ONCE = 4
RETRY_MS = 2000
RETRY_AFTER = 10
BLINK = 0.2


class EventStreams:
    """To be used in one event loop. `is_stopping`: whether the service is."""

    def __init__(self, jobs: Jobs, is_stopping: Callable[[], bool]) -> None:
        self._jobs = jobs
        self._is_stopping = is_stopping
        self._open = 0
        self._limiter: CapacityLimiter | None = None

    def open(self, job: Job, last_event: str) -> Response:
        """`last_event`: the id of the last one that the caller has heard, '' for none. Raises `OverloadedError`."""
        if last_event == END:
            return Response(status_code=204)
        most = self._jobs.options.streams
        if self._open >= most:
            raise OverloadedError(
                f"{most} streams of events are open already (jobs/streams). Ask for the job itself.",
                retry_after=RETRY_AFTER,
            )
        return EventSourceResponse(self._events(job, last_event), headers=HEADERS)

    async def _events(self, job: Job, last_event: str) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            yield format_sse_event(retry=RETRY_MS)
            async for event in self._changes(job, last_event):
                yield event
        finally:
            self._open -= 1

    async def _changes(self, job: Job, told: str) -> AsyncIterator[bytes]:
        spoke = monotonic()
        while not self._is_stopping():
            if job.state.has_ended:
                yield _event(job, END, END)
                return
            if str(job.version) != told:
                yield _event(job, "progress", told := str(job.version))
                spoke = monotonic()
            elif monotonic() - spoke >= self._jobs.options.heartbeat:
                yield format_sse_event(comment="heartbeat")
                spoke = monotonic()
            await self._pause()
            job = await self._look_up(job)

    async def _pause(self) -> None:
        """Until the next look, or the service is being stopped."""
        until = monotonic() + self._jobs.options.poll
        while not self._is_stopping() and (left := until - monotonic()) > 0:
            await sleep(min(left, BLINK))

    async def _look_up(self, job: Job) -> Job:
        """In threads of its own: those of the requests may all be at work. As it was, where the store is away."""
        self._limiter = self._limiter or CapacityLimiter(LOOKUPS_AT_ONCE)
        try:
            return await to_thread.run_sync(self._jobs.find, job.id, limiter=self._limiter)
        except StoreUnavailableError:
            return job


def _event(job: Job, name: str, id_: str) -> bytes:
    return format_sse_event(event=name, id=id_, data_str=safe_json(describe(job)).decode())
