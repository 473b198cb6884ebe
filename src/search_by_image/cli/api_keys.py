"""`keys`: who may call the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from search_by_image.cli import options
from search_by_image.cli.asking import answered_yes
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import Format, print_json, print_table, say

if TYPE_CHECKING:
    from search_by_image.keys import ApiKey, Keys
    from search_by_image.settings import Settings

CREATE_EXAMPLES = """\
Examples:

search-by-image keys create --name shop --scope read --collection shoes --expires 365

search-by-image keys create --name me --scope admin --format json
"""
LIST_EXAMPLES = """\
Example:

search-by-image keys list
"""
REVOKE_EXAMPLES = """\
Example:

search-by-image keys revoke 3fa2b81c09de
"""
DELETE_EXAMPLES = """\
Example:

search-by-image keys delete 3fa2b81c09de
"""
COLUMNS = ("id", "name", "scope", "collections", "created", "expires", "state")
SHOWN_ONCE = "This is the only time that the key is shown. Send it as Authorization: Bearer KEY, or as X-API-Key."
OPEN_AGAIN = (
    "This is the last key. Without any, a service on a loopback address, or with access/allow_anonymous, asks for no "
    "key. Delete it?"
)
Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as keys list shows it.")]
Name = Annotated[str, typer.Option(metavar="NAME", help="Who uses the key; it is in the log of each call.")]
For = Annotated[
    Literal["read", "write", "admin"], typer.Option(help="What it is for; each scope includes those before it.")
]
Collections = Annotated[
    list[str] | None,
    typer.Option(
        "--collection", metavar="NAME", help="Only for this collection; give it again for more. Without: all."
    ),
]
Expires = Annotated[int | None, typer.Option(metavar="DAYS", min=1, help="In force so many days. Without: for good.")]


def create(
    *,
    name: Name,
    scope: For,
    collection: Collections = None,
    expires: Expires = None,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Make an API key and show it, this once. From the first key on every call needs one."""
    from search_by_image.keys import Scope

    with opened_keys(read_settings(config, config_encoding, debug)) as keys:
        text, key = keys.create(name, Scope(scope), collections=collection or (), days=expires)
    if output is Format.JSON:
        print_json({"key": text} | _shown(key))
    else:
        typer.echo(text)
        say(f"{SHOWN_ONCE} Its id is {key.id}.")


def list_(
    *,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """List the API keys, without their secrets."""
    with opened_keys(read_settings(config, config_encoding, debug)) as keys:
        found = [_shown(key) for key in keys.all()]
    if output is Format.JSON:
        print_json({"keys": found})
    elif found:
        print_table(COLUMNS, [[_cell(key[column]) for column in COLUMNS] for key in found])
    else:
        say("There is no API key: calls need none. See keys create --help.")


def revoke(
    *,
    id_: Id,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Let nobody in with this key any more, within seconds in every process. It stays in the list."""
    with opened_keys(read_settings(config, config_encoding, debug)) as keys:
        key = keys.revoke(id_)
    if output is Format.JSON:
        print_json(_shown(key))
    else:
        say(f"The key {key.id} ({key.name}) is revoked.")


def delete(
    *,
    id_: Id,
    yes: options.Yes = False,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Take a revoked or expired key out of the list; asks first when it is the last one."""
    with opened_keys(read_settings(config, config_encoding, debug)) as keys:
        if [key.id for key in keys.all()] == [id_] and not yes and not answered_yes(OPEN_AGAIN):
            say("Nothing was deleted.")
            raise typer.Exit(ExitCode.FAILED)
        keys.delete(id_)
    say(f"The key {id_} is deleted.")


@contextmanager
def opened_keys(settings: "Settings") -> Iterator["Keys"]:
    """Needs the record store alone: it may be done while the service runs, with embedded stores too."""
    from search_by_image.cli.logs import log_for_command
    from search_by_image.keys import Keys
    from search_by_image.stores import open_records

    log_for_command(settings)
    records = open_records(settings)
    try:
        yield Keys(records.ledger)
    finally:
        records.close()


def _shown(key: "ApiKey") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scope": key.scope.value,
        "collections": list(key.collections),
        "created": _second(key.created),
        "expires": _second(key.expires),
        "revoked": _second(key.revoked),
        "state": key.state(datetime.now(UTC)),
    }


def _second(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _cell(value: object) -> object:
    return ", ".join(value) or "all" if isinstance(value, list) else value
