"""Checkpoints of PyTorch before 1.6: read exactly, and never run, whatever is in them."""

import hashlib
import io
import os
import pickle
import random
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_by_image.errors import ModelError
from search_by_image.models.torch_legacy import MAGIC_NUMBER, read_tensors
from search_by_image.processors.efficientnet_lite0 import weights_path

# --- checkpoints written by hand, opcode by opcode


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def sequence(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def storage(key: str, kind: str = "FloatStorage", tag: str = "storage") -> bytes:
    return sequence(text(tag), b"ctorch\n" + kind.encode() + b"\n", text(key), text("cpu"), number(0), b"N") + b"Q"


def tensor(shape, strides, *, offset=0, at=None, more=b"") -> bytes:
    shape = sequence(*(number(n) for n in shape))
    strides = sequence(*(number(n) for n in strides))
    parts = sequence(storage("0") if at is None else at, number(offset), shape, strides, more)
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + parts + b"R"


def named(**values: bytes) -> bytes:
    items = b"".join(text(name) + value for name, value in values.items())
    return b"ccollections\nOrderedDict\n)R(" + items + b"u"


def pickled(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


def checkpoint(tensors: bytes, *storages: np.ndarray, magic=MAGIC_NUMBER, keys: bytes | None = None) -> bytes:
    if keys is None:
        keys = b"](" + b"".join(text(str(key)) for key in range(len(storages))) + b"e"
    head = [pickle.dumps(magic, 2), pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2)]
    contents = [struct.pack("<q", elements.size) + elements.tobytes() for elements in storages]
    return b"".join([*head, pickled(tensors), pickled(keys), *contents])


TEN = np.arange(10, dtype=np.float32)
GOOD = checkpoint(
    named(
        matrix=tensor((2, 3), (3, 1), offset=1, more=b"\x89" + b"ccollections\nOrderedDict\n)R"),
        transposed=tensor((3, 2), (1, 3), offset=1),
        scalar=tensor((), (), offset=9),
        empty=tensor((0, 4), (4, 1)),
        repeated=tensor((5,), (0,), offset=2),
        whole=tensor((2,), (1,), at=storage("1", "LongStorage")),
    )
    + (b"}" + text("_metadata") + b"}sb"),
    TEN,
    np.array([-1, 2**40], np.int64),
)


@pytest.fixture
def read(tmp_path):
    def read_bytes(content: bytes, **options):
        file = tmp_path / "weights.pth"
        file.write_bytes(content)
        return read_tensors(file, **options)

    return read_bytes


def test_tensors(read):
    tensors = read(GOOD)
    assert {name: value.tolist() for name, value in tensors.items()} == {
        "matrix": [[1, 2, 3], [4, 5, 6]],
        "transposed": [[1, 4], [2, 5], [3, 6]],
        "scalar": 9,
        "empty": [],
        "repeated": [2] * 5,
        "whole": [-1, 2**40],
    }
    assert tensors["matrix"].dtype == np.float32
    assert tensors["empty"].shape == (0, 4)
    assert not any(value.flags.writeable for value in tensors.values())


def test_the_default_weights(weights):
    assert len(weights) == 296
    assert weights["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert weights["_fc.weight"].shape == (1000, 1280)
    assert weights["_bn0.num_batches_tracked"].shape == ()


def test_sha256(read):
    assert read(GOOD, sha256=hashlib.sha256(GOOD).hexdigest()).keys() == read(GOOD).keys()
    with pytest.raises(ModelError, match=r"weights\.pth.*SHA-256 is " + hashlib.sha256(GOOD).hexdigest()):
        read(GOOD, sha256="0" * 64)


def test_the_format_of_later_versions_is_told(read):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(named()))
    with pytest.raises(ModelError, match=r"the format of PyTorch 1\.6 and later.*safetensors\.torch\.save_file"):
        read(content.getvalue())


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.pth"):
        read_tensors(tmp_path / "nothing.pth")
    with pytest.raises(ModelError):
        read_tensors(tmp_path)


# --- wrong files


ONE = tensor((10,), (1,))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "opcode b''"),
        (b"PK\x03\x04 a newer checkpoint", "weights file"),
        (checkpoint(named(a=ONE), TEN, magic=1), "magic number"),
        (checkpoint(named(a=ONE), TEN, magic="x"), "magic number"),
        (checkpoint(named(), TEN), "tensors by name"),
        (checkpoint(named(a=number(1)), TEN), "tensors by name"),
        (checkpoint(number(1), TEN), "tensors by name"),
        (checkpoint(named(a=ONE), TEN, TEN), "its storages"),
        (checkpoint(named(a=ONE)), "its storages"),
        (checkpoint(named(a=ONE), TEN, keys=text("0")), "its storages"),
        (checkpoint(named(a=ONE), TEN, keys=b"](K\x00e"), "its storages"),
        (checkpoint(named(a=ONE), TEN, keys=b"](" + text("0") + b"K\x00e"), "its storages"),
        (checkpoint(named(a=ONE), TEN, keys=b"](" + text("0") + b"]e"), "its storages"),
        (checkpoint(named(a=ONE), TEN)[:-1], "ends within"),
        (checkpoint(named(a=ONE), TEN)[:-44], "ends within|fit"),
        (checkpoint(named(a=ONE), TEN)[:-40] + bytes(40), None),
        (checkpoint(named(a=tensor((11,), (1,))), TEN), "fit"),
        (checkpoint(named(a=tensor((10,), (1,), offset=1)), TEN), "fit"),
        (checkpoint(named(a=tensor((), (), offset=10)), TEN), "fit"),
        (checkpoint(named(a=tensor((0,), (1,), offset=11)), TEN), "fit"),
        (checkpoint(named(a=tensor((2,), (10,))), TEN), "fit"),
        (checkpoint(named(a=tensor((2, 2), (9, 1))), TEN), "fit"),
        (checkpoint(named(a=tensor((2, 2), (1,))), TEN), "weights file"),
        (checkpoint(named(a=tensor((0, 2), (1,))), TEN), "weights file"),
        (checkpoint(named(a=tensor((0, *[2**31 - 1] * 9), [2**31 - 1] * 10)), TEN), "weights file"),
        (checkpoint(named(a=tensor([1] * 65, [1] * 65)), TEN), "64 dimensions"),
        (checkpoint(named(a=tensor((-1,), (1,))), TEN), "out of range"),
        (checkpoint(named(a=tensor((2,), (-1,), offset=5)), TEN), "out of range"),
        (checkpoint(named(a=tensor((2,), (1,), offset=-1)), TEN), "out of range"),
        (checkpoint(named(a=tensor((10,), (1,), at=text("0"))), TEN), "described"),
        (checkpoint(named(a=tensor((10,), (1,), at=storage("0", tag="module"))), TEN), "not named"),
        (checkpoint(named(a=tensor((10,), (1,), at=storage("0", "HalfStorage"))), TEN), r"torch\.HalfStorage"),
        (checkpoint(named(a=ONE, b=tensor((5,), (1,), at=storage("0", "LongStorage"))), TEN), "weights file"),
        (checkpoint(named(b=tensor((5,), (1,), at=storage("0", "LongStorage")), a=ONE), TEN), "fit"),
        (checkpoint(b"0", TEN), "opcode b'0'"),
        (checkpoint(b"t", TEN), "mark"),
        (checkpoint(b"s", TEN), "takes more"),
        (checkpoint(b"h\x07", TEN), "never stored"),
        (checkpoint(b"Na", TEN), "takes more"),
        (checkpoint(b"NNa", TEN), "no list"),
        (checkpoint(b"NNNs", TEN), "no dictionary"),
        (checkpoint(b"}(NNu", TEN), "no dictionary"),
        (checkpoint(b"}(" + text("a") + b"u", TEN), "weights file"),
        (checkpoint(b"ccollections\nOrderedDict\n(K\x01tR", TEN), "calls"),
        (checkpoint(b"ctorch._utils\n_rebuild_tensor_v2\nNR", TEN), "calls"),
        (checkpoint(b"ctorch\nFloatStorage\n)R", TEN), "calls"),
    ],
)
def test_a_wrong_file(content, reason, read):
    if reason is None:
        assert read(content)["a"].tolist() == [0] * 10
        return
    with pytest.raises(ModelError, match=reason):
        read(content)


# --- hostile files


class Creates:
    """Pickled, a call that creates a file."""

    def __init__(self, call, *arguments):
        self.call = call
        self.arguments = arguments

    def __reduce__(self):
        return self.call, self.arguments


def attacks(target) -> list[bytes]:
    calls = [
        Creates(os.system, f"touch {target}"),
        Creates(os.mkdir, str(target)),
        Creates(eval, f"open({str(target)!r}, 'w')"),
        Creates(io.open, str(target), "w"),
    ]
    bodies = [pickle.dumps(call, protocol) for call in calls for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    written = text(str(target))
    return [
        *bodies,
        pickled(b"(" + written + b"ios\nmkdir\n"),
        pickled(b"(cos\nmkdir\n" + written + b"o"),
        pickled(b"cos\nmkdir\n" + written + b"\x85\x81"),
        pickled(b"ctorch._utils\nos.mkdir\n" + written + b"\x85R"),
        pickled(b"cbuiltins\ngetattr\n" + sequence(b"cos\nmkdir\n", text("__call__")) + b"R" + written + b"\x85R"),
    ]


def test_the_attacks_work_on_pickle_itself(tmp_path):
    target = tmp_path / "created"
    pickle.loads(attacks(target)[pickle.HIGHEST_PROTOCOL + 1])
    assert target.is_dir()


@pytest.mark.parametrize("place", range(5))
def test_no_call_is_ever_made(place, read, tmp_path):
    target = tmp_path / "created"
    parts = [pickle.dumps(MAGIC_NUMBER, 2), pickle.dumps(1001, 2), pickle.dumps({}, 2)]
    parts += [pickled(named(a=ONE)), pickled(b"](" + text("0") + b"e")]
    for attack in attacks(target):
        hostile = [*parts[:place], attack, *parts[place + 1 :]]
        with pytest.raises(ModelError):
            read(b"".join(hostile) + struct.pack("<q", 10) + TEN.tobytes())
        assert not target.exists(), attack


def test_another_global_is_named_and_refused(read):
    with pytest.raises(ModelError, match=r"os\.system is not allowed"):
        read(checkpoint(b"cos\nsystem\n", TEN))


def test_attributes_are_not_set(read):
    """BUILD on what a global names changes the process; here it changes nothing."""
    state = b"N}(" + text("__defaults__") + b"Nu\x86b"
    with pytest.raises(ModelError, match="tensors by name"):
        read(checkpoint(b"ctorch._utils\n_rebuild_tensor_v2\n" + state, TEN))
    assert read(GOOD)


def test_a_deep_key_does_not_overflow_the_stack(read):
    deep = b")" + b"\x85" * 200_000
    with pytest.raises(ModelError, match="texts as keys"):
        read(checkpoint(b"}(" + deep + b"Nu", TEN))


def test_a_deep_storage_key_does_not_overflow_the_stack(read):
    keys = b"](" + text("0") + b")" + b"\x85" * 200_000 + b"e"
    with pytest.raises(ModelError, match="its storages"):
        read(checkpoint(named(a=ONE), TEN, keys=keys))


LARGE = 2**31 - 1


@pytest.mark.parametrize(
    "content",
    [
        checkpoint(named(a=ONE), TEN)[:-48] + struct.pack("<Q", 2**61),
        checkpoint(named(a=ONE), TEN)[:-48] + struct.pack("<Q", 2**64 - 1) + TEN.tobytes(),
        checkpoint(named(a=ONE), TEN)[:-48] + struct.pack("<Q", 2**32) + TEN.tobytes(),
        checkpoint(named(a=tensor((LARGE,), (0,))), TEN),
        checkpoint(named(a=tensor((LARGE, LARGE), (0, 0))), TEN),
        checkpoint(named(a=tensor((LARGE,), (1,))), TEN),
        checkpoint(b"X" + struct.pack("<I", 2**32 - 1), TEN),
        checkpoint(b"B" + struct.pack("<I", 2**32 - 1), TEN),
        checkpoint(b"\x8e" + struct.pack("<Q", 2**40), TEN),
        checkpoint(b"\x8b" + struct.pack("<I", 2**31 - 1), TEN),
        checkpoint(b"Nr" + struct.pack("<I", 2**32 - 1), TEN),
        checkpoint(b"\x95" + struct.pack("<Q", 2**40), TEN),
    ],
)
def test_declared_sizes_take_no_memory(content, read):
    tracemalloc.start()
    try:
        with pytest.raises(ModelError):
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_many_windows_on_one_storage_take_no_memory(read):
    elements = np.zeros(100_000, np.float32)
    windows = {f"t{number}": tensor((300, 300), (1, 300)) for number in range(200)}
    content = checkpoint(named(**windows), elements)
    tracemalloc.start()
    try:
        assert len(read(content)) == 200
        assert tracemalloc.get_traced_memory()[1] < 8 * elements.nbytes
    finally:
        tracemalloc.stop()


def use(tensors):
    for value in tensors.values():
        np.array(value).sum()


def only_model_errors(read, content):
    try:
        use(read(content))
    except ModelError:
        return


def test_mutated_files(read):
    source = random.Random(20261122)
    for _ in range(2000):
        content = bytearray(GOOD)
        for _ in range(source.choice([1, 1, 2, 5])):
            content[source.randrange(len(content))] = source.randrange(256)
        if source.random() < 0.2:
            start = source.randrange(len(content))
            del content[start : start + source.randrange(9)]
        only_model_errors(read, bytes(content))


def test_truncated_files(read):
    for size in range(len(GOOD)):
        with pytest.raises(ModelError):
            read(GOOD[:size])


OPCODES = [bytes([code]) for code in range(256)]
PIECES = [
    text("a"),
    text("0"),
    number(1),
    number(-1),
    ONE,
    storage("0"),
    b"ccollections\nOrderedDict\n",
    b")R",
    b"}",
    b"(",
]


@given(st.lists(st.sampled_from(OPCODES + 20 * PIECES), max_size=12), st.binary(max_size=30))
def test_programs_of_any_opcodes(tmp_path_factory, program, tail):
    file = tmp_path_factory.getbasetemp() / "program.pth"
    for body in (b"".join(program), named(a=ONE) + b"".join(program)):
        for content in (checkpoint(body, TEN), checkpoint(named(a=ONE), TEN, keys=body), pickled(body) + tail):
            file.write_bytes(content)
            only_model_errors(lambda _, path=file: read_tensors(path), content)


def test_the_default_weights_mutated(read):
    """Its 42 kB of pickles, without the elements: every one ends in an error."""
    head = weights_path().read_bytes()[:47_176]
    source = random.Random(7)
    for _ in range(15):
        content = bytearray(head)
        content[source.randrange(len(content))] ^= source.randrange(1, 256)
        with pytest.raises(ModelError):
            read(bytes(content))
