"""What the commands `models` tell of a model: of the catalogue, of the folder of installed ones, or of both."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from search_by_image.errors import ModelError
from search_by_image.models.catalogue import catalogue, find_entry
from search_by_image.models.description import Licence, ModelDescription
from search_by_image.models.entry import ModelEntry, Quality
from search_by_image.models.store import InstalledModel, ModelStore

MEGABYTE = 1_000_000
COLUMNS = ("name", "good at", "dimension", "input", "size", "licence", "quality", "speed", "source", "installed")


def rows(store: ModelStore) -> Iterator[dict[str, Any]]:
    """Every model of the catalogue, then those that the user added; each with its `fault`, '' for none."""
    known = [entry.name for entry in catalogue()]
    for name in (*known, *(one for one in store.names() if one not in known)):
        yield _row(name, store)


def _row(name: str, store: ModelStore) -> dict[str, Any]:
    try:
        return {**facts_of(name, store), "fault": ""}
    except ModelError as error:
        entry = find_entry(name)
        return {**(facts(entry, None) if entry else _nothing_of(name)), "fault": str(error)}


def _nothing_of(name: str) -> dict[str, Any]:
    """The keys of all `facts`, without a value."""
    return {**dict.fromkeys(facts(catalogue()[0], None)), "name": name, "good_at": "", "sources": []}


def facts_of(name: str, store: ModelStore) -> dict[str, Any]:
    """Raises `ModelNotInstalledError` for one that is neither in the catalogue nor installed."""
    entry = find_entry(name)
    return facts(entry, store.find(name) if entry else store.get(name))


def facts(entry: ModelEntry | None, installed: InstalledModel | None) -> dict[str, Any]:
    """Of one of the two at least; what is installed counts."""
    model = _model(entry, installed)
    return {
        "name": model.name,
        "good_at": entry.good_at if entry else "",
        "dimension": model.dimension,
        "input": model.preprocessing.size,
        "size": installed.manifest.size if installed else entry.size if entry else None,
        "licence": asdict(model.licence),
        "quality": asdict(entry.quality) if entry and entry.quality else None,
        "speed": entry.speed if entry else None,
        "sources": [source.title for source in entry.sources] if entry else [],
        "graph": model.graph,
        "preprocessing": asdict(model.preprocessing),
        "output": asdict(model.output),
        "text": asdict(model.text) if model.text else None,
        "installed": _installed(installed) if installed else None,
    }


def _model(entry: ModelEntry | None, installed: InstalledModel | None) -> ModelDescription:
    if installed is not None:
        return installed.manifest.model
    assert entry is not None  # noqa: S101 - one of the two is given
    return entry.model


def _installed(installed: InstalledModel) -> dict[str, Any]:
    manifest = installed.manifest
    return {
        "folder": str(installed.folder),
        "source": manifest.source,
        "fetched": manifest.fetched.isoformat() if manifest.fetched else None,
        "files": {name: asdict(kept) for name, kept in manifest.files.items()},
    }


def cells(row: dict[str, Any]) -> list[object]:
    """For a table with `COLUMNS`."""
    return [
        row["name"],
        row["good_at"],
        row["dimension"],
        row["input"],
        megabytes(row["size"]),
        licence(Licence(**row["licence"]), brief=True) if row["licence"] else "",
        quality(Quality(**row["quality"]) if row["quality"] else None),
        f"{row['speed']:g}" if row["speed"] else "",
        row["sources"][0] if row["sources"] else row["installed"]["source"] if row["installed"] else "",
        "damaged" if row["fault"] else "yes" if row["installed"] else "",
    ]


def megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / MEGABYTE:.0f} MB"


def licence(of: Licence, *, brief: bool = False) -> str:
    """Whether it is declared is always said; the note, unless `brief`."""
    doubt = "" if of.declared else " (not declared)" if brief else " (not declared by those who offer the file)"
    return f"{of.name}{doubt}{f'; {of.note}' if of.note and not brief else ''}"


def quality(of: Quality | None) -> str:
    """Mean average precision on the three sets, then the share of edited copies found."""
    if of is None:
        return ""
    precisions = " ".join(f"{average:.3f}" for _, average in (of.scenes, of.animals, of.pets))
    return f"mAP {precisions}, copies {of.copies:.3f}"
