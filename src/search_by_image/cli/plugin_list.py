"""`plugins`: which processors and routers there are."""

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from search_by_image.cli import options
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import Format, print_json, print_table
from search_by_image.errors import ConfigError

if TYPE_CHECKING:
    from search_by_image.plugins import Registry
    from search_by_image.settings import Settings

EXAMPLES = """\
Example:

search-by-image plugins --config conf/server.xml
"""
COLUMNS = ("name", "kind", "file", "line", "about", "settings")


def plugins(
    *,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """List the processors and routers: those that come with it, of the plug-in folders, of installed packages.

    Passwords and tokens in their settings are shown as ******. When some cannot be loaded the others are listed all
    the same, then the mistakes.
    """
    settings = read_settings(config, config_encoding, debug)

    from search_by_image.cli.logs import log_for_command

    log_for_command(settings)
    registry, error = _loaded(settings)
    rows = list(_rows(registry, settings))
    if output is Format.JSON:
        problems = [{"path": problem.path, "message": problem.message} for problem in error.problems] if error else []
        print_json({"plugins": rows, "problems": problems})
    else:
        print_table(COLUMNS, [tuple(row.values()) for row in rows])
    if error:
        raise error


def _loaded(settings: "Settings") -> tuple["Registry", ConfigError | None]:
    from search_by_image.assembly import load_plugins
    from search_by_image.plugins import Registry

    registry = Registry()
    try:
        load_plugins(registry, settings)
    except ConfigError as error:
        return registry, error
    return registry, None


def _rows(registry: "Registry", settings: "Settings") -> Iterator[dict[str, Any]]:
    from search_by_image.plugins import PipelineRouter

    for name, plugin in registry:
        is_router = issubclass(plugin, PipelineRouter)
        para = settings.pipeline.router_para if is_router else settings.pipeline.processer_para
        file, line = _place(plugin)
        yield {
            "name": name,
            "kind": "router" if is_router else "processor",
            "file": file,
            "line": line,
            "about": (inspect.cleandoc(plugin.__doc__ or "").splitlines() or [""])[0],
            "settings": _masked(para.get(name, {})),
        }


def _masked(para: Mapping[str, Any]) -> dict[str, Any]:
    from search_by_image.settings.masking import masked

    return {key: masked(key, value) for key, value in para.items()}


def _place(plugin: type) -> tuple[str | None, int | None]:
    """Of what `@processor` marked, where it was used."""
    source = vars(plugin).get("__wrapped__", plugin)
    source = getattr(source, "__func__", source)
    try:
        return inspect.getsourcefile(source), inspect.getsourcelines(source)[1]
    except (OSError, TypeError):
        return None, None
