"""What is fetched: how it is asked for, and which answers are something else."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_PAGES: Final = {"text/html": "a web page", "application/xhtml+xml": "a web page"}
_TEXTS: Final = {
    "application/json": "JSON",
    "application/problem+json": "JSON",
    "application/xml": "XML",
    "text/xml": "XML",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """`name`: in errors. `refused`: content type -> what it is called there."""

    name: str
    accept: str
    refused: Mapping[str, str]


PICTURE: Final = Kind("picture", "image/*, */*;q=0.5", MappingProxyType({**_PAGES, **_TEXTS}))
FILE: Final = Kind("file", "*/*", MappingProxyType(_PAGES))
