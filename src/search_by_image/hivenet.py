"""The globals that plug-ins of 2020 read through `RunTool.get_global_var`, where HiveNetLib is installed."""

import importlib
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from search_by_image.settings import Settings

PLACES = (("HiveNetLib.base_tools.run_tool", "RunTool"), ("HiveNetCore.utils.global_var_tool", "GlobalVarTool"))
PATCHES_ASYNCIO = "nest_asyncio"
logger = logging.getLogger(__name__)


def globals_of(settings: Settings) -> dict[str, Any]:
    """What the service of 2020 set besides the plug-ins' own settings: `EXECUTE_PATH` and `SERVER_CONFIG`."""
    base_path = str(settings.base_path)
    sections = settings.model_dump(mode="json", by_alias=True, exclude={"base_path", "source", "origins"})
    config = {"config": str(settings.source or ""), "execute_path": base_path}
    return {"EXECUTE_PATH": base_path, "SERVER_CONFIG": sections | config}


def share_globals(values: Mapping[str, Any]) -> None:
    """Sets them in HiveNetLib and in HiveNetCore, its successor; where neither is installed, nothing happens."""
    for module, name in PLACES:
        tool = _tool(module, name)
        for key, value in values.items() if tool else ():
            tool.set_global_var(key, value)


def _tool(module: str, name: str) -> Any:
    package = module.partition(".")[0]
    if find_spec(package) is None:
        return None
    try:
        with _asyncio_as_it_is():
            return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        logger.warning("%s is installed and cannot be used: %s. Plug-ins find no globals in it.", package, error)
        return None


@contextmanager
def _asyncio_as_it_is() -> Iterator[None]:
    """HiveNetLib applies nest_asyncio where it is there: asyncio's tasks and `run` are then others in all threads."""
    if PATCHES_ASYNCIO in sys.modules:
        yield
        return
    sys.modules[PATCHES_ASYNCIO] = None  # type: ignore[assignment]  # how Python marks a module that is not to be had
    try:
        yield
    finally:
        del sys.modules[PATCHES_ASYNCIO]
