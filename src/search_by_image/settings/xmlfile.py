"""Reads `server.xml`: bytes -> text -> elements -> flat entries. No document type, hence no entities."""

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from re import search
from xml.etree import ElementTree as ET
from xml.parsers import expat

from search_by_image.errors import ConfigError, Problem
from search_by_image.settings.keys import KeyPath
from search_by_image.settings.layers import TYPES, Entry, Layer, Scalar, typed

ROOT = "server"
DEEPEST = 16
BYTE_ORDER_MARK = "\ufeff"

Found = tuple[KeyPath, Scalar] | Problem


def read_server_xml(path: Path, encoding: str = "utf-8") -> Layer:
    """The file's entries and mistakes; a file that cannot be read at all is one mistake."""
    try:
        found = list(_root_entries(_parse(_text(path, encoding))))
    except ConfigError as error:
        return Layer({}, error.problems)
    entries = {item[0]: Entry(item[1], "file") for item in found if not isinstance(item, Problem)}
    return Layer(entries, tuple(item for item in found if isinstance(item, Problem)))


def _text(path: Path, encoding: str) -> str:
    content = _content(path)
    try:
        text = content.decode(encoding)
    except LookupError as error:
        raise _fatal(
            "encoding", f"{encoding!r} is no text encoding that Python knows. Give one such as utf-8 or gbk."
        ) from error
    except UnicodeError as error:
        raise _fatal(str(path), f"The file is not {encoding} ({error}). {_encoding_hint(content)}") from error
    if _reads_otherwise(content, text):
        raise _fatal(str(path), f"It was to be read as {encoding}. {_encoding_hint(content)}")
    return text


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _fatal(
            str(path),
            "There is no such file. Name another one, or write it: <server></server> alone gives every setting its "
            "default, and docs/configuration.md lists all of them.",
        ) from error
    except OSError as error:
        raise _fatal(
            str(path), f"The file cannot be read: {error.strerror}. Check its kind and its permissions."
        ) from error


def _declared_encoding(content: bytes) -> str | None:
    declared = search(rb"""^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*encoding=["']([\w.-]+)""", content[:200])
    return declared[1].decode() if declared else None


def _encoding_hint(content: bytes) -> str:
    declared = _declared_encoding(content)
    said = f"Its first line says {declared}. " if declared else ""
    return f"{said}Name the encoding that it has (encoding=...), or save it as UTF-8."


def _reads_otherwise(content: bytes, text: str) -> bool:
    """Whether the encoding that the first line declares gives another text: Chinese in GBK may also be valid UTF-8."""
    declared = _declared_encoding(content)
    if declared is None:
        return False
    try:
        return content.decode(declared).lstrip(BYTE_ORDER_MARK) != text.lstrip(BYTE_ORDER_MARK)
    except (LookupError, UnicodeError):
        return False


def _parse(text: str) -> ET.Element:
    parser, tree = expat.ParserCreate(), ET.TreeBuilder()
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.data
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise _fatal(place, f"The XML is malformed: {expat.ErrorString(error.code)}. Correct it there.") from error
    return tree.close()


def _refuse_document_type(name: str, *_: object) -> None:
    raise _fatal(f"<!DOCTYPE {name}>", "Document types and entities are not allowed, for safety. Remove it.")


def _fatal(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(path, message)])


def _root_entries(root: ET.Element) -> Iterator[Found]:
    if root.tag != ROOT:
        raise _fatal(root.tag, "The root element must be <server>. Put everything inside <server>...</server>.")
    yield from _read(root, ())


def _read(element: ET.Element, path: KeyPath) -> Iterator[Found]:
    yield from _surplus_attributes(element, path)
    if len(path) > DEEPEST:
        yield Problem("/".join(path), f"Elements are nested more than {DEEPEST} levels deep. Write fewer levels.")
    elif len(element) or not path:
        yield from _section(element, path)
    else:
        yield from _value(element, path)


def _surplus_attributes(element: ET.Element, path: KeyPath) -> Iterator[Problem]:
    for name in element.attrib:
        if name != "type":
            yield Problem("/".join((*path, f"@{name}")), "The only attribute allowed is type. Remove this one.")


def _section(element: ET.Element, path: KeyPath) -> Iterator[Found]:
    if "type" in element.attrib:
        yield Problem("/".join((*path, "@type")), "An element that holds elements has no type. Remove the attribute.")
    if _has_text_between(element):
        yield Problem("/".join(path) or ROOT, "There is text between its elements. Remove it, or make it a comment.")
    counts = Counter(child.tag for child in element)
    for tag, count in counts.items():
        if count > 1:
            yield Problem("/".join((*path, tag)), f"The element is there {count} times. Keep one.")
    firsts = {child.tag: child for child in reversed(element)}
    for tag in counts:
        yield from _read(firsts[tag], (*path, tag))


def _has_text_between(element: ET.Element) -> bool:
    return any(text and text.strip() for text in (element.text, *(child.tail for child in element)))


def _value(element: ET.Element, path: KeyPath) -> Iterator[Found]:
    text, type_name = (element.text or "").strip(), element.get("type")
    if type_name is None:
        yield path, text
    elif type_name not in TYPES:
        yield Problem("/".join(path), _unknown_type(type_name))
    elif text == "":
        yield path, None
    else:
        yield _typed(path, text, type_name)


def _typed(path: KeyPath, text: str, type_name: str) -> Found:
    try:
        return path, typed(path[-1], text, type_name)
    except ValueError as error:
        return Problem("/".join(path), f"{error} Correct the text or the attribute type.")


def _unknown_type(type_name: str) -> str:
    nearest = get_close_matches(type_name.lower(), TYPES, n=1, cutoff=0.4)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"The attribute type={type_name!r} is unknown. Allowed: {', '.join(TYPES)}, or none for text.{hint}"
