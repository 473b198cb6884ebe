"""Documents: the JSON objects that callers keep with their pictures, and how one asks for a field in them."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from search_by_image.errors import InvalidInputError

INTEGER_LIMIT = 2**63
SCALARS = (str, int, float, bool, type(None))


def check_document(document: Any, max_bytes: int) -> dict[str, Any]:
    """A copy that is certainly JSON; raises `InvalidInputError` for anything else and for more than `max_bytes`."""
    if not isinstance(document, Mapping):
        raise InvalidInputError(f"image_doc must be a JSON object, not {type(document).__name__}.")
    try:
        text = json.dumps(dict(document), allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"image_doc is not JSON: {error}.") from error
    if size > max_bytes:
        raise InvalidInputError(f"image_doc has {size} bytes as JSON; {max_bytes} are allowed (limits/document_bytes).")
    copied: dict[str, Any] = json.loads(text)
    return copied


def check_field(field: str) -> str:
    """A dotted path into documents, such as `shop.id`."""
    if any(not step or '"' in step or not step.isprintable() for step in field.split(".")):
        raise InvalidInputError(f"field_name {field!r} is not a field's name: use a path such as 'id' or 'shop.id'.")
    return field


def check_values(values: Sequence[Any]) -> None:
    """Raises `InvalidInputError` for a value that no document can hold as a scalar."""
    for value in values:
        if not isinstance(value, SCALARS) or not _comparable(value):
            raise InvalidInputError(f"field_values must be text, numbers, true, false or null, not {value!r}.")


def _comparable(value: Any) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return value is None or (math.isfinite(value) and abs(value) < INTEGER_LIMIT)
