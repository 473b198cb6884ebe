"""The end of a job told to the address that its caller named: signed, and tried again with growing pauses.

Signed as Standard Webhooks (https://www.standardwebhooks.com) lays down, with the library that receivers use too.
"""

import base64
import binascii
import json
import logging
import secrets
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook as Signer

from search_by_image.errors import InvalidInputError, SearchByImageError
from search_by_image.fetch import UrlFetcher
from search_by_image.jobs.book import JobBook
from search_by_image.jobs.description import describe
from search_by_image.jobs.job import Failure, Job, Webhook, WebhookState

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
LONGEST_PAUSE = 3600.0
MARGIN = 5.0
"""Seconds after which an attempt is certainly over, beside the time limit of the call."""
DELIVERED = range(200, 300)
GONE = 410
EVENT = "import.finished"

_logger = logging.getLogger(__name__)


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def check_secret(secret: str) -> str:
    """Raises `InvalidInputError` unless it is one of Standard Webhooks."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise InvalidInputError(
            f"This is no webhook secret: it begins with {PREFIX}, then {LEAST_BYTES} to {MOST_BYTES} random bytes in "
            "Base64. Or give none, and one is made."
        )
    return secret


class Webhooks:
    """Thread-safe. `attempts` and `pause`: how often it is tried, and the seconds after the first failure."""

    def __init__(self, book: JobBook, fetcher: UrlFetcher, *, attempts: int, pause: float) -> None:
        self._book = book
        self._fetcher = fetcher
        self._attempts = attempts
        self._pause = pause

    def is_due(self, job: Job) -> bool:
        due = job.webhook.due if job.webhook else None
        return due is not None and job.awaits_webhook and due <= datetime.now(UTC)

    def deliver(self, job: Job) -> None:
        """One attempt, unless another worker makes it. It is counted before it is made."""
        webhook = job.webhook
        if webhook is None:
            return
        under_way = {"attempts": webhook.attempts + 1, "due": _in(self._fetcher.timeout + MARGIN)}
        claimed = self._book.change(job, webhook=(webhook := webhook.model_copy(update=under_way)))
        if claimed is not None:
            self._book.change(claimed, webhook=self._tried(claimed, webhook))

    def _tried(self, job: Job, webhook: Webhook) -> Webhook:
        try:
            status = self._post(job, webhook)
        except SearchByImageError as error:
            return self._failed(webhook, Failure.of(error.code, str(error)))
        if status in DELIVERED:
            return webhook.model_copy(update={"state": WebhookState.DELIVERED, "secret": "", "failure": None})
        failure = Failure.of("webhook_refused", f"The receiver answered with status {status}.")
        return self._failed(webhook, failure, is_final=status == GONE)

    def _failed(self, webhook: Webhook, failure: Failure, *, is_final: bool = False) -> Webhook:
        _logger.warning("The webhook to %s failed: %s", webhook.host, failure.message)
        if is_final or webhook.attempts >= self._attempts:
            return webhook.model_copy(update={"state": WebhookState.GIVEN_UP, "secret": "", "failure": failure})
        pause = min(self._pause * 2 ** (webhook.attempts - 1), LONGEST_PAUSE)
        return webhook.model_copy(update={"due": _in(pause), "failure": failure})

    def _post(self, job: Job, webhook: Webhook) -> int:
        now = datetime.now(UTC)
        body = json.dumps({"type": EVENT, "timestamp": now.isoformat(), "data": describe(job)})
        headers = {
            "Content-Type": "application/json",
            "webhook-id": job.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signer(webhook.secret).sign(job.id, now, body),
        }
        return self._fetcher.post(webhook.url, body.encode(), headers)


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
