"""The names of Milvus collections: letters, digits and underscores, at most 255, not beginning with a digit."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from search_by_image.vectors.base import Space

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)
_PROPERTY = "search_by_image"
_MAPPED = re.compile(r".*__[0-9a-f]{32}", re.ASCII)


def collection_name(space_name: str) -> str:
    """The same name where Milvus allows it, otherwise a readable part and a digest; two never share one."""
    if _PLAIN.fullmatch(space_name) and not _MAPPED.fullmatch(space_name):
        return space_name
    digest = hashlib.sha256(space_name.encode()).hexdigest()[:32]
    readable = re.sub(r"[^A-Za-z0-9]", "_", space_name)[:60]
    return f"s_{readable}__{digest}"


def description(space: Space) -> str:
    """What a collection says of itself: its space's own name, and the dimension without padding."""
    return json.dumps({"space": space.name, "dimension": space.dimension, "metric": space.metric})


def properties(space: Space) -> dict[str, str]:
    """The description once more: Milvus Lite forgets it, but not these."""
    return {_PROPERTY: description(space)}


def described(collection: Mapping[str, Any]) -> dict[str, Any]:
    """The counterpart of `description` and `properties`; empty for a collection that somebody else made."""
    text = collection.get("description") or collection.get("properties", {}).get(_PROPERTY, "")
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) and "dimension" in facts else {}
