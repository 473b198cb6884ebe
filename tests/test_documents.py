"""What documents, field names and field values may be."""

import enum
import json
import math
from collections import OrderedDict
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_by_image.documents import check_document, check_field, check_values
from search_by_image.errors import InvalidInputError

PLENTY = 1_000_000


class Colour(enum.StrEnum):
    RED = "red"


class Size(enum.IntEnum):
    SMALL = 1


def refused(document, match, max_bytes=PLENTY):
    with pytest.raises(InvalidInputError, match=match):
        check_document(document, max_bytes)


def nested(depth, innermost):
    for turn in range(depth):
        innermost = {"a": innermost} if turn % 2 else [innermost]
    return {"a": innermost}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("aé.$0"), inner, max_size=4),
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text("ab", max_size=5), json_values, max_size=4))
def test_json_objects_are_copied_as_they_are(document):
    before = json.dumps(document)
    copied = check_document(document, PLENTY)
    assert json.dumps(copied) == before
    assert copied is not document


def test_the_copy_is_deep():
    document = {"tags": ["a"], "shop": {"id": 1}}
    copied = check_document(document, PLENTY)
    document["tags"].append("b")
    document["shop"]["id"] = 2
    assert copied == {"tags": ["a"], "shop": {"id": 1}}


def test_what_json_has_a_form_for_becomes_plain_json():
    document = OrderedDict(pair=(1, 2), colour=Colour.RED, size=Size.SMALL, share=np.float64(0.5))
    copied = check_document(MappingProxyType({**document, 3: "three", None: True}), PLENTY)
    assert copied == {"pair": [1, 2], "colour": "red", "size": 1, "share": 0.5, "3": "three", "null": True}
    assert [type(value) for value in copied.values()] == [list, str, int, float, str, bool]


@pytest.mark.parametrize("thing", [None, [], [("a", 1)], "{}", 3, b"{}", {1, 2}], ids=repr)
def test_only_objects_are_documents(thing):
    refused(thing, f"must be a JSON object, not {type(thing).__name__}")


@pytest.mark.parametrize(
    "value",
    [object(), b"x", {1}, 1j, np.int64(1), math.nan, math.inf, json.loads("-1e400"), {(1, 2): 3}, "\ud800", 10**5000],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_json_has_no_form_for_is_refused(value):
    refused({"a": [value]}, "image_doc is not JSON")


def test_a_document_in_itself_is_refused():
    document = {}
    document["self"] = document
    refused(document, "image_doc is not JSON")


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_integers_beyond_64_bits_are_refused(number):
    refused({"a": {"b": [number]}}, f"integer {number}; integers have 64 bits. Write it as text")


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0])
def test_integers_of_64_bits_are_kept(number):
    assert check_document({"a": number}, PLENTY) == {"a": number}


@pytest.mark.parametrize("document", [{"a": "x\0"}, {"\0": 1}, {"a": [{"b": ["\0"]}]}, {"a": {"x\0y": 1}}], ids=repr)
def test_text_with_a_nul_character_is_refused(document):
    refused(document, r"NUL character \(\\u0000\)")


def test_a_backslash_before_u0000_is_no_nul_character():
    assert check_document({"a": r"\u0000"}, PLENTY) == {"a": r"\u0000"}


def test_nesting_has_an_end():
    assert check_document(nested(63, 1), PLENTY) == nested(63, 1)
    assert check_document(nested(62, {}), PLENTY) == nested(62, {})
    refused(nested(64, 1), "nested more than 64 deep")
    refused(nested(63, []), "nested more than 64 deep")


def test_nesting_beyond_all_measure_is_refused():
    refused(nested(100_000, 1), "image_doc")


def test_the_size_is_counted_in_bytes_of_json():
    document = {"名": "é"}
    size = len(json.dumps(document, ensure_ascii=False).encode())
    assert size == 13
    assert check_document(document, size) == document
    refused(document, rf"has {size} bytes; {size - 1} are allowed \(limits/document_bytes\)", size - 1)


@pytest.mark.parametrize(
    "field", ["id", "shop.id", "a b", "[0]", "$.a", "0", "-", "名字", "é", "\u3000", "👩\u200d👧", "\x7f", "'"]
)
def test_field_names(field):
    assert check_field(field) == field


@pytest.mark.parametrize(
    "field", ["", ".", "a.", ".a", "a..b", 'a"b', "a\\b", "a\nb", "\t", "a.\0", "\ud800", "\x1f"], ids=repr
)
def test_names_that_no_path_can_hold_are_refused(field):
    with pytest.raises(InvalidInputError, match="is not a field's name: use a path such as"):
        check_field(field)


def test_field_values():
    largest = math.nextafter(math.inf, 0)
    values = ["", "é", 0, 1, -(2**63), 2**63 - 1, 0.5, largest, -largest, 2.0**70, True, False, None]
    check_values([*values, Colour.RED, Size.SMALL, np.float64(0.5)])
    check_values([])


@pytest.mark.parametrize(
    "value",
    [[], {}, (1,), object(), b"x", 2**63, -(2**63) - 1, 10**400, math.nan, math.inf, "\ud800", "a\0", np.int64(1)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_that_no_document_can_hold_are_refused(value):
    with pytest.raises(InvalidInputError, match="field_values must be text, numbers"):
        check_values(["good", value])
