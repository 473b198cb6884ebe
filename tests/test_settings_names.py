from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_by_image.errors import InvalidInputError
from search_by_image.settings import check_collection_name


@pytest.mark.parametrize("name", ["a", "x" * 128, "猫 和 狗", "Ärger_1.0-b", "हिन्दी", "2020"])
def test_collection_names_that_are_allowed(name):
    assert check_collection_name(f" {name} ") == name


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 129, "a/b", "a\\b", "a\x00b", "a\nb", ".", "..", "a.", ".a", "a,b", "a:b", "😀"]
)
def test_collection_names_that_are_not(name):
    with pytest.raises(InvalidInputError):
        check_collection_name(name)


def test_collection_names_come_in_one_form():
    assert check_collection_name("e\u0301") == "\u00e9"


@given(st.text(max_size=140))
def test_a_checked_name_is_a_fixed_point_and_safe_in_a_path(name):
    try:
        checked = check_collection_name(name)
    except InvalidInputError:
        return
    assert check_collection_name(checked) == checked
    assert 1 <= len(checked) <= 128
    assert checked.isprintable()
    assert Path(checked).name == checked
