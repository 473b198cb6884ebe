"""Uploads of which no two have the same bytes, so that the service computes each."""

import io
import itertools
import os
import random
import struct
import zipfile
from pathlib import Path

START = b"\xff\xd8"
COMMENT = b"\xff\xfe"


class Uploads:
    """The JPEG files of a folder, at any depth, in turn, each time with another comment."""

    def __init__(self, folder: Path) -> None:
        files = sorted(folder.rglob("*.jpg"))
        random.Random(0).shuffle(files)
        self._photos = [file.read_bytes() for file in files]
        self._numbers = itertools.count()
        self._mark = os.urandom(8).hex()

    def another(self) -> bytes:
        number = next(self._numbers)
        return commented(self._photos[number % len(self._photos)], f"{self._mark} {number}")

    def zipped(self, count: int) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for number in range(count):
                archive.writestr(f"{self._mark}-{number}.jpg", self.another())
        return buffer.getvalue()


def commented(photo: bytes, comment: str) -> bytes:
    if not photo.startswith(START):
        raise ValueError("a comment is put into JPEG files only")
    text = comment.encode("ascii")
    return START + COMMENT + struct.pack(">H", len(text) + 2) + text + photo[len(START) :]
