"""A repository of the Hugging Face hub, or of a mirror that the environment variable HF_ENDPOINT names."""

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from search_by_image.errors import DownloadError, MissingDependencyError
from search_by_image.models.sources.base import Part, Tools

ENDPOINT = "https://huggingface.co"
SCHEMES = ("http://", "https://")


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
        endpoint = _endpoint()
        try:
            return Path(
                download(self.repository, part.where, revision=self.revision, local_dir=folder, endpoint=endpoint)
            )
        except (OSError, ValueError, RuntimeError, httpx.HTTPError, httpx.InvalidURL) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise DownloadError(
                f"{part.where} could not be fetched from {endpoint}: {reason} Is it reached from here? A mirror is set "
                "with HF_ENDPOINT."
            ) from error


def _endpoint() -> str:
    said = os.environ.get("HF_ENDPOINT") or ENDPOINT
    if not said.lower().startswith(SCHEMES):
        raise DownloadError(f"HF_ENDPOINT is {said!r}, and no address: write one such as https://hf-mirror.com.")
    return said.rstrip("/")


def _downloader() -> Any:
    try:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingDependencyError(
            "huggingface_hub", extra="hub", purpose="Fetching models from the Hugging Face hub"
        ) from error
    return hf_hub_download
