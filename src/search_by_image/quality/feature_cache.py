"""Vectors that were computed, kept on disk: what was interrupted goes on, what is measured again is there."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np

from search_by_image.errors import StoreError
from search_by_image.vectors.base import Vector

FILE = "features.db"
AT_ONCE = 500
PATIENCE = 60.0
TABLE = "CREATE TABLE IF NOT EXISTS features (maker TEXT, picture BLOB, vector BLOB, PRIMARY KEY (maker, picture))"


class FeatureCache:
    """By what made a vector, and the picture. Several processes may use one folder. Raises `StoreError`."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            self._rows = sqlite3.connect(self.file, timeout=PATIENCE)
            self._rows.execute("PRAGMA journal_mode=WAL")
            self._rows.execute(f"{TABLE} WITHOUT ROWID")

    def known(self, maker: str, pictures: Iterable[bytes]) -> set[bytes]:
        """Those of the pictures that have a vector."""
        return {picture for picture, _ in self._found(maker, pictures, "NULL")}

    def vectors(self, maker: str, pictures: Iterable[bytes]) -> dict[bytes, Vector]:
        """Of the pictures that have one."""
        return {picture: np.frombuffer(raw, "<f4") for picture, raw in self._found(maker, pictures, "vector")}

    def put(self, maker: str, vectors: Mapping[bytes, Vector]) -> None:
        """On disk when it returns."""
        rows = [(maker, picture, vector.astype("<f4").tobytes()) for picture, vector in vectors.items()]
        with self._explained(), self._rows:
            self._rows.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", rows)

    def forget(self, maker: str) -> None:
        with self._explained(), self._rows:
            self._rows.execute("DELETE FROM features WHERE maker = ?", (maker,))

    def close(self) -> None:
        self._rows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _found(self, maker: str, pictures: Iterable[bytes], column: str) -> Iterator[tuple[bytes, bytes]]:
        wanted = list(dict.fromkeys(pictures))
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            marks = ", ".join("?" * len(part))
            query = f"SELECT picture, {column} FROM features WHERE maker = ? AND picture IN ({marks})"  # noqa: S608
            with self._explained():
                rows = self._rows.execute(query, (maker, *part)).fetchall()
            yield from rows

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The features kept in {str(self.file)!r} cannot be used: {error}. Delete the file, or give another "
                "folder with --cache."
            ) from error
