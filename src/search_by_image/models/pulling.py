"""A catalogue's model into the folder of the installed ones: its sources in their order, what they gave checked."""

from collections.abc import Callable
from dataclasses import replace as replace_in
from pathlib import Path

from search_by_image.errors import DownloadError, SearchByImageError, UnknownNameError
from search_by_image.models.catalogue import catalogue, find_entry
from search_by_image.models.entry import ModelEntry
from search_by_image.models.manifest import KeptFile, Manifest, now
from search_by_image.models.sources import Files, Part, Source, Tools
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.wheels import check_sha256, sha256_of

Told = Callable[[str], None]


def pull(
    entry: ModelEntry, store: ModelStore, tools: Tools, told: Told = lambda _: None, *, replace: bool = False
) -> InstalledModel:
    """`told` gets a line for each source that is tried and for each that failed.

    Raises `DownloadError` with what each source said when none gave the model; then nothing has changed.
    """
    return store.install(entry.name, lambda folder: _filled(entry, folder, tools, told), replace=replace)


def known_entry(name: str) -> ModelEntry:
    """Raises `UnknownNameError`."""
    entry = find_entry(name)
    if entry is None:
        raise UnknownNameError("model of the catalogue", name, [one.name for one in catalogue()])
    return entry


def from_place(entry: ModelEntry, place: Path) -> ModelEntry:
    """The same model, taken from what is on this machine already."""
    return replace_in(entry, sources=(Files(place, entry.sources[0].parts),))


def _filled(entry: ModelEntry, folder: Path, tools: Tools, told: Told) -> Manifest:
    failures = []
    for source in entry.sources:
        told(f"Fetching {entry.name} from {source.title}.")
        try:
            return Manifest(entry.model, _fetched(source, folder, tools), source.title, now())
        except SearchByImageError as error:
            failures.append(f"{source.title}: {error}")
            told(f"This failed: {error}")
            _clear(folder)
    raise DownloadError(f"The model {entry.name!r} could not be fetched. {' '.join(failures)}")


def _clear(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def _fetched(source: Source, folder: Path, tools: Tools) -> dict[str, KeptFile]:
    source.fetch(folder, tools)
    return {part.name: _kept(folder / part.name, part) for part in source.parts}


def _kept(file: Path, part: Part) -> KeptFile:
    if part.sha256 is not None:
        check_sha256(file, part.sha256, shown=part.where)
    return KeptFile(part.sha256 or sha256_of(file), file.stat().st_size, recorded=part.sha256 is None)
