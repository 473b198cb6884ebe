"""Zip files that no honest caller sends are refused as a whole, before anything is imported."""

import io
import json
import random
import stat
import struct
import zipfile
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap_library import picture
from job_service import zipped
from search_by_image.errors import ArchiveRefusedError, InvalidInputError
from search_by_image.jobs.archive import ZipSource
from search_by_image.jobs.item_errors import ItemError
from search_by_image.jobs.items import Item
from search_by_image.jobs.options import ArchiveLimits

LIMITS = ArchiveLimits(unpacked_bytes=10_000_000, ratio=50, directory_bytes=100_000)
GOOD = {"a.png": picture(1)}


def opened(path, data, limits=LIMITS):
    path.write_bytes(data)
    return ZipSource(path, limits, max_bytes=100_000, document_bytes=1000)


def refused(path, data, limits=LIMITS):
    with pytest.raises(InvalidInputError) as caught, opened(path, data, limits) as source:
        source.count()
    return str(caught.value)


def member(name, **attributes):
    info = ZipInfo(name)
    info.compress_type = ZIP_DEFLATED
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/cat.png", "absolute"),
        ("//server/share/cat.png", "absolute"),
        ("C:/cat.png", "absolute"),
        ("../cat.png", "leads out"),
        ("cats/../../cat.png", "leads out"),
        ("cats/..", "leads out"),
        ("..\\cat.png", "backslash"),
        ("cats\\cat.png", "backslash"),
        ("cat\x00.png", "control character"),
        ("cat\n.png", "control character"),
        ("more.zip", "archive itself"),
        ("more.TAR", "archive itself"),
        ("cats/more.tar.gz", "archive itself"),
        ("more.7z", "archive itself"),
    ],
)
def test_names_that_no_honest_archive_has(tmp_path, name, reason):
    message = refused(tmp_path / "a.zip", zipped([("a.png", picture(1)), (member("b.png", filename=name), b"x")]))
    assert reason in message
    assert repr(name) in message


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK], ids=oct)
@pytest.mark.parametrize("system", [0, 3])
def test_links_and_devices(tmp_path, kind, system):
    link = member("cat.png", external_attr=(kind | 0o777) << 16, create_system=system)
    assert "link or a device" in refused(tmp_path / "a.zip", zipped([("a.png", picture(1)), (link, b"/etc/passwd")]))


def test_folders_and_plain_files_are_let_in(tmp_path):
    folder = member("cats/", external_attr=(stat.S_IFDIR | 0o755) << 16)
    file = member("cats/1.png", external_attr=(stat.S_IFREG | 0o644) << 16)
    with opened(tmp_path / "a.zip", zipped([(folder, b""), (file, picture(1))])) as source:
        assert source.count() == 1


@pytest.mark.parametrize("bits", [0x1, 0x40, 0x41])
def test_encrypted_members(tmp_path, bits):
    data = bytearray(zipped(GOOD))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + place
        data[at : at + 2] = struct.pack("<H", bits)
    assert "encrypted" in refused(tmp_path / "a.zip", bytes(data))


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA])
def test_other_ways_of_packing(tmp_path, method):
    assert "another way" in refused(tmp_path / "a.zip", zipped(GOOD, method))


def test_a_name_twice(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped([("a.png", picture(1)), ("a.png", picture(2))])
    assert "'a.png' is in it 2 times" in refused(tmp_path / "a.zip", data)


def test_all_faults_are_told_at_once_up_to_a_few(tmp_path):
    data = zipped({f"../{n}.png": b"x" for n in range(9)})
    message = refused(tmp_path / "a.zip", data)
    assert message.count("leads out") == 5
    assert "and 4 more" in message


def test_a_bomb_by_its_ratio(tmp_path):
    assert "jobs/zip_ratio" in refused(tmp_path / "a.zip", zipped({"a.png": bytes(2_000_000)}))


def test_a_bomb_of_overlapping_members(tmp_path):
    """As David Fifield built them: many names for the same packed bytes."""
    data = zipped({"a.png": bytes(90_000)})
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry, tail = data[start:end], data[end:]
    entries = b"".join(entry.replace(b"a.png", b"%05d" % n) for n in range(100))
    tail = tail[:8] + struct.pack("<HHLL", 100, 100, len(entries), start) + tail[20:]
    assert "jobs/zip_ratio" in refused(tmp_path / "a.zip", data[:start] + entries + tail)


def test_more_than_may_be_unpacked(tmp_path):
    noise = random.Random(1).randbytes(6_000_000)
    assert "jobs/unpacked_bytes" in refused(tmp_path / "a.zip", zipped({"a.png": noise, "b.png": noise}, ZIP_STORED))


def test_a_list_of_members_that_would_fill_the_memory(tmp_path):
    assert "jobs/zip_directory_bytes" in refused(tmp_path / "a.zip", zipped({f"{n}.txt": b"" for n in range(2000)}))
    data = bytearray(zipped(GOOD))
    at = data.index(b"PK\x05\x06")
    data[at + 12 : at + 16] = struct.pack("<L", 2**31)
    assert "damaged" in refused(tmp_path / "b.zip", bytes(data))


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 99, zipped(GOOD)[:-30], zipped(GOOD)[40:]])
def test_what_is_no_zip_file(tmp_path, data):
    path = tmp_path / "a.zip"
    try:
        with opened(path, data) as source:
            source.count()
            made = list(source.items(0))
            assert all(isinstance(item, Item) for item in made)
            with pytest.raises(ArchiveRefusedError):
                made[0].load()
    except ArchiveRefusedError as error:
        assert "damaged" in str(error)


def test_a_member_that_is_too_large_is_its_own_fault(tmp_path):
    members = {"big.png": random.Random(1).randbytes(100_001), "ok.png": picture(1)}
    with opened(tmp_path / "a.zip", zipped(members)) as source:
        assert source.count() == 2
        big, fine = source.items(0)
        with pytest.raises(InvalidInputError, match="100001 bytes unpacked; 100000 are allowed"):
            big.load()
        assert fine.load() == picture(1)


def test_a_member_that_lies_about_its_size_gives_no_more(tmp_path):
    data = bytearray(zipped({"a.png": random.Random(1).randbytes(50_000)}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + place
        data[at : at + 4] = struct.pack("<L", 100)
    with opened(tmp_path / "a.zip", bytes(data)) as source:
        source.count()
        (item,) = source.items(0)
        with pytest.raises(ArchiveRefusedError):
            item.load()


@pytest.mark.parametrize("side", [b"{", b"[1]", b"\xff", b'"text"', b"[" * 100_000, b'{"a": "' + b"x" * 1000 + b'"}'])
def test_a_side_file_that_cannot_be_used(tmp_path, side):
    with opened(tmp_path / "a.zip", zipped({"a.png": picture(1), "a.json": side, "b.png": picture(2)})) as source:
        broken, fine = source.items(0)
    assert isinstance(broken, ItemError)
    assert (broken.number, broken.id) == (1, "a.png")
    assert fine.key == "b.png"


@pytest.mark.parametrize("id_", ["", "x" * 256, "a\x00b", ".."])
def test_an_id_that_cannot_be(tmp_path, id_):
    side = json.dumps({"id": id_}).encode()
    with opened(tmp_path / "a.zip", zipped({"a.png": picture(1), "a.json": side})) as source:
        (broken,) = source.items(0)
    assert isinstance(broken, ItemError)


@pytest.mark.parametrize(("id_", "key"), [(7, "7"), (True, "a.png"), (1.5, "a.png"), (None, "a.png"), ([1], "a.png")])
def test_an_id_is_a_text_or_a_whole_number(tmp_path, id_, key):
    side = json.dumps({"id": id_}).encode()
    with opened(tmp_path / "a.zip", zipped({"a.png": picture(1), "a.json": side})) as source:
        (item,) = source.items(0)
    assert item.key == key


def test_pictures_go_by_name_wherever_one_begins(tmp_path):
    names = [f"{n:02}.png" for n in range(20)]
    shuffled = random.Random(1).sample(names, len(names))
    with opened(tmp_path / "a.zip", zipped({name: picture(1) for name in shuffled})) as source:
        assert [item.key for item in source.items(0)] == names
        assert [(item.number, item.key) for item in source.items(17)] == [(n + 1, names[n]) for n in (17, 18, 19)]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 400),
    st.sampled_from(["keep", "cut"]),
)
def test_damaged_files_are_refused_or_give_pictures_and_nothing_else_happens(tmp_path_factory, changes, length, how):
    data = bytearray(zipped({"a.png": b"x" * 50, "a.json": b'{"id": 1}', "b.png": b"y" * 50}))
    for at, value in changes:
        if at < len(data):
            data[at] = value
    if how == "cut":
        del data[length:]
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    try:
        with opened(path, bytes(data)) as source:
            source.count()
            for item in source.items(0):
                if isinstance(item, Item):
                    assert item.load() in (b"x" * 50, b"y" * 50, b"")
    except InvalidInputError:
        pass


def test_zip64(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a.png", "w", force_zip64=True) as file:
        file.write(picture(1))
    with opened(tmp_path / "a.zip", buffer.getvalue()) as source:
        assert source.count() == 1
        assert next(iter(source.items(0))).load() == picture(1)
