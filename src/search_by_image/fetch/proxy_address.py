"""The proxy of the settings: http://name:password@host:port"""

from dataclasses import dataclass, field
from typing import Self

import httpx

from search_by_image.errors import FetchError
from search_by_image.fetch.target import canonical_host


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `FetchError`, whose text does not repeat what was given: there may be a password in it."""
        try:
            url = httpx.URL(text.strip())
        except (httpx.InvalidURL, ValueError) as error:
            raise FetchError("it is not a valid URL.") from error
        if url.scheme != "http" or url.port is None or url.path != "/" or url.query or url.fragment:
            raise FetchError("only the scheme http, a host and a port may be there, and nothing behind them.")
        return cls(canonical_host(url), url.port, url.username, url.password)
