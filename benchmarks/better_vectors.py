"""What would make better vectors of the same models: tried on labelled folders, measured with the quality kit.

`python -m benchmarks.better_vectors FOLDER ...` prints a row for each way and three columns for each folder:
precision@5 and mean average precision, each the mean over the labels, and recall@1 of edited copies of 60 pictures.
Wants the models sscd and tiny-vit-5m (`search-by-image models pull sscd`). Features are kept in the user's cache.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset15 as op
from PIL import Image, ImageOps
from platformdirs import user_cache_path

from search_by_image.images import ImageLimits
from search_by_image.models import efficientnet_lite
from search_by_image.models.runtime import CompiledModel, RuntimeSettings, fingerprint
from search_by_image.plugins import Context, Features, Host, Processor, Registry
from search_by_image.processors.efficientnet_lite0 import IMAGE_SIZE, read_weights
from search_by_image.processors.image_model import ImageModel
from search_by_image.quality.copies import searched_by_copies
from search_by_image.quality.edits import EDITS
from search_by_image.quality.feature_cache import FeatureCache
from search_by_image.quality.features import Source, maker_of, read_sources
from search_by_image.quality.measures import measured, search_each
from search_by_image.quality.sets import labelled_folder
from search_by_image.resizing import central_square
from search_by_image.settings import load_settings
from search_by_image.vectors.base import Metric
from search_by_image.workshop import Workshop

Doubles = npt.NDArray[np.float64]
Rows = dict[str, Doubles]
"""By the name of the edit, '' for the pictures themselves."""
COPIES, KS = 60, [1, 5, 10]
LITE0, SSCD, TINY = "efficientnet-lite0", "sscd", "tiny-vit-5m"


class View(Processor):
    """Raw features of `model` for a `view` of the picture (base, flip, squash), or of another head (gem, classes)."""

    def __init__(self, para: Mapping[str, str], host: Host) -> None:
        super().__init__(para, host)
        self.view = para["view"]
        heads = {"gem": _gem, "classes": efficientnet_lite._probabilities}
        plain: dict[str, object] = {"model": para["model"], "normalised": False, "centred": False}
        if self.view == "squash":
            plain["resize"] = "squash"
        self.head = CompiledModel(_lite0(heads[self.view]), host.runtime) if self.view in heads else None
        self.model = ImageModel(plain, host)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.model.fingerprint, self.view, "view 1")

    def process(self, image: Image.Image, context: Context) -> Features:
        if self.head is not None:
            return Features(self.head.infer(central_square(image, IMAGE_SIZE))["features"])
        return self.model.process(ImageOps.mirror(image) if self.view == "flip" else image, context)


def _lite0(head: Callable[[ov.Node, efficientnet_lite.Tensors], ov.Node]) -> ov.Model:
    tensors = read_weights()
    image = op.parameter([1, IMAGE_SIZE, IMAGE_SIZE, 3], ov.Type.u8, name="image")
    trunk = efficientnet_lite._trunk(efficientnet_lite._scaled(image), tensors, efficientnet_lite.LITE0)
    if head is efficientnet_lite._probabilities:
        trunk = op.reduce_mean(trunk, np.array([2, 3]), keep_dims=False)
    return ov.Model([efficientnet_lite._result(head(trunk, tensors), "features")], [image], "lite0")


def _gem(trunk: ov.Node, _tensors: efficientnet_lite.Tensors, power: float = 3.0) -> ov.Node:
    """Generalised-mean pooling (Radenović, Tolias, Chum, 2018)."""
    raised = op.power(op.maximum(trunk, np.float32(1e-6)), np.float32(power))
    return op.power(op.reduce_mean(raised, np.array([2, 3]), keep_dims=False), np.float32(1 / power))


class Pictures:
    """A labelled folder with edited copies of some of its pictures."""

    def __init__(self, folder: Path, cache: FeatureCache, host: Host) -> None:
        self.labels = labelled_folder(folder).labels
        found, _ = read_sources(labelled_folder(folder).files, ImageLimits(), lambda *_: None)
        pictures = [found[place] for place in range(len(self.labels))]
        self.of = np.random.default_rng(0).permutation(len(pictures))[:COPIES].tolist()
        copies = {edit: [Source(pictures[n].file, pictures[n].sha256, edit) for n in self.of] for edit in EDITS}
        self.sources = {"": pictures, **copies}
        self.cache, self.host = cache, host

    def rows(self, model: str, view: str = "base") -> Rows:
        registry = Registry()
        registry.add(View)
        workshop = Workshop(registry, self.host, {"View": {"model": model, "view": view}})
        maker = maker_of(workshop.pipelines({"x": {"1": {"processor": "View"}}})["x"], ImageLimits(), 2, "f32")
        every = [source for sources in self.sources.values() for source in sources]
        if failed := maker.fill(self.cache, every, lambda *_: None):
            raise next(iter(failed.values()))
        kept = self.cache.vectors(maker.name, (source.key for source in every))
        return {edit: np.stack([kept[one.key] for one in many]).astype(float) for edit, many in self.sources.items()}

    def tell(self, rows: Rows) -> str:
        names, labels = np.unique(np.array(self.labels), return_inverse=True)
        single = {edit: some.astype(np.float32) for edit, some in rows.items()}
        own = single.pop("")
        made = measured(search_each(Metric.COSINE, own, labels, KS), KS, labels, names.tolist())
        copies = searched_by_copies(Metric.COSINE, own, single, self.of, np.arange(len(own)))
        average = fmean(one.mean_average_precision for one in made.labels.values() if one.queries)
        return f"{made.precision_of_labels[5]:.3f} {average:.3f} {copies.recall_of_all:.3f}"


def normal(rows: Doubles) -> Doubles:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def centred(rows: Doubles) -> Doubles:
    return normal(rows - rows.mean(axis=1, keepdims=True))


def each(change: Callable[[Doubles], Doubles], rows: Rows) -> Rows:
    return {edit: change(some) for edit, some in rows.items()}


def mean_of(*views: Rows) -> Rows:
    return {edit: normal(sum((view[edit] for view in views), np.zeros(1))) for edit in views[0]}


def joined(one: Rows, other: Rows, weight: float) -> Rows:
    return {edit: normal(np.concatenate([one[edit], weight * other[edit]], axis=1)) for edit in one}


def less_mean(rows: Rows) -> Rows:
    mean = rows[""].mean(axis=0)
    return each(lambda some: normal(some - mean), rows)


def whitened(rows: Rows, size: int) -> Rows:
    mean = rows[""].mean(axis=0)
    _, spread, axes = np.linalg.svd(rows[""] - mean, full_matrices=False)
    return each(lambda some: normal((some - mean) @ axes[:size].T / spread[:size]), rows)


def ways(pictures: Pictures) -> dict[str, Rows]:
    plain = pictures.rows(LITE0)
    base, copy = each(centred, plain), each(normal, pictures.rows(SSCD))
    flip, squash, gem = (each(centred, pictures.rows(LITE0, view)) for view in ("flip", "squash", "gem"))
    classes = each(lambda some: normal(np.sqrt(some)), pictures.rows(LITE0, "classes"))
    tiny = each(normal, pictures.rows(TINY))
    both = joined(tiny, base, 1.0)
    return {
        "plain": each(normal, plain),
        "centred (the default)": base,
        "less the library's mean": less_mean(base),
        "whitened, 64 dimensions": whitened(base, 64),
        "with the flipped picture": mean_of(base, flip),
        "with the squashed picture": mean_of(base, squash),
        "generalised-mean pooling, 3": gem,
        "joined with 0.5 x sqrt(classes)": joined(base, classes, 0.5),
        "joined with 0.3 x sscd": joined(base, copy, 0.3),
        "joined with 0.5 x sscd": joined(base, copy, 0.5),
        "joined with 1 x sscd": joined(base, copy, 1.0),
        "joined with 0.5 x sscd, less the mean": less_mean(joined(base, copy, 0.5)),
        "sscd alone": copy,
        "tiny-vit-5m alone": tiny,
        "tiny-vit-5m, less the mean": less_mean(tiny),
        "tiny-vit-5m joined with lite0": both,
        "tiny-vit-5m joined with lite0, less the mean": less_mean(both),
    }


def main(folders: list[str]) -> None:
    settings = load_settings()
    host = Host(RuntimeSettings(cache_path=settings.models.cache_path), models_path=settings.models.path)
    with FeatureCache(user_cache_path("search-by-image") / "better-vectors") as cache:
        told = [
            {way: one.tell(rows) for way, rows in ways(one).items()}
            for one in (Pictures(Path(folder), cache, host) for folder in folders)
        ]
    for way in told[0]:
        print(f"{way:45}", *(f"| {one[way]}" for one in told))


if __name__ == "__main__":
    main(sys.argv[1:])
