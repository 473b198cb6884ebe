"""The folder of installed models: each a folder with its files and `model.json`, there as a whole or not at all."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from filelock import FileLock

from search_by_image.errors import InvalidInputError, ModelError, ModelNotInstalledError, NotFoundError
from search_by_image.models.catalogue import find_entry
from search_by_image.models.entry import ModelEntry
from search_by_image.models.graph_weights import weights_beside
from search_by_image.models.manifest import FILE_NAME, KeptFile, Manifest, read_manifest, write_manifest
from search_by_image.models.sources import Package
from search_by_image.vectors.durable import sync
from search_by_image.wheels import sha256_of

UNKNOWN: Final = (
    "The catalogue does not have it either: search-by-image models lists what it has, search-by-image models add NAME "
    "--file FILE adds one of your own."
)
SCRATCH, OLD = ".scratch.", "old"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
Fill = Callable[[Path], Manifest]


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """`folder`: where its files are."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.model.name

    def made_of(self) -> tuple[str, ...]:
        """The SHA-256 of the files that decide pictures' vectors, sorted."""
        return tuple(sorted(self.manifest.files[name].sha256 for name in self.for_pictures()))

    def for_pictures(self) -> set[str]:
        """The names of its files, without those for texts only."""
        model = self.manifest.model
        needed = {model.file, *self._beside(model.file)}
        for_texts = {model.text.file, model.text.tokenizer, *self._beside(model.text.file)} if model.text else set()
        return self.manifest.files.keys() - (for_texts - needed)

    def _beside(self, file: str) -> set[str]:
        return {part.name for part in weights_beside(self.folder / file)}

    def check_files(self) -> None:
        """Raises `ModelError` for the first file that is missing, or not the one that was installed."""
        for name, kept in self.manifest.files.items():
            if _sha256(self.folder / name) != kept.sha256:
                raise ModelError(
                    f"{str(self.folder / name)!r} is damaged: its SHA-256 is not the one that was installed. "
                    f"{again(self.name)}"
                )


class ModelStore:
    """Safe for several processes: a model is written beside its place and renamed, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Of the models in the folder, by name."""
        for left in self.folder.glob(f".*{SCRATCH}*/{OLD}"):
            self._recover(left.parent.name[1:].partition(SCRATCH)[0])
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return tuple(sorted(one.name for one in found if NAME.fullmatch(one.name) and (one / FILE_NAME).is_file()))

    def find(self, name: str) -> InstalledModel | None:
        """The model of the folder, else the one that came with the installation.

        Raises `ModelError` when its `model.json` is damaged.
        """
        folder = self._place(name)
        self._recover(name)
        if (folder / FILE_NAME).is_file():
            return InstalledModel(folder, _of_folder(folder))
        return _included(find_entry(name))

    def get(self, name: str) -> InstalledModel:
        """Raises `ModelNotInstalledError`, whose text says the command that installs it."""
        found = self.find(name)
        if found is None:
            raise _not_installed(name, self.folder)
        return found

    def install(self, name: str, fill: Fill, *, replace: bool = False) -> InstalledModel:
        """`fill` writes the files into the folder that it is given and says what they are.

        One that is there already is kept, unless `replace`. Raises what `fill` raises, then nothing has changed;
        `InvalidInputError` for a name that is none.
        """
        folder = self._place(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{name}.lock"):
            self._clear(name)
            if replace or not (folder / FILE_NAME).is_file():
                self._write(folder, fill)
        return InstalledModel(folder, _of_folder(folder))

    def remove(self, name: str) -> None:
        """Raises `NotFoundError`."""
        folder = self._place(name)
        self._recover(name)
        if not folder.is_dir():
            raise NotFoundError("model", name, str(self.folder))
        with FileLock(self.folder / f".{name}.lock"), self._scratch(name) as scratch:
            folder.rename(scratch / "removed")

    def _place(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise InvalidInputError(
                f"{name!r} is no name of a model. Use up to 64 small letters, digits, '-', '_' and '.', a letter or a "
                "digit first."
            )
        return self.folder / name

    def _write(self, folder: Path, fill: Fill) -> None:
        with self._scratch(folder.name) as scratch:
            new, old = scratch / "new", scratch / OLD
            new.mkdir()
            write_manifest(fill(new), new)
            _flush(new)
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
            sync(self.folder)

    @contextmanager
    def _scratch(self, name: str) -> Iterator[Path]:
        """A folder of its own, removed in the end."""
        made = Path(mkdtemp(prefix=f".{name}{SCRATCH}", dir=self.folder))
        try:
            yield made
        finally:
            self._clear(name)

    def _recover(self, name: str) -> None:
        """Where a process was killed while it replaced the model; where nothing can be written, it stays as it is."""
        if not (self.folder / name).exists() and any(self.folder.glob(f".{name}{SCRATCH}*/{OLD}")):
            with suppress(OSError), FileLock(self.folder / f".{name}.lock"):
                self._clear(name)

    def _clear(self, name: str) -> None:
        """What was replaced comes back where the new model did not come to its place: an error, Ctrl-C, a kill."""
        for left in self.folder.glob(f".{name}{SCRATCH}*"):
            if (left / OLD).is_dir() and not (self.folder / name).exists():
                (left / OLD).rename(self.folder / name)
            shutil.rmtree(left, ignore_errors=True)


def _not_installed(name: str, folder: Path) -> ModelNotInstalledError:
    remedy = f"Fetch it: search-by-image models pull {name}" if find_entry(name) else UNKNOWN
    return ModelNotInstalledError(f"The model {name!r} is not installed in {folder}. {remedy}")


def _included(entry: ModelEntry | None) -> InstalledModel | None:
    """What an installed package holds of it, used where it is."""
    for source in entry.sources if entry else ():
        if entry and isinstance(source, Package) and (folder := source.folder()):
            files = {part.name: KeptFile(part.sha256 or "", entry.size) for part in source.parts}
            return InstalledModel(folder, Manifest(entry.model, files, source.title, fetched=None))
    return None


def again(name: str) -> str:
    """How a damaged model is mended."""
    if find_entry(name):
        return f"Fetch it again: search-by-image models pull {name} --force"
    return f"Add it again: search-by-image models add {name} --file FILE --force"


def _of_folder(folder: Path) -> Manifest:
    try:
        return read_manifest(folder)
    except ModelError as error:
        raise ModelError(f"{error} {again(folder.name)}") from error


def _sha256(file: Path) -> str:
    try:
        return sha256_of(file)
    except OSError as error:
        raise ModelError(f"{str(file)!r} cannot be read: {error.strerror}. {again(file.parent.name)}") from error


def _flush(folder: Path) -> None:
    """To disk, so that the rename is never there before what it names."""
    for one in (*folder.iterdir(), folder):
        sync(one)
