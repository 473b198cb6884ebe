"""The calls about import jobs one by one, for both clients."""

from typing import Literal
from urllib.parse import quote

from search_by_image.api.v1 import job_schemas as schemas
from search_by_image.client.call import Call, reading
from search_by_image.client.uploads import Upload, UploadFormat, upload_content

OnDuplicate = Literal["replace", "skip"]
State = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]


def start_import(
    collection: str,
    upload: Upload,
    *,
    format: UploadFormat | None = None,
    pipeline: str | None = None,
    on_duplicate: OnDuplicate | None = None,
    webhook: str | None = None,
    webhook_secret: str | None = None,
) -> Call[schemas.Job]:
    """Import many pictures in the background; the job is recorded when this returns.

    `upload`: a path, bytes, or items of any number, which are sent as they come; `format` None: by the path's suffix,
    `ndjson` for items. `on_duplicate` None: replace. `webhook`: where the end is told to; without a secret one is made,
    and is in this answer alone. Never sent twice, but a file or bytes where the service did nothing with them.
    """
    said = {"pipeline": pipeline, "on_duplicate": on_duplicate, "webhook": webhook}
    return Call(
        "POST",
        f"/v1/collections/{quote(collection, safe='')}/imports",
        reading(schemas.Job),
        upload_content(upload, format),
        params={name: value for name, value in said.items() if value is not None},
        headers={} if webhook_secret is None else {"X-Webhook-Secret": webhook_secret},
        repeatable=False,
    )


def job(id: str) -> Call[schemas.JobWithErrors]:
    """How far an import job is, and its first failed items."""
    return Call("GET", _job(id), reading(schemas.JobWithErrors))


def job_page(
    *, collection: str | None = None, state: State | None = None, cursor: str | None = None, limit: int = 100
) -> Call[schemas.JobPage]:
    """One page of import jobs, the latest first."""
    said = {"collection": collection, "state": state, "cursor": cursor, "limit": str(limit)}
    params = {name: value for name, value in said.items() if value is not None}
    return Call("GET", "/v1/jobs", reading(schemas.JobPage), params=params)


def job_error_page(id: str, *, cursor: str | None = None, limit: int = 100) -> Call[schemas.ItemFailures]:
    """One page of a job's failed items, in the order of the upload."""
    params = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
    return Call("GET", f"{_job(id)}/errors", reading(schemas.ItemFailures), params=params)


def cancel_job(id: str) -> Call[schemas.Job]:
    """End a job soon. What it has imported stays; a job that has ended stays as it is."""
    return Call("POST", f"{_job(id)}:cancel", reading(schemas.Job))


def events_of(id: str) -> str:
    """The path of a job's events."""
    return f"{_job(id)}/events"


def _job(id: str) -> str:
    return f"/v1/jobs/{quote(id, safe='')}"
