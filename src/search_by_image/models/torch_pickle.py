"""The part of the pickle language in which PyTorch writes tensors down, read as data: nothing is imported or called.

A `pickle.Unpickler` with an allow-list is not enough for a hostile file: BUILD writes into what a global names, a memo
index takes gigabytes, and hashing a deeply nested key overflows the C stack.
"""

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, Any, Final

import numpy as np

_LARGEST: Final = 2**31 - 1

DTYPES: Final[Mapping[str, np.dtype[Any]]] = MappingProxyType(
    {"torch FloatStorage": np.dtype("<f4"), "torch LongStorage": np.dtype("<i8")}
)


@dataclass(frozen=True, slots=True)
class StorageReference:
    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class TensorReference:
    """A window on a storage; `offset` and `strides` count elements. No number is negative or above 2**31 - 1."""

    storage: StorageReference
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


def load(file: IO[bytes]) -> object:
    """Read one pickle: None, integers, texts, tuples, lists, dictionaries with texts as keys, and references.

    Raises `ValueError` for anything else.
    """
    return _Machine().run(file)


class _Machine:
    """The stack machine that a pickle programs."""

    def __init__(self) -> None:
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self, file: IO[bytes]) -> object:
        for opcode, argument, _position in pickletools.genops(file):
            if opcode.name == "STOP":
                break
            if opcode.name not in _STEPS:
                raise ValueError(f"the pickle opcode {opcode.name} has no place in a weights file")
            _STEPS[opcode.name](self, argument)
        return self.pop()

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self) -> object:
        if not self.stack:
            raise ValueError("the pickle takes more than it gave")
        return self.stack.pop()

    def pop_marked(self) -> list[object]:
        if not self.marks:
            raise ValueError("the pickle has lost a mark")
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def pop_many(self, count: int) -> tuple[object, ...]:
        return tuple(reversed([self.pop() for _ in range(count)]))

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def put(self, index: int) -> None:
        self.memo[index] = self.pop()
        self.push(self.memo[index])

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise ValueError("the pickle asks for what it never stored")
        self.push(self.memo[index])

    def reduce(self) -> None:
        what, arguments = self.pop_many(2)
        if what == _ORDERED_DICT and arguments == ():
            self.push({})
        elif what == _TENSOR and isinstance(arguments, tuple):
            self.push(_tensor(arguments))
        else:
            raise ValueError("the pickle calls what is not to be called")

    def set_items(self, items: list[object]) -> None:
        target = self.pop()
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("the pickle fills what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):
                raise ValueError("the pickle has a key that is no text")
            target[key] = value
        self.push(target)

    def append(self, items: list[object]) -> None:
        target = self.pop()
        if not isinstance(target, list):
            raise ValueError("the pickle appends to what is no list")
        target.extend(items)
        self.push(target)


def _global(name: str) -> object:
    if name in DTYPES:
        return DTYPES[name]
    if _Global(name) in {_ORDERED_DICT, _TENSOR}:
        return _Global(name)
    raise ValueError(f"{name.replace(' ', '.')} is not allowed in a weights file")


def _storage(identity: object) -> StorageReference:
    match identity:
        case ("storage", np.dtype() as dtype, str() as key, *_):
            return StorageReference(key, dtype)
    raise ValueError("a storage is not named as PyTorch does")


def _tensor(parts: tuple[object, ...]) -> TensorReference:
    match parts:
        case (StorageReference() as storage, int() as offset, tuple() as shape, tuple() as strides, *_):
            return TensorReference(storage, _natural(offset), _naturals(shape), _naturals(strides))
    raise ValueError("a tensor is not described as PyTorch does")


def _naturals(numbers: tuple[object, ...]) -> tuple[int, ...]:
    return tuple(_natural(number) for number in numbers)


def _natural(number: object) -> int:
    if not isinstance(number, int) or not 0 <= number <= _LARGEST:
        raise ValueError("a tensor's shape, strides or offset is out of range")
    return number


_ORDERED_DICT: Final = _Global("collections OrderedDict")
_TENSOR: Final = _Global("torch._utils _rebuild_tensor_v2")

_STEPS: Final[Mapping[str, Callable[[_Machine, Any], None]]] = MappingProxyType(
    {
        "PROTO": lambda machine, _: None,
        "NONE": lambda machine, _: machine.push(None),
        "NEWTRUE": lambda machine, _: machine.push(True),
        "NEWFALSE": lambda machine, _: machine.push(False),
        "BININT": _Machine.push,
        "BININT1": _Machine.push,
        "BININT2": _Machine.push,
        "LONG1": _Machine.push,
        "BINUNICODE": _Machine.push,
        "EMPTY_DICT": lambda machine, _: machine.push({}),
        "EMPTY_LIST": lambda machine, _: machine.push([]),
        "EMPTY_TUPLE": lambda machine, _: machine.push(()),
        "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_marked())),
        "TUPLE1": lambda machine, _: machine.push(machine.pop_many(1)),
        "TUPLE2": lambda machine, _: machine.push(machine.pop_many(2)),
        "TUPLE3": lambda machine, _: machine.push(machine.pop_many(3)),
        "MARK": lambda machine, _: machine.mark(),
        "BINPUT": _Machine.put,
        "LONG_BINPUT": _Machine.put,
        "BINGET": _Machine.get,
        "LONG_BINGET": _Machine.get,
        "GLOBAL": lambda machine, name: machine.push(_global(name)),
        "REDUCE": lambda machine, _: machine.reduce(),
        "BUILD": lambda machine, _: machine.pop(),  # an ordered dictionary's attributes: versions of modules
        "BINPERSID": lambda machine, _: machine.push(_storage(machine.pop())),
        "SETITEM": lambda machine, _: machine.set_items(list(machine.pop_many(2))),
        "SETITEMS": lambda machine, _: machine.set_items(machine.pop_marked()),
        "APPEND": lambda machine, _: machine.append([machine.pop()]),
        "APPENDS": lambda machine, _: machine.append(machine.pop_marked()),
    }
)
