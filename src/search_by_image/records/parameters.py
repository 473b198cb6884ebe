"""The values that a piece of SQL is written with."""

from typing import Any

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.types import TypeEngine


class Parameters:
    """A call takes a value and answers with what stands for it in the text."""

    def __init__(self) -> None:
        self.named: list[BindParameter[Any]] = []

    def __call__(self, value: Any, type_: TypeEngine[Any] | None = None) -> str:
        return self._add(value, type_, is_list=False)

    def each(self, values: list[Any]) -> str:
        """What may stand after `IN`."""
        return self._add(values, None, is_list=True)

    def _add(self, value: Any, type_: TypeEngine[Any] | None, *, is_list: bool) -> str:
        name = f"filter_{len(self.named)}"
        self.named.append(bindparam(name, value, type_, expanding=is_list))
        return f":{name}"
