"""Waiting for the end of a job: what both clients know of it between two lines of its events, and between two looks."""

from collections.abc import Callable, Mapping
from time import monotonic

import httpx
from pydantic import ValidationError

from search_by_image.api.v1.job_schemas import Job
from search_by_image.client.errors import ClientError, NoAnswerError, NotEndedError, ServiceError, UnexpectedAnswerError

POLL = 1.0
PATIENCE = 120.0
EVENTS = "text/event-stream"
PASSING = frozenset({429, 502, 503, 504})


class Waiting:
    """`timeout`: seconds for the whole, None: as long as it takes; `patience`: for a service that does not answer."""

    def __init__(
        self, id_: str, on_progress: Callable[[Job], None] | None, timeout: float | None, patience: float
    ) -> None:
        self._id = id_
        self._on_progress = on_progress
        self._timeout = timeout
        self._patience = patience
        self._started = self._heard = monotonic()
        self._told: Job | None = None
        self._event: dict[str, str] = {}
        self._last_event = ""

    @property
    def headers(self) -> Mapping[str, str]:
        """Of a request for the events from here on."""
        return {"Accept": EVENTS} | ({"Last-Event-ID": self._last_event} if self._last_event else {})

    def begin(self, answer: httpx.Response) -> bool:
        """Whether it is a stream of events; else the job itself must be asked for."""
        self._event = {}
        return answer.status_code == httpx.codes.OK and answer.headers.get("content-type", "").startswith(EVENTS)

    def hears(self, line: str) -> bool:
        """Take the next line of the events; whether that was all. Raises `NotEndedError`."""
        self._check()
        name, _, value = line.partition(":")
        if line and name:
            self._event[name] = value.removeprefix(" ")
            return False
        event, self._event = self._event, {}
        return "data" in event and self._takes(event)

    def is_over(self, job: Job) -> bool:
        """Whether the job has ended. Who asked for progress is told what is new."""
        self._heard = monotonic()
        if self._on_progress is not None and _progress(job) != _progress(self._told):
            self._on_progress(job)
        self._told = job
        return job.state.has_ended

    def forgive(self, error: ClientError) -> None:
        """Raises the error unless it may pass."""
        if not _may_pass(error) or monotonic() - self._heard > self._patience:
            raise error

    def pause(self) -> float:
        """Seconds to the next look. Raises `NotEndedError`."""
        self._check()
        if self._timeout is None:
            return POLL
        return min(POLL, max(0.0, self._started + self._timeout - monotonic()))

    def _takes(self, event: Mapping[str, str]) -> bool:
        """An event that cannot be read is none: the job is asked for when the stream ends."""
        self._last_event = event.get("id", self._last_event)
        try:
            return self.is_over(Job.model_validate_json(event["data"]))
        except ValidationError:
            return False

    def _check(self) -> None:
        if self._timeout is not None and monotonic() - self._started >= self._timeout:
            raise NotEndedError(f"The job {self._id} has not ended after {self._timeout:g} seconds; it goes on.")


def _progress(job: Job | None) -> object:
    return None if job is None else (job.state, job.total, job.counts)


def _may_pass(error: ClientError) -> bool:
    if isinstance(error, ServiceError):
        return error.status in PASSING
    if isinstance(error, UnexpectedAnswerError):
        return error.http_status in PASSING
    return isinstance(error, NoAnswerError)
