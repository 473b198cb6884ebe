"""How a picture is given to the client, and how it travels."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from search_by_image.errors import InvalidInputError

SCHEMES = ("http://", "https://")
Box = tuple[float, float, float, float]
"""A part of a picture: left, top, right, bottom, each 0..1 of its width or height."""


@dataclass(frozen=True, slots=True)
class Base64:
    """A picture as Base64 text; a `data:...;base64,` prefix is allowed."""

    text: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture of the library by its id; `collection` None: the one that is searched."""

    id: str
    collection: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """What is searched for, in words, where the pipeline's model has a text side."""

    text: str


Picture = bytes | Path | str | Base64
"""A picture's bytes; a text is the http(s) URL of one, which the service fetches, or else a path."""


@dataclass(frozen=True, slots=True)
class Example:
    """A picture or a text among several. `weight`: negative for what the matches shall not be like."""

    picture: Picture | Stored | Text
    box: Box | None = None
    weight: float = 1.0


Given = Picture | Stored | Text | Example


def bytes_of(picture: bytes | Path | str) -> bytes:
    """Raises `InvalidInputError` for a file that cannot be read."""
    if isinstance(picture, bytes):
        return picture
    try:
        return Path(picture).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{str(picture)!r} cannot be read: {error.strerror}.") from error


def is_url(text: str) -> bool:
    return text.lower().startswith(SCHEMES)


def examples_of(given: Given | Sequence[Given]) -> list[Example]:
    """One picture, or several together. Raises `InvalidInputError` for none."""
    several = given if isinstance(given, Sequence) and not isinstance(given, bytes | str) else [given]
    if not several:
        raise InvalidInputError("No picture was given. Give one at least.")
    return [one if isinstance(one, Example) else Example(one) for one in several]


def uploads_of(examples: Sequence[Example]) -> list[bytes] | None:
    """The pictures' bytes when all can be uploaded as they are; None: they must be told of in JSON."""
    plain = [one.picture for one in examples if one.weight == 1 and one.box is None]
    here = [picture for picture in plain if is_here(picture)]
    return [bytes_of(picture) for picture in here] if len(here) == len(examples) else None


def example_json(example: Example) -> dict[str, Any]:
    box = {} if example.box is None else {"box": list(example.box)}
    weight = {} if example.weight == 1 else {"weight": example.weight}
    return {**picture_json(example.picture), **box, **weight}


def picture_json(picture: Picture | Stored | Text) -> dict[str, str]:
    if isinstance(picture, Text):
        return {"text": picture.text}
    if isinstance(picture, Stored):
        return {"id": picture.id} | ({} if picture.collection is None else {"collection": picture.collection})
    if isinstance(picture, Base64):
        return {"base64": picture.text}
    if isinstance(picture, str) and is_url(picture):
        return {"url": picture}
    return {"base64": base64.b64encode(bytes_of(picture)).decode("ascii")}


def is_here(picture: Picture | Stored | Text) -> TypeGuard[bytes | Path | str]:
    return isinstance(picture, bytes | Path) or (isinstance(picture, str) and not is_url(picture))
