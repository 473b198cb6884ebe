"""Two labelled folders to measure quality on, of links to pictures that others publish.

`python -m benchmarks.labelled_sets OUT STAMPS` makes OUT/kinds of the demo photos (16 cats, 20 dogs, 16 stop signs, and
every sixth of the 919 birds) and OUT/stamps of the pictures in 17 folders of Debian's package tuxpaint-stamps-default;
STAMPS is its folder usr/share/tuxpaint/stamps: `apt-get download tuxpaint-stamps-default` and `dpkg -x ... FOLDER`.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.photos import photo_folder

BIRDS_IN_TURN = 6
STAMPS = {
    "birds": "animals/birds",
    "fish": "animals/fish",
    "insects": "animals/insects",
    "mammals": "animals/mammals",
    "hats": "clothes/hats",
    "fruit": "food/fruit",
    "vegetables": "food/vegetables",
    "music": "hobbies/music",
    "tools": "household/tools",
    "flowers": "plants/flowers",
    "trees": "plants/trees",
    "christmas": "seasonal/christmas",
    "planets": "space/planets",
    "chess": "symbols/chess",
    "coins": "symbols/money",
    "roadsigns": "town/roadsigns",
    "vehicles": "vehicles",
}
DRAWN = {"cartoon", "00_symbols"}


def make(out: Path, stamps: Path) -> None:
    for kind in ("cat", "dog", "stop-sign", "bird"):
        photos = sorted((photo_folder() / kind).glob("*.jpg"))
        _link(out / "kinds" / kind, photos[:: BIRDS_IN_TURN if kind == "bird" else 1])
    for label, inside in STAMPS.items():
        _link(out / "stamps" / label, (file for file in sorted((stamps / inside).rglob("*.png")) if _is_photo(file)))


def _is_photo(file: Path) -> bool:
    return not DRAWN & set(file.parts)


def _link(folder: Path, files: Iterable[Path]) -> None:
    folder.mkdir(parents=True)
    for number, file in enumerate(files):
        (folder / f"{number:03}-{file.name}").symlink_to(file.resolve())


if __name__ == "__main__":
    make(*map(Path, sys.argv[1:]))
