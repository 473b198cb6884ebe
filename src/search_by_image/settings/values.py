"""The kinds of value a setting can have: text, from any source, in; a checked value out."""

import json
import re
import unicodedata
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from platformdirs import user_cache_path, user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from search_by_image.errors import InvalidInputError

NAME_LENGTH = 128
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", re.IGNORECASE)
SQLITE = ("sqlite", "sqlite+pysqlite")
DATABASE_SERVERS = ("mysql+pymysql", "mariadb+pymysql", "postgresql+psycopg", "mysql", "mariadb", "postgresql")
METRICS_OF_MILVUS_1 = ("SUPERSTRUCTURE", "SUBSTRUCTURE")


@dataclass(frozen=True)
class FreeNames:
    """Marks a section in which users choose the names of the elements, from `depth` to `deepest` levels of them."""

    depth: int
    deepest: int


def check_collection_name(name: str) -> str:
    """The name in Unicode's form C and without outer white space.

    Raises `InvalidInputError` unless it has 1 to 128 characters, all of them letters (of any language), digits, `_`,
    `-`, `.` or spaces, with no `.` at either end.
    """
    tidy = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(tidy) <= NAME_LENGTH:
        raise InvalidInputError(
            f"The name {tidy[:32]!r} has {len(tidy)} characters. Allowed: 1 to {NAME_LENGTH}. Give another name."
        )
    if wrong := sorted({character for character in tidy if not _fits_a_name(character)}):
        raise InvalidInputError(
            f"The name {tidy!r} has {', '.join(map(repr, wrong))} in it. Allowed: letters of any language, digits, "
            "'_', '-', '.' and spaces. Give another name."
        )
    if tidy[0] == "." or tidy[-1] == ".":
        raise InvalidInputError(f"The name {tidy!r} starts or ends with '.'. Put a letter or a digit there.")
    return tidy


def _fits_a_name(character: str) -> bool:
    return character.isalnum() or character in "_-. " or unicodedata.category(character).startswith("M")


def _collection_name(name: str) -> str:
    try:
        return check_collection_name(name)
    except InvalidInputError as error:
        raise ValueError(str(error)) from error


def _refuse(*kinds: type) -> BeforeValidator:
    def check(value: object) -> object:
        if type(value) in kinds:
            raise PydanticCustomError("other_type", "another type is needed")
        return value

    return BeforeValidator(check)


def _filled(value: object) -> object:
    if value == "":
        raise PydanticCustomError("empty", "a value is needed")
    return value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _known_metric(value: object) -> object:
    if value == "TANIMOTO":
        raise ValueError(
            "TANIMOTO no longer exists in Milvus. Use JACCARD: the Tanimoto distance is -log2 of the Jaccard "
            "similarity, so the order of the matches is the same."
        )
    if value in METRICS_OF_MILVUS_1:
        raise ValueError(
            f"{value}, for chemical structures, no longer exists in Milvus, and nothing replaces it. For binary "
            "vectors use JACCARD or HAMMING."
        )
    return value


def _origin(text: str) -> str:
    if text != "*" and not ORIGIN.fullmatch(text):
        raise ValueError("This is not an origin. Write * for all, or one such as https://shop.example.com, no path.")
    return text.lower()


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise ValueError(f"{text!r} is no address or network. Write such as 10.0.0.7 or 10.0.0.0/8.") from error


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("This is not a URL. Write one such as http://127.0.0.1:4318, with no login and no query.")
    return text


def _split(value: object) -> object:
    if type(value) is int:
        return (str(value),)
    if isinstance(value, str):
        return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    return value


def _base_path(info: ValidationInfo) -> Path:
    return Path(info.context["base_path"]) if info.context else Path.cwd()


def _absolute(path: Path, info: ValidationInfo) -> Path:
    try:
        return _base_path(info) / path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{str(path)!r}: there is no such home folder. Write the whole path.") from error


def _user_cache(value: object) -> object:
    return user_cache_path("search-by-image") if value == "" else value


def user_models() -> Path:
    return user_data_path("search-by-image") / "models"


def _user_models(value: object) -> object:
    return user_models() if value == "" else value


def check_json_object(text: str) -> str:
    """The text as it is; raises `ValueError`, with line and column, unless it is JSON for one object."""
    try:
        json.loads(text, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"The JSON text is malformed at line {error.lineno}, column {error.colno}: {error.msg}."
        ) from error
    except RecursionError as error:
        raise ValueError("The JSON text is nested too deeply.") from error
    if not text.lstrip().startswith("{"):
        raise ValueError("The JSON text must be an object: {...}.")
    return text


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"The JSON text has the key {twice!r} twice in one object. Keep one.")
    return found


def _json_object_or_empty(text: str) -> str:
    return check_json_object(text) if text else text


def _record_url(text: str, info: ValidationInfo) -> str:
    url = _parsed(text)
    _check_database(url.drivername)
    if url.drivername in DATABASE_SERVERS:
        return text
    if url.host:
        raise ValueError("The URL of a SQLite file has three slashes before a relative path: sqlite:///data/records.db")
    if not url.database or url.database.startswith((":memory:", "file:")):
        return text
    absolute = _absolute(Path(url.database), info)
    return url.set(database=str(absolute)).render_as_string(hide_password=False)


def _milvus_uri(text: str, info: ValidationInfo) -> str:
    """A server's address as it is, a file of Milvus Lite as an absolute `file:` URI."""
    if text.startswith("file:"):
        return _absolute(file_of(text), info).as_uri()
    if "://" in text:
        return text
    if text.endswith(".db"):
        return _absolute(Path(text), info).as_uri()
    raise ValueError(
        "This is no address. Write http://localhost:19530, https://... for TLS, or, for Milvus Lite, the path of a "
        "file that ends in .db."
    )


def file_of(uri: str) -> Path:
    """The path of a `file:` URI."""
    return Path(unquote(urlsplit(uri).path))


def _check_database(driver: str) -> None:
    """The one place that decides which databases `records/url` may name."""
    if driver not in SQLITE + DATABASE_SERVERS:
        raise ValueError(
            f"{driver!r} is no record store. Use SQLite, sqlite:///data/records.db, or a server: "
            f"{', '.join(f'{name}://' for name in DATABASE_SERVERS[:3])}, or MongoDB, mongodb/host."
        )


def _parsed(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ValueError("This is not an SQLAlchemy URL. Write one such as sqlite:///data/records.db") from error


UPPER = BeforeValidator(_upper)
EMPTY_IS_NONE = BeforeValidator(_empty_is_none)
METRIC = BeforeValidator(_known_metric)

Flag = Annotated[bool, _refuse(int, float)]
Whole = Annotated[int, _refuse(bool, float)]
Real = Annotated[float, _refuse(bool)]
Text = Annotated[str, Field(min_length=1)]
OptionalUrl = Annotated[Annotated[str, AfterValidator(_url)] | None, EMPTY_IS_NONE]
OptionalText = Annotated[str | None, EMPTY_IS_NONE]
Count = Annotated[Whole, Field(ge=1)]
Port = Annotated[Whole, Field(ge=0, le=65535)]

CollectionName = Annotated[str, AfterValidator(_collection_name)]
CollectionNames = Annotated[tuple[CollectionName, ...], BeforeValidator(_split)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_split)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_split)]
Ports = Annotated[tuple[Annotated[Whole, Field(ge=1, le=65535)], ...], BeforeValidator(_split)]

AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
FilledPath = Annotated[Path, AfterValidator(_absolute), BeforeValidator(_filled)]
OptionalPath = Annotated[AbsolutePath | None, EMPTY_IS_NONE]
Paths = Annotated[tuple[AbsolutePath, ...], BeforeValidator(_split)]
CachePath = Annotated[Path, AfterValidator(_absolute), BeforeValidator(_user_cache)]
ModelsPath = Annotated[Path, AfterValidator(_absolute), BeforeValidator(_user_models)]
OptionalCount = Annotated[Count | None, EMPTY_IS_NONE]

JsonObject = Annotated[str, AfterValidator(check_json_object)]
OptionalJsonObject = Annotated[str, AfterValidator(_json_object_or_empty)]
OptionalMilvusUri = Annotated[Annotated[str, AfterValidator(_milvus_uri)] | None, EMPTY_IS_NONE]
RecordUrl = Annotated[str, AfterValidator(_record_url)]
