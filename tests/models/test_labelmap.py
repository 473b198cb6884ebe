"""Labelmaps: what is taken, and what is said of everything else."""

import pytest

from search_by_image.errors import ModelError
from search_by_image.models.labelmap import read_labelmap


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes, encoding: str = "utf-8"):
        file = tmp_path / "labels.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return file

    return write


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("0:cat\n1:dog\n", {0: "cat", 1: "dog"}),
        ("0:cat", {0: "cat"}),
        ("2:stop sign\r\n\r\n 10 : ship: large \r\n", {2: "stop sign", 10: "ship: large"}),
        ("\ufeff0:猫\n1:狗\n", {0: "猫", 1: "狗"}),
        ("1:dog\n0:cat\n", {1: "dog", 0: "cat"}),
        ("0:same\n1:same\n", {0: "same", 1: "same"}),
        ("0:a\u2028b\n1:c\x0cd", {0: "a\u2028b", 1: "c\x0cd"}),
    ],
)
def test_labels(written, text, labels):
    assert read_labelmap(written(text)) == labels


def test_another_encoding(written):
    assert read_labelmap(written("0:猫\n", "gbk"), "gbk") == {0: "猫"}


def test_labels_cannot_be_changed(written):
    with pytest.raises(TypeError):
        read_labelmap(written("0:cat"))[1] = "dog"


@pytest.mark.parametrize("line", ["cat", ":cat", "0:", "0: ", "a:cat", "-1:cat", "1.0:cat", "²:cat", "٣:cat", "0 cat"])
def test_a_wrong_line_is_told(written, line):
    with pytest.raises(ModelError, match=r"line 3: .* is not of the form 0:cat") as raised:
        read_labelmap(written(f"7:dog\n\n{line}\n"))
    assert line.strip() in str(raised.value)


def test_a_number_twice(written):
    with pytest.raises(ModelError, match=r"line 2: the number 0 is taken already by 'cat'"):
        read_labelmap(written("0:cat\n00:dog\n"))


def test_all_wrong_lines_up_to_five(written):
    with pytest.raises(ModelError) as raised:
        read_labelmap(written("0:cat\n" + "dog\n" * 8))
    assert [f"line {number}" in str(raised.value) for number in range(1, 10)] == [False, *[True] * 5, *[False] * 3]
    assert "and 3 more" in str(raised.value)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file(written, text):
    with pytest.raises(ModelError, match="is empty"):
        read_labelmap(written(text))


def test_what_cannot_be_read(written, tmp_path):
    file = written("0:狗\n", "gbk")
    with pytest.raises(ModelError, match=r"is not written in utf-8: byte 2 .*Set encoding"):
        read_labelmap(file)
    with pytest.raises(ModelError, match="There is no encoding 'utf-88'"):
        read_labelmap(file, "utf-88")
    with pytest.raises(ModelError, match="No such file"):
        read_labelmap(tmp_path / "none.txt")
    with pytest.raises(ModelError, match="Is a directory"):
        read_labelmap(tmp_path)
