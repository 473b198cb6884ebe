"""A catalogue's model into the folder of the installed ones: its sources in their order, what they gave tried out."""

from collections.abc import Callable, Mapping
from dataclasses import replace as replace_in
from pathlib import Path

from search_by_image.errors import (
    DownloadError,
    MissingDependencyError,
    ModelError,
    SearchByImageError,
    UnknownNameError,
)
from search_by_image.fetch import without_secrets
from search_by_image.models.catalogue import catalogue, find_entry
from search_by_image.models.entry import ModelEntry
from search_by_image.models.manifest import KeptFile, Manifest, now
from search_by_image.models.sources import Files, Part, Source, Tools
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.models.trying import check_model
from search_by_image.wheels import check_sha256, sha256_of

Told = Callable[[str], None]
Digests = Mapping[str, str]


def pull(
    entry: ModelEntry, store: ModelStore, tools: Tools, told: Told = lambda _: None, *, replace: bool = False
) -> InstalledModel:
    """`told` gets a line for each source that is tried and for each that failed, and what was recorded or not tried.

    Raises `DownloadError` with what each source said when none gave the model; then nothing has changed.
    """
    recorded = _recorded(entry.name, store)
    return store.install(entry.name, lambda folder: _filled(entry, folder, tools, told, recorded), replace=replace)


def known_entry(name: str) -> ModelEntry:
    """Raises `UnknownNameError`."""
    entry = find_entry(name)
    if entry is None:
        raise UnknownNameError("model of the catalogue", name, [one.name for one in catalogue()])
    return entry


def from_place(entry: ModelEntry, place: Path) -> ModelEntry:
    """The same model, taken from what is on this machine already."""
    return replace_in(entry, sources=(Files(place, entry.sources[0].parts),))


def _recorded(name: str, store: ModelStore) -> Digests:
    """What the first fetch recorded, of the model that is there."""
    try:
        installed = store.find(name)
    except ModelError:
        return {}
    files = installed.manifest.files if installed else {}
    return {file: kept.sha256 for file, kept in files.items() if kept.recorded}


def _filled(entry: ModelEntry, folder: Path, tools: Tools, told: Told, recorded: Digests) -> Manifest:
    failures = []
    for source in entry.sources:
        told(f"Fetching {entry.name} from {source.title}.")
        try:
            made = Manifest(entry.model, _fetched(source, folder, tools), source.title, now())
            _check_unchanged(made, recorded)
            _try_out(InstalledModel(folder, made), told)
        except SearchByImageError as error:
            failures.append(f"{source.title}: {error}")
            told(f"This failed: {error}")
            _clear(folder)
        else:
            _tell_recorded(made, recorded, told)
            return made
    raise DownloadError(f"The model {entry.name!r} could not be fetched. {' '.join(failures)}")


def _clear(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def _fetched(source: Source, folder: Path, tools: Tools) -> dict[str, KeptFile]:
    source.fetch(folder, tools)
    return {part.name: _kept(folder / part.name, part) for part in source.parts}


def _kept(file: Path, part: Part) -> KeptFile:
    if part.sha256 is not None:
        check_sha256(file, part.sha256, shown=without_secrets(part.where))
    return KeptFile(part.sha256 or sha256_of(file), file.stat().st_size, recorded=part.sha256 is None)


def _check_unchanged(made: Manifest, recorded: Digests) -> None:
    name = made.model.name
    for file, kept in made.files.items():
        first = recorded.get(file, kept.sha256)
        if kept.recorded and kept.sha256 != first:
            raise DownloadError(
                f"{file} is another file than at the first fetch: its SHA-256 is {kept.sha256}, not {first}. Nothing "
                "of it was used. Where a new one is wanted, remove the model and fetch it anew: search-by-image models "
                f"remove {name}, search-by-image models pull {name}"
            )


def _try_out(installed: InstalledModel, told: Told) -> None:
    """A model is of use for pictures without what its text side needs."""
    try:
        check_model(installed)
    except MissingDependencyError as error:
        told(f"Its text side was not tried out. {error}")


def _tell_recorded(made: Manifest, before: Digests, told: Told) -> None:
    for file, kept in made.files.items():
        if kept.recorded and file not in before:
            told(f"Its SHA-256 was not known. Recorded at this first fetch: {kept.sha256}  {file}")
