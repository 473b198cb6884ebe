"""What is known of a job: recorded in the ledger, so that it outlives the process."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from search_by_image.records.ledger import Entry

LAST_MS = 2**44 - 1
SHOWN = 1000


class Format(StrEnum):
    """Of an upload; also the suffix of its file."""

    NDJSON = "ndjson"
    CSV = "csv"
    ZIP = "zip"


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


class OnDuplicate(StrEnum):
    """What becomes of a picture whose id there is already."""

    REPLACE = "replace"
    SKIP = "skip"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)


class Counts(_Kept):
    created: int = 0
    replaced: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        return self.created + self.replaced + self.skipped + self.failed

    def plus(self, other: "Counts") -> "Counts":
        return Counts(**{name: value + getattr(other, name) for name, value in self})


class Failure(_Kept):
    code: str
    message: str

    @classmethod
    def of(cls, code: str, message: str) -> Self:
        return cls(code=code, message=message if len(message) <= SHOWN else message[:SHOWN] + "...")


class WebhookState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Webhook(_Kept):
    """`secret` is '' when it is not needed any more; `due`: the next attempt, none before the job has ended."""

    url: str
    secret: str = Field(repr=False)
    state: WebhookState = WebhookState.WAITING
    attempts: int = 0
    due: datetime | None = None
    failure: Failure | None = None

    @property
    def host(self) -> str:
        """The part of the address that is no secret."""
        return urlsplit(self.url).hostname or ""


class Job(_Kept):
    """An import. `seconds`: for how long it has been worked on; `runner`: the worker that does, '' for none.

    `attempts`: how often it was begun since it last got on; `version`: of its entry in the ledger.
    """

    id: str
    collection: str
    pipeline: str
    format: Format
    on_duplicate: OnDuplicate
    total: int
    created: datetime
    state: State = State.QUEUED
    counts: Counts = Counts()
    seconds: float = 0.0
    started: datetime | None = None
    finished: datetime | None = None
    runner: str = ""
    attempts: int = 0
    failure: Failure | None = None
    webhook: Webhook | None = None
    version: int = Field(0, exclude=True)

    @property
    def rate(self) -> float | None:
        """Items a second, while it was worked on."""
        return self.counts.done / self.seconds if self.counts.done and self.seconds else None

    @property
    def remaining_seconds(self) -> float | None:
        return None if self.rate is None or self.state.has_ended else (self.total - self.counts.done) / self.rate

    @property
    def awaits_webhook(self) -> bool:
        return self.webhook is not None and self.webhook.state is WebhookState.WAITING

    def ending(self, state: State, failure: Failure | None = None) -> dict[str, Any]:
        """What changes when the job ends."""
        now = datetime.now(UTC)
        webhook = self.webhook and self.webhook.model_copy(update={"due": now})
        return {"state": state, "failure": failure, "runner": "", "finished": now, "webhook": webhook}

    def body(self) -> Mapping[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls.model_validate({**entry.body, "id": entry.id, "version": entry.version})


def new_job_id() -> str:
    """Ids of later jobs come first in their order, which is the ledger's."""
    return _id_at(datetime.now(UTC)) + secrets.token_hex(5)


def first_id_before(age: timedelta) -> str:
    """All ids above it are of jobs that are older than that."""
    return _id_at(datetime.now(UTC) - age)


def _id_at(time: datetime) -> str:
    return f"{LAST_MS - int(time.timestamp() * 1000):011x}"
