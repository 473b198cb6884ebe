"""What the page is checked with: TypeScript's checker, and axe-core. From the npm registry, pinned in tests/browser."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).parents[1] / "tests" / "browser"
MODULES = HERE / "node_modules"
LOCK = HERE / "package-lock.json"
SECONDS = 300


class ToolsMissingError(Exception):
    """Why they cannot be had here."""


def tools() -> Path:
    """The folder of the npm packages, which are installed if they are not. Raises `ToolsMissingError`."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise ToolsMissingError("there is no node and npm on the PATH: apt install nodejs npm")
    with FileLock(HERE.parent / ".node_modules.lock"):
        if not _are_installed():
            _install()
    return MODULES


def _are_installed() -> bool:
    told = MODULES / ".package-lock.json"
    return told.is_file() and told.stat().st_mtime >= LOCK.stat().st_mtime


def _install() -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolsMissingError(f"npm ci took more than {SECONDS} s") from error
    if done.returncode:
        raise ToolsMissingError(f"npm ci failed: {done.stderr.strip()[-400:]}")
    (MODULES / ".package-lock.json").touch()


def check_types() -> int:
    """The exit status of tsc, with what it says on the standard output."""
    compiler = tools() / "typescript" / "bin" / "tsc"
    return subprocess.run(["node", str(compiler), "-p", str(HERE / "tsconfig.json")], check=False).returncode


def main() -> int:
    try:
        return check_types()
    except ToolsMissingError as missing:
        print(f"The types of the page are not checked: {missing}")
        return int(os.environ.get("CI") == "true")


if __name__ == "__main__":
    sys.exit(main())
