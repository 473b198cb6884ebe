"""decode_base64: every usual way of writing Base64, and nothing else."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_by_image.errors import EmptyImageError, FetchError, ImageTooLargeError
from search_by_image.fetch import decode_base64

LIMIT = 10_000
PREFIXES = [
    "",
    "data:image/png;base64,",
    "data:;base64,",
    " DATA:image/svg+xml;charset=utf-8;BASE64 ,\n",
    "data:x; base64,",
]
CONTENT = st.binary(min_size=1, max_size=300)


def shape(text, padded, width):
    text = text if padded else text.rstrip("=")
    return "\r\n".join(text[start : start + width] for start in range(0, len(text), width))


@given(
    CONTENT,
    st.sampled_from(PREFIXES),
    st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
    st.booleans(),
    st.integers(1, 100),
)
def test_round_trip(content, prefix, encode, padded, width):
    assert decode_base64(prefix + shape(encode(content).decode(), padded, width), LIMIT) == content


@given(CONTENT)
def test_mime_lines(content):
    assert decode_base64(base64.encodebytes(content).decode(), LIMIT) == content


@given(st.text(max_size=200), st.sampled_from(["", "data:", "data:image/png;base64,", "data:,"]))
def test_any_text_gives_bytes_or_our_errors(text, prefix):
    compact = re.sub(r"[ \t\r\n\f\v]", "", text)
    try:
        content = decode_base64(prefix + text, LIMIT)
    except (FetchError, EmptyImageError):
        return
    payload = compact.rpartition(",")[2].translate(str.maketrans("-_", "+/")).rstrip("=")
    assert len(content) == len(payload) * 3 // 4
    assert base64.b64encode(content).decode().rstrip("=")[:-1] == payload[:-1]


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AAAAA",
        "AA===",
        "A===",
        "AA=A",
        "=AAA",
        "QUJD=QUJD",
        "YQ==YQ==",
        "AAA!",
        "<svg/>",
        "AA\x00A",
        "AAAä",
        "AAA\u2003",
        "ＡＡＡＡ",
        "\ud800",
        "http://good.test/cat.jpg",
        "data:image/png,AAAA",
        "data:AAAA",
        "data:base64,AAAA",
        "data:image/png;base64",
        "data:image/png;base64;AAAA",
        "data:" + "x" * 300 + ";base64,AAAA",
        "data:image/png;base64,data:image/png;base64,AAAA",
        "data:image/png;base64,AAAA,AAAA",
    ],
)
def test_other_texts(text):
    with pytest.raises(FetchError, match="Base64") as caught:
        decode_base64(text, LIMIT)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["", "  \n", "=", "==", "data:image/png;base64,", "data:image/png;base64, =="])
def test_nothing(text):
    with pytest.raises(EmptyImageError):
        decode_base64(text, LIMIT)


@given(st.integers(1, 50), st.booleans())
def test_the_limit_is_exact(size, padded):
    text = shape(base64.b64encode(bytes(size)).decode(), padded, 7)
    assert decode_base64(text, size) == bytes(size)
    with pytest.raises(ImageTooLargeError) as caught:
        decode_base64(text, size - 1)
    assert (caught.value.size, caught.value.limit) == (size, size - 1)


def test_the_size_is_checked_before_the_content():
    with pytest.raises(ImageTooLargeError):
        decode_base64("!" * 1000, 100)
