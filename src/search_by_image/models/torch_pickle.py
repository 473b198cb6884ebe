"""The part of the pickle language in which PyTorch writes tensors down, read as data: nothing is imported or called.

A `pickle.Unpickler` with an allow-list is not enough for a hostile file: BUILD writes into what a global names, a memo
index takes gigabytes, and hashing a deeply nested key overflows the C stack. Opcodes: Python's `pickletools.py`.
"""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import IO, Any, Final

import numpy as np

_LARGEST: Final = 2**31 - 1
_MAX_DIMENSIONS: Final = 64  # NumPy's limit


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


class _Call(Enum):
    ORDERED_DICT = 1
    TENSOR = 2


_GLOBALS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "collections.OrderedDict": _Call.ORDERED_DICT,
        "torch._utils._rebuild_tensor_v2": _Call.TENSOR,
        "torch.FloatStorage": np.dtype("<f4"),
        "torch.LongStorage": np.dtype("<i8"),
    }
)


def load(file: IO[bytes]) -> object:
    """Read one pickle: None, integers, texts, tuples, lists, dictionaries with texts as keys, and references.

    Raises `ValueError` for anything else.
    """
    return _Machine(file).run()


class _Machine:
    """The stack machine that a pickle programs."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        while (opcode := self.file.read(1)) != pickle.STOP:
            if opcode not in _STEPS:
                raise ValueError(f"the pickle opcode {opcode!r} has no place in a weights file")
            _STEPS[opcode](self)
        return self.pop()

    # --- arguments, from the file

    def read(self, size: int) -> bytes:
        content = self.file.read(size)
        if len(content) != size:
            raise ValueError("the file ends within a pickle")
        return content

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.read(size), "little")

    def signed(self, size: int) -> int:
        return int.from_bytes(self.read(size), "little", signed=True)

    def text(self) -> str:
        return self.read(self.unsigned(4)).decode()

    def line(self) -> str:
        return self.file.readline().decode().rstrip("\n")

    # --- the stack

    def push(self, value: object) -> None:
        self.stack.append(value)

    def top(self) -> object:
        if not self.stack:
            raise ValueError("the pickle takes more than it gave")
        return self.stack[-1]

    def pop(self) -> object:
        value = self.top()
        del self.stack[-1]
        return value

    def pop_many(self, count: int) -> tuple[object, ...]:
        return tuple(reversed([self.pop() for _ in range(count)]))

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def pop_marked(self) -> list[object]:
        if not self.marks:
            raise ValueError("the pickle has lost a mark")
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    # --- opcodes of several steps

    def put(self, index: int) -> None:
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise ValueError("the pickle asks for what it never stored")
        self.push(self.memo[index])

    def name_global(self) -> None:
        name = f"{self.line()}.{self.line()}"
        if name not in _GLOBALS:
            raise ValueError(f"{name} is not allowed in a weights file")
        self.push(_GLOBALS[name])

    def call(self) -> None:
        what, arguments = self.pop_many(2)
        if what is _Call.ORDERED_DICT and arguments == ():
            self.push({})
        elif what is _Call.TENSOR and isinstance(arguments, tuple):
            self.push(_tensor(arguments))
        else:
            raise ValueError("the pickle calls what is not to be called")

    def ignore_attributes(self) -> None:
        """Those of the ordered dictionary: the versions of its modules."""
        self.pop()

    def set_items(self, items: list[object]) -> None:
        match self.top():
            case dict() as target if all(isinstance(key, str) for key in items[::2]):
                target.update(zip(items[::2], items[1::2], strict=True))
            case _:
                raise ValueError("the pickle fills what is no dictionary with texts as keys")

    def extend(self, items: list[object]) -> None:
        match self.top():
            case list() as target:
                target.extend(items)
            case _:
                raise ValueError("the pickle appends to what is no list")


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
    if len(numbers) > _MAX_DIMENSIONS:
        raise ValueError(f"a tensor has more than {_MAX_DIMENSIONS} dimensions")
    return tuple(_natural(number) for number in numbers)


def _natural(number: object) -> int:
    if not isinstance(number, int) or not 0 <= number <= _LARGEST:
        raise ValueError("a tensor's shape, strides or offset is out of range")
    return number


_STEPS: Final[Mapping[bytes, Callable[[_Machine], object]]] = MappingProxyType(
    {
        pickle.PROTO: lambda machine: machine.read(1),
        pickle.NONE: lambda machine: machine.push(None),
        pickle.NEWTRUE: lambda machine: machine.push(True),
        pickle.NEWFALSE: lambda machine: machine.push(False),
        pickle.BININT: lambda machine: machine.push(machine.signed(4)),
        pickle.BININT1: lambda machine: machine.push(machine.unsigned(1)),
        pickle.BININT2: lambda machine: machine.push(machine.unsigned(2)),
        pickle.LONG1: lambda machine: machine.push(machine.signed(machine.unsigned(1))),
        pickle.BINUNICODE: lambda machine: machine.push(machine.text()),
        pickle.EMPTY_DICT: lambda machine: machine.push({}),
        pickle.EMPTY_LIST: lambda machine: machine.push([]),
        pickle.EMPTY_TUPLE: lambda machine: machine.push(()),
        pickle.TUPLE: lambda machine: machine.push(tuple(machine.pop_marked())),
        pickle.TUPLE1: lambda machine: machine.push(machine.pop_many(1)),
        pickle.TUPLE2: lambda machine: machine.push(machine.pop_many(2)),
        pickle.TUPLE3: lambda machine: machine.push(machine.pop_many(3)),
        pickle.MARK: _Machine.mark,
        pickle.BINPUT: lambda machine: machine.put(machine.unsigned(1)),
        pickle.LONG_BINPUT: lambda machine: machine.put(machine.unsigned(4)),
        pickle.BINGET: lambda machine: machine.get(machine.unsigned(1)),
        pickle.LONG_BINGET: lambda machine: machine.get(machine.unsigned(4)),
        pickle.GLOBAL: _Machine.name_global,
        pickle.REDUCE: _Machine.call,
        pickle.BUILD: _Machine.ignore_attributes,
        pickle.BINPERSID: lambda machine: machine.push(_storage(machine.pop())),
        pickle.SETITEM: lambda machine: machine.set_items(list(machine.pop_many(2))),
        pickle.SETITEMS: lambda machine: machine.set_items(machine.pop_marked()),
        pickle.APPEND: lambda machine: machine.extend([machine.pop()]),
        pickle.APPENDS: lambda machine: machine.extend(machine.pop_marked()),
    }
)
