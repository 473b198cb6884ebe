"""`switch`: from one model to another that pictures have been embedded by, and back.

The commands work on the record store alone: services may run meanwhile, and follow.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search_by_image.cli import options
from search_by_image.cli.asking import answered_yes
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import opened_records, read_settings
from search_by_image.cli.output import Format, pictures, print_json, print_table, say
from search_by_image.cli.progress import counted

if TYPE_CHECKING:
    from search_by_image.errors import SearchByImageError
    from search_by_image.records.base import RecordStore, SpaceRecord
    from search_by_image.settings import Settings
    from search_by_image.switching import ModelSwitch, Switch

STATUS_EXAMPLES = """\
Example:

search-by-image switch status
"""
PROMOTE_EXAMPLES = """\
Example:

search-by-image switch promote --collection cats
"""
ROLL_BACK_EXAMPLES = """\
Example:

search-by-image switch roll-back
"""
FINISH_EXAMPLES = """\
Example:

search-by-image switch finish
"""
ABANDON_EXAMPLES = """\
Example:

search-by-image switch abandon --collection cats
"""
MOVING_STOPPED = "Stopped. The new model serves; the same command continues where it stopped."

Collection = Annotated[str, typer.Option(metavar="NAME", help="Of this collection only.")]
Pipeline_ = Annotated[str, typer.Option("--pipeline", "-p", metavar="NAME", help="Of this pipeline only.")]
LeaveOut = Annotated[
    bool, typer.Option("--leave-out", help="Though some pictures have no vector of the new model: they are not found.")
]
DropMissing = Annotated[
    bool, typer.Option("--drop-missing", help="Remove the pictures that have no vector of the new model.")
]


def status(
    *,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Show which model serves each collection, and how far a switch to another one is."""
    from search_by_image.switching import switches_of

    with opened_records(read_settings(config, config_encoding, debug)) as records:
        rows = [_state(records, switch) for switch in switches_of(records).values()]
    if output is Format.JSON:
        print_json({"collections": rows})
    else:
        head = ["collection", "pipeline", "pictures", "model", "new_model", "state", "embedded"]
        print_table(head, [list(map(row.get, head)) for row in rows])


def promote(
    *,
    collection: Collection = "",
    pipeline: Pipeline_ = "",
    leave_out: LeaveOut = False,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Search with the new model from now on. Services follow within two rounds of their maintenance."""
    settings = read_settings(config, config_encoding, debug)
    with opened_records(settings) as records:
        work = switching(settings, records)

        def promoted(switch: "Switch") -> None:
            new = work.promote(switch, leave_out=leave_out)
            late = len(work.missing(switch.own or new, new))
            say(f"{switch.place}: the new model serves." + (f" {late} pictures have no vector of it." if late else ""))

        refuse(each(_under_way(records, collection, pipeline), promoted))


def roll_back(
    *,
    collection: Collection = "",
    pipeline: Pipeline_ = "",
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Search with the old model again; what was imported meanwhile has its vector, too."""
    settings = read_settings(config, config_encoding, debug)
    with opened_records(settings) as records:

        def rolled_back(switch: "Switch") -> None:
            switching(settings, records).roll_back(switch)
            say(f"{switch.place}: the old model serves.")

        refuse(each(_under_way(records, collection, pipeline), rolled_back))


def finish(
    *,
    collection: Collection = "",
    pipeline: Pipeline_ = "",
    drop_missing: DropMissing = False,
    yes: options.Yes = False,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Keep the new model's vectors alone. After that there is no way back but another switch.

    `--drop-missing` asks first, where there are such pictures.
    """
    settings = read_settings(config, config_encoding, debug)
    with opened_records(settings) as records:
        work = switching(settings, records)

        def finished(switch: "Switch") -> None:
            if drop_missing and not yes:
                _confirm(switch, work.left_out(switch))
            with counted("Moving", MOVING_STOPPED) as show:
                removed = work.finish(switch, drop_missing=drop_missing, on_progress=show)
            _drop_places(settings, switch.own)
            told = f" {pictures(removed)} without one removed." if removed else ""
            say(f"{switch.place}: the new model's vectors are the only ones.{told}")

        refuse(each(_under_way(records, collection, pipeline), finished))


def abandon(
    *,
    collection: Collection = "",
    pipeline: Pipeline_ = "",
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Forget the new model's vectors; the old model serves on."""
    settings = read_settings(config, config_encoding, debug)
    with opened_records(settings) as records:

        def abandoned(switch: "Switch") -> None:
            _drop_places(settings, switching(settings, records).abandon(switch))
            say(f"{switch.place}: the new model's vectors are gone.")

        refuse(each(_under_way(records, collection, pipeline), abandoned))


def each(switches: "Iterable[Switch]", act: "Callable[[Switch], None]") -> "list[SearchByImageError]":
    """One that does not fit holds up no other. What is wrong with those, for `refuse`; stores that fail end it."""
    from search_by_image.errors import SearchByImageError, StoreError

    unfit = []
    for switch in switches:
        try:
            act(switch)
        except StoreError:
            raise
        except SearchByImageError as error:
            unfit.append(error)
    return unfit


def refuse(unfit: "Sequence[SearchByImageError]") -> None:
    """Say them all and end with the last one's exit code; nothing where there are none."""
    for error in unfit[:-1]:
        say(str(error))
    if unfit:
        raise unfit[-1]


def switching(settings: "Settings", records: "RecordStore") -> "ModelSwitch":
    """Each service looks at the records once in a round of its maintenance."""
    from search_by_image.switching import ModelSwitch

    return ModelSwitch(records, grace=2 * settings.maintenance.interval)


def _confirm(switch: "Switch", count: int) -> None:
    if count and not answered_yes(f"{switch.place}: remove {pictures(count)} without a vector of the new model?"):
        say("Nothing was removed; the switch is not finished.")
        raise typer.Exit(ExitCode.FAILED)


def _under_way(records: "RecordStore", collection: str, pipeline: str) -> "list[Switch]":
    from search_by_image.errors import InvalidInputError
    from search_by_image.switching import chosen_switches

    found = [switch for switch in chosen_switches(records, collection, pipeline) if switch.new is not None]
    if not found:
        raise InvalidInputError("No switch to another model is under way there. Begin one: reindex --model NAME.")
    return found


def _state(records: "RecordStore", switch: "Switch") -> dict[str, Any]:
    from search_by_image.variant import model_of

    own, new = switch.own or switch.any, switch.new
    return {
        "collection": own.collection,
        "pipeline": own.pipeline,
        "pictures": len(records.ids(own.name)),
        "model": model_of(own) or "as configured",
        "new_model": None if new is None else model_of(new) or "as configured",
        "state": None if new is None else {"successor": "prepared", "serving": "promoted"}.get(str(new.role), "ending"),
        "embedded": None if new is None else len(records.ids(new.name)),
    }


def _drop_places(settings: "Settings", space: "SpaceRecord | None") -> None:
    """A service that has the index open drops them itself."""
    from search_by_image.errors import StoreLockedError
    from search_by_image.reconciling import places_of
    from search_by_image.stores import open_index

    if space is None:
        return
    with suppress(StoreLockedError), ExitStack() as opened:
        index = open_index(settings)
        opened.callback(index.close)
        for place in places_of(space, index.kept()):
            index.drop_space(place)
