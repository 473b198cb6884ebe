"""A run's folder: how it is trained, on what, where it stands, and what came out. Each file is there as a whole."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from search_by_image.errors import InvalidInputError, ModelError
from search_by_image.models.manifest import told
from search_by_image.training.settings import TrainingSettings
from search_by_image.training.splitting import Split, label_lines

RUN: Final = "run.json"
LABELS: Final = "labels.txt"
CHECKPOINT: Final = "checkpoint.pt"
BEST: Final = "best.pt"
REPORT: Final = "report.json"


@dataclass(frozen=True, slots=True)
class Run:
    """What `run.json` holds. `base`: the base's fingerprint, '' where it has none."""

    settings: TrainingSettings
    split: Split
    base: str = ""
    version: int = 1


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoint(self) -> Path:
        return self.path / CHECKPOINT

    @property
    def best(self) -> Path:
        return self.path / BEST

    @property
    def begun(self) -> bool:
        return (self.path / RUN).is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises `InvalidInputError` while another process trains here."""
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path / ".lock", timeout=0):
                yield
        except Timeout as error:
            raise InvalidInputError(
                f"Another process trains in {str(self.path)!r}. Wait, or give another --out."
            ) from error

    def check_free(self) -> None:
        """Raises `InvalidInputError` for files that a run would overwrite or remove, and that are not a run's."""
        names = (CHECKPOINT, BEST, REPORT, LABELS)
        if not self.begun and (there := [name for name in names if (self.path / name).exists()]):
            raise InvalidInputError(
                f"{str(self.path)!r} has {', '.join(there)}, and not from a training. Give another --out, or --restart "
                "to overwrite them."
            )

    def begin(self, run: Run) -> None:
        """What an earlier run left is removed. `run.json` comes first: with it the other files are known as a run's."""
        for file in (self.checkpoint, self.best, self.path / REPORT):
            file.unlink(missing_ok=True)
        self.write(RUN, _adapter().dump_json(run, indent=1) + b"\n")
        self.write(LABELS, label_lines(run.split.classes).encode())

    def read(self) -> Run:
        """Raises `ModelError`."""
        file = self.path / RUN
        try:
            return _adapter().validate_json(file.read_bytes())
        except OSError as error:
            raise ModelError(f"{str(self.path)!r} is no folder of a training: {RUN}: {error.strerror}.") from error
        except ValidationError as error:
            raise ModelError(f"{str(file)!r} does not describe a training: {told(error)}") from error

    def report(self, found: Mapping[str, Any]) -> None:
        self.write(REPORT, json.dumps(found, ensure_ascii=False, indent=1).encode() + b"\n")

    def write(self, name: str, content: bytes) -> None:
        """The whole file or the old one, whenever the process ends. Only who holds the lock may write.

        Raises `ModelError` where there is no room, or nothing may be written.
        """
        fresh = self.path / f".{name}.new"
        try:
            self._replace(fresh, name, content)
        except OSError as error:
            raise ModelError(
                f"{str(self.path / name)!r} cannot be written: {error.strerror} ({len(content)} bytes). Make room, or "
                "give another --out; the same command continues from what is there."
            ) from error

    def _replace(self, fresh: Path, name: str, content: bytes) -> None:
        try:
            with fresh.open("wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            fresh.replace(self.path / name)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise


def _adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)
