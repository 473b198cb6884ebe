"""A picture's bytes from a Base64 text."""

import base64
import binascii
import re

from search_by_image.errors import EmptyImageError, FetchError, ImageTooLargeError

MAX_PADDING = 2

_DATA = re.compile(r"\s*data:", re.IGNORECASE)
_DATA_BASE64 = re.compile(r"\s*data:[^,]{0,256};\s*base64\s*,", re.IGNORECASE)
_URL_SAFE_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_WHITESPACE = b" \t\r\n\f\v"


def decode_base64(text: str, max_bytes: int) -> bytes:
    """Standard or URL-safe alphabet, with or without `data:...;base64,`, line breaks and padding.

    Raises `EmptyImageError`, `ImageTooLargeError` (before anything is decoded), else `FetchError`.
    """
    digits = _digits(_without_prefix(text))
    size = len(digits) * 3 // 4
    if size > max_bytes:
        message = f"The Base64 text holds {size} bytes; at most {max_bytes} are allowed. Send a smaller picture."
        raise ImageTooLargeError(message, size=size, limit=max_bytes)
    if not digits:
        raise EmptyImageError("The Base64 text is empty; give a picture's bytes in Base64.")
    return _decode(digits)


def _without_prefix(text: str) -> str:
    prefix = _DATA_BASE64.match(text)
    if prefix is None and _DATA.match(text):
        raise FetchError("The data: URL is not Base64; it must begin with data:<type>;base64,")
    return text[prefix.end() :] if prefix else text


def _digits(text: str) -> bytes:
    """In the standard alphabet, without whitespace and padding; other characters are left for `_decode` to find."""
    try:
        compact = text.encode("ascii").translate(_URL_SAFE_TO_STANDARD, _WHITESPACE)
    except UnicodeEncodeError as error:
        raise FetchError(_not_base64(f"character {text[error.start]!r}")) from error
    digits = compact.rstrip(b"=")
    if len(compact) - len(digits) > MAX_PADDING:
        raise FetchError(_not_base64("more than two '=' at its end"))
    return digits


def _decode(digits: bytes) -> bytes:
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except binascii.Error as error:
        raise FetchError(_not_base64("a foreign character, or it is cut off")) from error


def _not_base64(found: str) -> str:
    return f"The text is not Base64: it has {found}. Give a picture's bytes in Base64 (A-Z a-z 0-9 + / or - _)."
