"""Exit codes, and errors as one calm sentence."""

import errno
import traceback
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from search_by_image.cli.output import say
from search_by_image.errors import (
    ConfigError,
    FetchError,
    ImageError,
    InvalidInputError,
    SearchByImageError,
    VectorMismatchError,
)


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    SOME_FAILED = 3
    INTERRUPTED = 130


EXIT_CODES = """\
Exit codes: 0 done; 1 failed (a store, a pipeline, a picture, the network) or not confirmed; 2 wrong usage or \
configuration; 3 some pictures of an import or evaluation failed; 130 interrupted.
"""

_BY_ERROR: tuple[tuple[type[SearchByImageError], ExitCode], ...] = (
    (ImageError, ExitCode.FAILED),
    (FetchError, ExitCode.FAILED),
    (VectorMismatchError, ExitCode.FAILED),
    (InvalidInputError, ExitCode.USAGE),
    (ConfigError, ExitCode.USAGE),
)
_LOGGED = "the log says more"
_DEBUG = "search_by_image.debug"


class CalmGroup(TyperGroup):
    """Commands whose expected failures end in one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            say("Interrupted.")
            raise typer.Exit(ExitCode.INTERRUPTED) from error
        except SearchByImageError as error:
            _explain(ctx, error)
            raise typer.Exit(exit_code(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            _explain(ctx, error)
            raise typer.Exit(ExitCode.FAILED) from error


def exit_code(error: SearchByImageError) -> ExitCode:
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.FAILED)


def remember_debug(ctx: typer.Context, debug: bool) -> bool:
    ctx.meta[_DEBUG] = debug
    return debug


def _explain(ctx: Any, error: Exception) -> None:
    debug = ctx.meta.get(_DEBUG)
    if debug:
        say("".join(traceback.format_exception(error)))
    say(f"Error: {error}")
    if _LOGGED in str(error) and not debug:
        say("With --debug the command shows the log.")
