"""What the calls about import jobs take and answer."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from search_by_image.jobs.job import Format, OnDuplicate, State, WebhookState


class ImportList(BaseModel):
    """One of `urls`, each of which is in its document as `url`, and `items`, as they would be in NDJSON."""

    model_config = ConfigDict(extra="forbid")

    urls: list[str] | None = Field(None, examples=[["https://example.com/cat.jpg", "https://example.com/dog.jpg"]])
    items: list[Any] | None = Field(None, examples=[[{"id": "cat-1", "url": "https://example.com/cat.jpg"}]])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.urls is None) == (self.items is None):
            raise ValueError("Give either urls or items.")
        return self


class JobCounts(BaseModel):
    """Items by what became of them. `skipped`: their pictures were there already."""

    created: int
    replaced: int
    skipped: int
    failed: int


class JobFailure(BaseModel):
    code: str
    message: str


class JobWebhook(BaseModel):
    """`secret` is answered once, when the job is made; `error`: of the last attempt that failed."""

    host: str
    state: WebhookState
    attempts: int
    error: JobFailure | None
    secret: str | None = None


class ItemFailure(BaseModel):
    """`number`: the item's place in the upload, from 1; `id`: of its picture, '' where it is not known."""

    number: int
    id: str
    code: str
    message: str


class Job(BaseModel):
    """An import in the background.

    `progress`: 0..1; `rate`: items a second; `seconds`: for how long it has been worked on; `error`: why it failed as
    a whole, which single items cannot bring about.
    """

    id: str
    collection: str
    pipeline: str
    format: Format
    on_duplicate: OnDuplicate
    state: State
    total: int
    done: int
    progress: float
    counts: JobCounts
    rate: float | None
    remaining_seconds: float | None
    seconds: float
    created: datetime
    started: datetime | None
    finished: datetime | None
    error: JobFailure | None
    webhook: JobWebhook | None


class JobWithErrors(Job):
    """`errors`: the first failed items; all of them: `/v1/jobs/{id}/errors`."""

    errors: list[ItemFailure]


class JobPage(BaseModel):
    """The latest first. `next_cursor`: for the next page; none: this was the last one."""

    jobs: list[Job]
    next_cursor: str | None


class ItemFailures(BaseModel):
    """In the order of their numbers. `next_cursor`: for the next page; none: this was the last one."""

    errors: list[ItemFailure]
    next_cursor: str | None
