"""A repository of the Hugging Face hub, or of a mirror that the environment variable HF_ENDPOINT names."""

import os
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from search_by_image.errors import DownloadError, MissingDependencyError
from search_by_image.fetch import without_secrets
from search_by_image.models.sources.base import Part, Tools

ENDPOINT = "https://huggingface.co"
SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Hub:
    """Each part's `where` is a path in the repository at `revision`."""

    repository: str
    parts: tuple[Part, ...]
    revision: str = "main"

    @property
    def title(self) -> str:
        return f"the hub's {self.repository} ({self.revision})"

    def fetch(self, folder: Path, tools: Tools) -> None:  # noqa: ARG002 - every source takes them
        download = _downloader()
        with TemporaryDirectory(dir=folder.parent) as downloads:
            for part in self.parts:
                self._fetch(part, download, Path(downloads)).rename(folder / part.name)

    def _fetch(self, part: Part, download: Any, folder: Path) -> Path:
        endpoint, headers = _endpoint()
        asked = {"revision": self.revision, "local_dir": folder, "endpoint": endpoint, "headers": headers}
        try:
            return Path(download(self.repository, part.where, **asked))
        except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise DownloadError(
                f"{part.where} could not be fetched from {endpoint}: {reason} Is it reached from here? A mirror is set "
                "with HF_ENDPOINT."
            ) from error


def _endpoint() -> tuple[str, dict[str, str]]:
    """The address, and as a header what it says of who asks: the hub's client logs the addresses that it asks."""
    said = os.environ.get("HF_ENDPOINT") or ENDPOINT
    try:
        url = httpx.URL(said)
    except httpx.InvalidURL as error:
        raise _no_address(said) from error
    if url.scheme not in SCHEMES or not url.host:
        raise _no_address(said)
    headers = {"authorization": _basic(url)} if url.userinfo else {}
    return str(url.copy_with(userinfo=b"")).rstrip("/"), headers


def _basic(url: httpx.URL) -> str:
    return f"Basic {b64encode(f'{url.username}:{url.password}'.encode()).decode('ascii')}"


def _no_address(said: str) -> DownloadError:
    shown = without_secrets(said).rpartition("@")[2]
    return DownloadError(f"HF_ENDPOINT is {shown!r}, and no address: write one such as https://hf-mirror.com.")


def _downloader() -> Any:
    try:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingDependencyError(
            "huggingface_hub", extra="hub", purpose="Fetching models from the Hugging Face hub"
        ) from error
    return hf_hub_download
