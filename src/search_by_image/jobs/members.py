"""Which members of a zip file are let in. None is ever written to disk; hostile files are refused all the same."""

import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipInfo

from search_by_image.errors import ArchiveRefusedError, UploadTooLargeError
from search_by_image.jobs.options import ArchiveLimits

SHOWN = 5
ENCRYPTED = 0x1 | 0x40
ARCHIVE = re.compile(r"\.(zip|jar|7z|rar|tar|gz|tgz|bz2|tbz2|xz|txz|zst|cab|iso)$", re.IGNORECASE)
DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_members(members: Sequence[ZipInfo], packed_bytes: int, limits: ArchiveLimits) -> None:
    """`packed_bytes`: of the whole file. Raises `ArchiveRefusedError`, `UploadTooLargeError`."""
    found = list(_faults(members))
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise ArchiveRefusedError(f"The zip file is refused: {'; '.join(found[:SHOWN])}{more}.")
    _check_size(sum(member.file_size for member in members), packed_bytes, limits)


def _check_size(unpacked: int, packed: int, limits: ArchiveLimits) -> None:
    if unpacked > limits.unpacked_bytes:
        raise UploadTooLargeError(
            f"The zip file holds {unpacked} bytes unpacked; {limits.unpacked_bytes} are allowed "
            "(jobs/unpacked_bytes). Send it in parts."
        )
    if unpacked > packed * limits.ratio:
        raise ArchiveRefusedError(
            f"The zip file is refused: it unpacks to {unpacked // max(packed, 1)} times its size, which only bombs do; "
            f"{limits.ratio} times are allowed (jobs/zip_ratio)."
        )


def _faults(members: Iterable[ZipInfo]) -> Iterator[str]:
    names = Counter(member.filename for member in members)
    for member in members:
        fault = _fault_of_name(member.orig_filename) or _fault_of_kind(member)
        if fault:
            yield f"{member.orig_filename[:200]!r} {fault}"
        elif names[member.filename] > 1:
            yield f"{member.filename[:200]!r} is in it {names.pop(member.filename)} times"


def _fault_of_name(name: str) -> str:
    if "\\" in name:
        return "has a backslash"
    if CONTROL.search(name):
        return "has a control character"
    if name.startswith("/") or DRIVE.match(name):
        return "is an absolute path"
    return "leads out of its folder" if ".." in name.split("/") else ""


def _fault_of_kind(member: ZipInfo) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "is packed in another way than Deflate"
    return "is an archive itself; unpack it first" if ARCHIVE.search(member.filename) else ""
