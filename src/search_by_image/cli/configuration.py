"""`config check` and `config show`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from search_by_image.cli import options
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import Format, print_json, print_table, say
from search_by_image.errors import ConfigError, Problem

if TYPE_CHECKING:
    from search_by_image.settings import Settings

CHECK_EXAMPLES = """\
Example:

search-by-image config check --config conf/server.xml
"""
SHOW_EXAMPLES = """\
Example:

search-by-image config show --format json
"""


def check(
    *,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Check the settings, then the pipelines; every mistake is reported at once."""
    try:
        settings = _checked(config, config_encoding, debug)
    except ConfigError as error:
        if output is Format.TABLE:
            raise
        problems = [asdict(problem) for problem in error.problems]
        print_json({"ok": False, "source": error.source, "problems": problems, "notices": []})
        raise typer.Exit(ExitCode.USAGE) from error
    _print_right(settings, output)


def show(
    *,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Show every setting in force and where it is from; passwords and tokens as ******."""
    from search_by_image.settings import settings_rows

    settings = read_settings(config, config_encoding, debug)
    rows = [asdict(row) for row in settings_rows(settings)]
    if output is Format.JSON:
        print_json({"source": _source(settings), "settings": rows})
    else:
        print_table(["setting", "value", "from"], [list(row.values()) for row in rows])


def _checked(config: Path | None, encoding: str, debug: bool) -> "Settings":
    settings = read_settings(config, encoding, debug)
    from search_by_image.assembly import build_pipelines, fetch_settings
    from search_by_image.cli.logs import check_logging

    checks = (check_logging, fetch_settings, build_pipelines)
    if problems := [problem for check in checks for problem in _mistakes_of(check, settings)]:
        raise ConfigError(problems, _source(settings))
    return settings


def _mistakes_of(check: Callable[["Settings"], object], settings: "Settings") -> tuple[Problem, ...]:
    try:
        check(settings)
    except ConfigError as error:
        return error.problems
    return ()


def _print_right(settings: "Settings", output: Format) -> None:
    from search_by_image.settings import notices

    found = notices(settings)
    if output is Format.JSON:
        print_json({"ok": True, "source": _source(settings), "problems": [], "notices": found})
        return
    for notice in found:
        say(notice)
    typer.echo(f"No mistakes in {_source(settings)}")


def _source(settings: "Settings") -> str:
    return str(settings.source) if settings.source else "the defaults"
