"""The calls as methods, written once: a client's method builds the call and sends it."""

import inspect
from collections.abc import Callable
from typing import TypeVar, get_args

Method = TypeVar("Method", bound=Callable[..., object])


def shown_as(build: Callable[..., object], method: Method) -> Method:
    """Give the method the name, the text and the parameters of what builds its call."""
    signature = inspect.signature(build)
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    (answer,) = get_args(signature.return_annotation)
    method.__name__ = build.__name__
    method.__doc__ = build.__doc__
    shown = signature.replace(parameters=[first, *signature.parameters.values()], return_annotation=answer)
    method.__signature__ = shown  # type: ignore[attr-defined]
    return method
