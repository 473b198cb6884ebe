"""The real HiveNetLib 0.9.1, the library of the plug-ins of 2020, without the sixty packages that it asks for."""

import subprocess
import sys
from pathlib import Path

from platformdirs import user_cache_path

PACKAGES = ("HiveNetLib==0.9.1", "chardet>=5,<8")


class HiveNetMissingError(Exception):
    """pip could not fetch it."""


def hivenet_folder() -> Path:
    """A folder for `sys.path`, filled once by pip and kept in the user's cache folder."""
    folder = user_cache_path("search-by-image") / "tests" / "hivenet-0.9.1"
    if not (folder / "complete").exists():
        _install(folder)
        (folder / "complete").touch()
    return folder


def _install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(folder)]
    done = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HiveNetMissingError(done.stderr[-500:])
