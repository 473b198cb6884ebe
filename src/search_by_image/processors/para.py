"""The settings of one processor (`pipeline/processer_para/<name>/*`), checked when it is made."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from search_by_image.errors import ConfigError, Problem
from search_by_image.settings.mistakes import allowed

OWN_WORDS = "Value error, "


class Para(BaseModel):
    """The base of a processor's settings, a field each. A text is read as a number where one is due."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


P = TypeVar("P", bound=Para)


def checked(model: type[P], para: Mapping[str, Any], processor: str) -> P:
    """Raises `ConfigError` with every setting that is wrong: its path, its value and what is allowed."""
    try:
        return model.model_validate({name: value for name, value in para.items() if value not in ("", None)})
    except ValidationError as error:
        path = f"pipeline/processer_para/{processor}"
        raise ConfigError(_problems(error, model, path), f"the settings of {processor}") from error


def _problems(error: ValidationError, model: type[Para], path: str) -> Iterator[Problem]:
    for details in error.errors(include_url=False):
        name = str(details["loc"][0]) if details["loc"] else ""
        yield Problem(f"{path}/{name}".rstrip("/"), _message(name, details["input"], details["msg"], model))


def _message(name: str, given: object, said: str, model: type[Para]) -> str:
    if not name:
        return f"{said}."
    field = model.model_fields.get(name)
    if field is not None and field.is_required() and said == "Field required":
        return f"It must be set: {allowed(field.annotation, field.metadata)}."
    if field is None:
        return f"There is no such setting. Known: {', '.join(model.model_fields)}."
    if said.startswith(OWN_WORDS):
        return f"{given!r} was given. {said.removeprefix(OWN_WORDS)}."
    choice = ", ".join([allowed(field.annotation, field.metadata), *_steps(field.metadata)])
    default = "empty" if field.default is None else field.default
    return f"{given!r} was given. Allowed: {choice}. Leave it out for the default ({default})."


def _steps(limits: Sequence[object]) -> Iterator[str]:
    for limit in limits:
        if step := getattr(limit, "multiple_of", None):
            yield f"a multiple of {step}"
