"""NDJSON and CSV: what is taken, what is an error of an item, what is refused as a whole."""

import base64
import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap_library import open_library
from search_by_image.errors import InvalidInputError, SearchByImageError, UploadTooLargeError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.item_errors import ItemError
from search_by_image.jobs.items import Item, ItemMaker
from search_by_image.jobs.job import Format
from search_by_image.jobs.lines import bounded_lines
from search_by_image.jobs.ndjson import NdjsonSource
from search_by_image.jobs.options import JobOptions
from search_by_image.jobs.sources import Sources
from search_by_image.jobs.table import TableSource

FETCHER = UrlFetcher(FetchSettings())
MAKER = ItemMaker("job", FETCHER, 100)
LINE = 200


def items_of(kind, path, data, start=0):
    path.write_bytes(data)
    with kind(path, MAKER, LINE) as source:
        count = source.count()
        items = list(source.items(start))
    assert len(items) == max(count - start, 0)
    assert [item.number for item in items] == list(range(start + 1, count + 1))
    return items


def ndjson_items(path, data, start=0):
    return items_of(NdjsonSource, path / "a.ndjson", data, start)


def rows_of(path, data, start=0):
    return items_of(TableSource, path / "a.csv", data if isinstance(data, bytes) else data.encode(), start)


def line(**item):
    return json.dumps(item).encode() + b"\n"


def test_a_line_is_an_item(tmp_path):
    data = line(id="a", url="http://a.example/1") + b"\n  \n" + line(base64="aGk", document={"n": 1})
    first, second = ndjson_items(tmp_path, b"\xef\xbb\xbf" + data.removesuffix(b"\n"))
    assert (first.key, first.document) == ("a", {})
    assert (second.key, second.document) == ("job-2", {"n": 1})
    assert second.load() == b"hi"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (b"nonsense\n", "not JSON"),
        (b"[" * 150 + b"\n", "not JSON"),
        (b"\xff\n", "not JSON"),
        (b"[1]\n", "item"),
        (b'"text"\n', "item"),
        (b"null\n", "item"),
        (line(id="a"), "either base64 or url"),
        (line(url="http://a.example", base64="aGk"), "either base64 or url"),
        (line(url="http://a.example", documents={}), "documents"),
        (line(url=7), "url"),
        (line(url="http://a.example", document=[]), "document"),
        (line(url="http://a.example", id=""), "cannot be used"),
        (line(url="http://a.example", id="x\x00"), "cannot be used"),
        (line(url="http://a.example", id=1.5), "id"),
        (line(url="http://a.example", id=True), "id"),
        (line(base64="x" * LINE), "more than 200 bytes"),
    ],
)
def test_a_line_that_cannot_be_used_is_an_error_of_its_own(tmp_path, wrong, told):
    good = line(url="http://a.example")
    before, error, after = ndjson_items(tmp_path, good + wrong + good)
    assert isinstance(error, ItemError)
    assert error.code == "invalid_input"
    assert told in error.message
    assert isinstance(before, Item)
    assert isinstance(after, Item)


def test_the_error_names_the_item_where_it_can(tmp_path):
    (error,) = ndjson_items(tmp_path, line(id="cat-1"))
    assert error.id == "cat-1"


def test_a_whole_number_is_an_id(tmp_path):
    assert ndjson_items(tmp_path, line(id=17, url="http://a.example"))[0].key == "17"


def test_what_is_no_base64_or_no_url_is_found_when_it_is_loaded(tmp_path):
    wrong = (line(base64="!!"), line(url="ftp://a.example"), line(base64=base64.b64encode(bytes(101)).decode()))
    for item in ndjson_items(tmp_path, b"".join(wrong)):
        with pytest.raises(SearchByImageError):
            item.load()


@given(st.lists(st.binary(max_size=30).map(lambda data: data.replace(b"\n", b""))), st.booleans(), st.integers(1, 40))
def test_lines_are_whole_or_none(lines, ends, most):
    data = b"\n".join(lines) + (b"\n" if ends else b"")
    expected = [piece if len(piece) <= most else None for piece in io.BytesIO(data)]
    assert list(bounded_lines(io.BytesIO(data), most)) == expected


def test_a_long_line_is_never_in_memory():
    class Recording(io.BytesIO):
        longest = 0

        def readline(self, size=-1, /):
            read = super().readline(size)
            self.longest = max(self.longest, len(read))
            return read

    file = Recording(b"x" * 1_000_000 + b"\nshort\n")
    assert list(bounded_lines(file, 100)) == [None, b"short\n"]
    assert file.longest <= 101


def test_items_from_the_middle_are_the_same(tmp_path):
    data = b"".join(line(url=f"http://a.example/{n}") for n in range(10))
    whole = ndjson_items(tmp_path, data)
    for start in range(12):
        assert [item.key for item in ndjson_items(tmp_path, data, start)] == [item.key for item in whole[start:]]
    table = "url,n:number\n" + "".join(f"http://a.example/{n},{n}\n" for n in range(10))
    rows = rows_of(tmp_path, table)
    for start in range(12):
        assert [row.document for row in rows_of(tmp_path, table, start)] == [row.document for row in rows[start:]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_table_as_spreadsheets_write_it(tmp_path, delimiter, end, start):
    rows = [
        ["id", "url", "title"],
        ["1", "http://a.example/1", f'A "big"{delimiter} red\ncat'],
        [],
        ["", "http://b", ""],
    ]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=end).writerows(rows)
    first, second = rows_of(tmp_path, start + buffer.getvalue())
    assert first.key == "1"
    assert first.document == {"url": "http://a.example/1", "title": f'A "big"{delimiter} red\ncat'}
    assert second.key == "job-2"
    assert second.document == {"url": "http://b"}


def test_columns_have_kinds(tmp_path):
    (row,) = rows_of(
        tmp_path,
        'url,n:number,f:number,yes:boolean,no:boolean,any:json,ns:tag\nhttp://a,7,-1.5,TRUE,0,"{""a"": [1]}",x\n',
    )
    assert row.document == {
        "url": "http://a", "n": 7, "f": -1.5, "yes": True, "no": False, "any": {"a": [1]}, "ns:tag": "x",
    }  # fmt: skip


@pytest.mark.parametrize(
    "row",
    ["http://a,x,", "http://a,007,", "http://a,true,", "http://a,,maybe", "http://a,1", "http://a,1,true,more", ",1,"],
)
def test_a_row_that_cannot_be_used_is_an_error_of_its_own(tmp_path, row):
    before, error, after = rows_of(tmp_path, f"url,n:number,b:boolean\nhttp://a,1,true\n{row}\nhttp://a,2,false\n")
    assert isinstance(error, ItemError)
    assert (before.document["n"], after.document["n"]) == (1, 2)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", "column 'url'"),
        ("id,link\n1,http://a\n", "column 'url'"),
        ("url,,x\nhttp://a,1,2\n", "without a name"),
        ("url,x,x\nhttp://a,1,2\n", "twice"),
        ("url,x,x:number\nhttp://a,1,2\n", "twice"),
        ("url\n" + "http://" + "a" * LINE + "\n", "Line 2 of the CSV has more than 200 bytes"),
        (b"url,x\nhttp://a,\xff\n", "Line 2 of the CSV is not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_at_all(tmp_path, table, told):
    with pytest.raises(InvalidInputError, match=told):
        rows_of(tmp_path, table)


def test_a_cell_that_never_ends_is_found_in_time(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('url,x\nhttp://a,"' + ("x" * 99 + "\n") * 20_000)
    with TableSource(path, MAKER, LINE) as source, pytest.raises(InvalidInputError, match="field limit"):
        source.count()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(), st.text()).filter(lambda row: "\r" not in "".join(row)), min_size=1))
def test_any_text_survives_a_table(tmp_path_factory, cells):
    rows = [cell for cell in cells if all("\0" not in text and "\n" not in text for text in cell)]
    try:
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([["url", "a", "b"], *(["http://a", *cell] for cell in rows)])
        data = buffer.getvalue().encode()
    except UnicodeEncodeError:
        return
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(data)
    with TableSource(path, MAKER, 100_000) as source:
        documents = [item.document for item in source.items(0)]
    expected = [{"url": "http://a"} | {k: v for k, v in zip("ab", cell, strict=True) if v} for cell in rows]
    assert documents == expected


@pytest.fixture
def sources(tmp_path):
    library = open_library(tmp_path / "library")
    yield Sources(library, FETCHER, JobOptions(tmp_path, max_items=3))
    library.close()


@pytest.mark.parametrize("data", [b"", b"\n\n  \n", b"\xef\xbb\xbf"])
def test_an_upload_without_items(tmp_path, sources, data):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(InvalidInputError, match="no picture"):
        sources.check(tmp_path / "a", Format.NDJSON, "job")


def test_an_upload_of_too_many_items(tmp_path, sources):
    (tmp_path / "a").write_bytes(b"{}\n" * 3)
    assert sources.check(tmp_path / "a", Format.NDJSON, "job") == 3
    (tmp_path / "a").write_bytes(b"{}\n" * 4)
    with pytest.raises(UploadTooLargeError, match="4 items; 3 are allowed"):
        sources.check(tmp_path / "a", Format.NDJSON, "job")
