"""Where the service is and how it is spoken to: the same for both clients."""

from dataclasses import dataclass, field
from importlib.metadata import version
from ssl import SSLContext
from typing import Any

import httpx

from search_by_image.client.retries import Retries
from search_by_image.errors import InvalidInputError

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Connection:
    """`url`: such as https://pictures.example.com; `key`: an API key, never shown; `timeout`: seconds of silence.

    `verify`: whose certificates are trusted, None: those of the system.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    timeout: float = SECONDS
    retries: Retries = field(default_factory=Retries)
    verify: SSLContext | None = None

    def options(self) -> dict[str, Any]:
        """What httpx's clients are made with. Raises `InvalidInputError`."""
        return {
            "base_url": self._checked_url(),
            "headers": {"User-Agent": f"search-by-image/{version('search-by-image')}", **self._authorization()},
            "timeout": self.timeout,
            "verify": True if self.verify is None else self.verify,
        }

    def _authorization(self) -> dict[str, str]:
        if self.key is None:
            return {}
        if not (self.key.isascii() and self.key.isprintable()) or " " in self.key:
            raise InvalidInputError("The API key holds characters that no key has. Copy it again.")
        return {"Authorization": f"Bearer {self.key}"}

    def _checked_url(self) -> httpx.URL:
        try:
            url = httpx.URL(self.url)
        except (httpx.InvalidURL, TypeError) as error:
            raise InvalidInputError(f"{self.url!r} is no URL: {error}. {EXAMPLE}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise InvalidInputError(f"The service's address starts with http:// or https://. {EXAMPLE}")
        if url.userinfo:
            raise InvalidInputError("Give the API key as the key, not in the address.")
        return url


EXAMPLE = "Write it such as http://127.0.0.1:8002."
