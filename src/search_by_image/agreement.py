"""Where one node's output may contradict itself: two spellings of the vector, the picture's bytes and the open picture.

A node that knows one of two keys changes that one and hands the other on as it was. What was changed counts.
"""

from collections.abc import Mapping
from typing import Any

VECTOR_KEYS = ("vertor", "vector")
PICTURE_KEYS = ("image", "opened")

Before = tuple[Any, ...] | None


def before(data: Any) -> Before:
    """What a node was given, noted before it runs: it may change its input in place."""
    if not isinstance(data, Mapping):
        return None
    return data.get("vertor"), data.get("vector"), data.get("image"), data.get("opened")


def agreed(given: Before, output: Any) -> Any:
    """The output with both spellings naming one vector, and without an open picture that newer bytes replaced."""
    if given is None or not isinstance(output, Mapping):
        return output
    if _has_two(output, VECTOR_KEYS):
        output = _one_vector(given, output)
    if _has_two(output, PICTURE_KEYS) and given[2] is not output["image"] and given[3] is output["opened"]:
        output = {key: value for key, value in output.items() if key != "opened"}
    return output


def _has_two(output: Mapping[str, Any], keys: tuple[str, str]) -> bool:
    return output.get(keys[0]) is not None and output.get(keys[1]) is not None


def _one_vector(given: tuple[Any, ...], output: Mapping[str, Any]) -> Mapping[str, Any]:
    contracts, ours = output["vertor"], output["vector"]
    if contracts is ours:
        return output
    changed = ours if contracts is given[0] else contracts
    return {**output, "vertor": changed, "vector": changed}
