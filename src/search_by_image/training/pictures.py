"""Pictures as PyTorch's loader takes them: opened by our own opener, as pixels of 0..255."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from search_by_image.errors import ImageError, ModelError
from search_by_image.images import ImageLimits, open_rgb, read_limited
from search_by_image.models.description import Preprocessing
from search_by_image.models.preparing import pixels_of
from search_by_image.resizing import Pixels
from search_by_image.training.augmenting import augmented
from search_by_image.training.settings import Augmentation

FINER = 2
Row = tuple[str, int]
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Opener:
    root: Path
    limits: ImageLimits

    def open(self, path: str, side: int) -> Image.Image:
        """Raises `ImageError`: the picture was there, and could be opened, when the run began."""
        try:
            return open_rgb(read_limited(self.root / path, self.limits), self.limits, at_least=FINER * side)
        except ImageError as error:
            raise ImageError(
                f"The run's picture {path!r} is not as it was. {error} Put it back, or begin anew with --restart."
            ) from error


class TrainingPictures(Dataset):
    """Augmented. A key is (epoch, place): the same key always gives the same pixels, in whichever process."""

    def __init__(
        self, opener: Opener, rows: Sequence[Row], preprocessing: Preprocessing, wanted: Augmentation, seed: int
    ) -> None:
        self._opener, self._rows, self._wanted, self._seed = opener, rows, wanted, seed
        self._side, self._square = preprocessing.size, preprocessing.resize != "squash"

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Pixels, int]:
        epoch, place = key
        path, label = self._rows[place]
        drawn = np.random.default_rng((self._seed, epoch, place))
        image = self._opener.open(path, self._side)
        return augmented(image, self._side, self._wanted, drawn, square=self._square), label


class HeldOutPictures(Dataset):
    """As a search makes them."""

    def __init__(self, opener: Opener, rows: Sequence[Row], preprocessing: Preprocessing) -> None:
        self._opener, self._rows, self._preprocessing = opener, rows, preprocessing

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> tuple[Pixels, int]:
        path, label = self._rows[place]
        image = self._opener.open(path, self._preprocessing.size)
        return np.asarray(pixels_of(image, self._preprocessing), np.uint8), label


def training_batches(
    pictures: TrainingPictures, epoch: int, places: Iterable[list[int]], workers: int
) -> Iterator[Batch]:
    """Pixels, u8, shape (n, side, side, 3), and labels, shape (n,)."""
    keys = [[(epoch, place) for place in batch] for batch in places]
    yield from _loaded(pictures, workers, batch_sampler=keys)


def held_out_batches(pictures: HeldOutPictures, size: int, workers: int = 0) -> Iterator[Batch]:
    yield from _loaded(pictures, workers, batch_size=size)


class _Told(Dataset):
    """Errors as texts: PyTorch would wrap those of its processes in their tracebacks."""

    def __init__(self, pictures: TrainingPictures | HeldOutPictures) -> None:
        self._pictures = pictures

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, key: Any) -> tuple[Pixels, int] | str:
        try:
            return self._pictures[key]
        except ImageError as error:
            return str(error)


def _loaded(pictures: TrainingPictures | HeldOutPictures, workers: int, **how: Any) -> Iterator[Batch]:
    """With a generator of its own: the network's would otherwise depend on how often a run was taken up again."""
    loader = DataLoader(_Told(pictures), num_workers=workers, collate_fn=together, generator=torch.Generator(), **how)
    for batch in loader:
        if isinstance(batch, str):
            raise ImageError(batch)
        yield batch


def together(rows: Sequence[tuple[Pixels, int] | str]) -> Batch | str:
    """Or the first text."""
    fault = next((row for row in rows if isinstance(row, str)), None)
    if fault is not None:
        return fault
    pixels = np.stack([row[0] for row in rows if not isinstance(row, str)])
    return torch.from_numpy(pixels), torch.tensor([row[1] for row in rows])


@contextmanager
def processes_explained() -> Iterator[None]:
    """Raises `ModelError` where a process that opens pictures was killed; PyTorch tells that at any moment."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise ModelError(
            f"A process that opens pictures has ended. {error} Give fewer --workers: each takes memory, in /dev/shm "
            "too. The same command continues from the last epoch's end."
        ) from error
