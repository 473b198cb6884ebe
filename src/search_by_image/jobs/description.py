"""A job as it is told to those who ask: no secret of its webhook, nothing of the worker."""

from datetime import datetime
from typing import Any

from search_by_image.jobs.job import Failure, Job, Webhook


def describe(job: Job) -> dict[str, Any]:
    counts = job.counts
    return {
        "id": job.id,
        "collection": job.collection,
        "pipeline": job.pipeline,
        "format": job.format.value,
        "on_duplicate": job.on_duplicate.value,
        "state": job.state.value,
        "total": job.total,
        "done": counts.done,
        "progress": round(counts.done / job.total, 4),
        "counts": counts.model_dump(),
        "rate": _rounded(job.rate),
        "remaining_seconds": _rounded(job.remaining_seconds),
        "seconds": round(job.seconds, 3),
        "created": job.created.isoformat(),
        "started": _time(job.started),
        "finished": _time(job.finished),
        "error": _failure(job.failure),
        "webhook": _webhook(job.webhook),
    }


def _webhook(webhook: Webhook | None) -> dict[str, Any] | None:
    if webhook is None:
        return None
    return {
        "host": webhook.host,
        "state": webhook.state.value,
        "attempts": webhook.attempts,
        "error": _failure(webhook.failure),
    }


def _failure(failure: Failure | None) -> dict[str, str] | None:
    return None if failure is None else failure.model_dump()


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
