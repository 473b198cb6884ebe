"""Pictures by binary vectors, from bytes to hits: a perceptual hash for HAMMING, a plug-in's bits for JACCARD."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cheap_library import picture
from search_by_image.errors import VectorMismatchError
from search_by_image.extraction import Extractor
from search_by_image.images import ImageLimits
from search_by_image.library import Library
from search_by_image.library_options import LibraryOptions
from search_by_image.locks import Gate
from search_by_image.plugins import Features, Host, PipelineProcesser, Processor, Registry
from search_by_image.processors.histogram import HistogramVetor
from search_by_image.processors.perceptual_hash import PerceptualHash
from search_by_image.records.sql import SqlRecordStore
from search_by_image.vectors.base import Metric
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from search_by_image.workshop import Workshop


def bright_blocks(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L").resize((8, 8), Image.Resampling.BOX)).reshape(-1) > 128


class BrightBlocks(Processor):
    """Which of 8 x 8 blocks are bright, as an array of bool."""

    metric = Metric.JACCARD

    def process(self, image, context):
        return Features(bright_blocks(image))


class PackedBlocks(PipelineProcesser):
    """The same in the contract's form, packed as Milvus 1 took it; the metric is the configuration's."""

    @classmethod
    def processer_name(cls) -> str:
        return "PackedBlocks"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        image = Image.open(io.BytesIO(input_data["image"])).convert("RGB")
        return {**input_data, "vertor": np.packbits(bright_blocks(image)).tobytes()}


def opened(folder: Path, **options) -> Library:
    registry = Registry()
    for plugin in (PerceptualHash, BrightBlocks, PackedBlocks, HistogramVetor):
        registry.add(plugin)
    names = {"Hash": "PerceptualHash", "Blocks": "BrightBlocks", "Packed": "PackedBlocks", "Colours": "HistogramVetor"}
    texts = {pipeline: f'{{"1": {{"processor": "{processor}"}}}}' for pipeline, processor in names.items()}
    pipelines = Workshop(registry, Host(), {}).pipelines(texts)
    index = EmbeddedIndex(EmbeddedSettings(folder / "vectors"))
    records = SqlRecordStore(f"sqlite:///{folder / 'records.db'}")
    return Library(records, index, Extractor(pipelines, ImageLimits(), Gate(4, 64)), LibraryOptions(**options))


@pytest.fixture
def library(tmp_path):
    library = opened(tmp_path)
    yield library
    library.close()


def edited(image: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(image)).convert("RGB").resize((90, 70)).save(buffer, "JPEG", quality=40)
    return buffer.getvalue()


def test_a_hash_finds_the_edited_copy(library):
    for number in range(30):
        library.add(picture(number, (128, 128)), {"number": number}, "Hash")
    for number in (3, 17):
        best, second = library.search(edited(picture(number, (128, 128))), "Hash", top_k=2)
        assert best.document == {"number": number}
        assert best.distance == int(best.distance) <= 8
        assert best.score == 1 - best.distance / 64
        assert second.score < best.score


def test_the_same_picture_scores_1(library):
    library.add(picture(1), {}, "Hash")
    library.add(picture(1), {}, "Blocks")
    for pipeline in ("Hash", "Blocks"):
        (hit,) = library.search(picture(1), pipeline)
        assert (hit.distance, hit.score) == (0, 1)


def test_a_lowest_score_counts_for_bits_too(library):
    library.add(picture(1), {"number": 1}, "Hash")
    library.add(picture(2), {"number": 2}, "Hash")
    assert [hit.document["number"] for hit in library.search(picture(2), "Hash", min_score=0.9)] == [2]


def test_jaccard_from_bool_arrays(library):
    one, other = picture(1), picture(2)
    library.add(one, {}, "Blocks")
    (hit,) = library.search(other, "Blocks")
    first, second = (bright_blocks(Image.open(io.BytesIO(image))) for image in (one, other))
    assert hit.score == pytest.approx((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("metric", [Metric.HAMMING, Metric.JACCARD])
def test_packed_bits_in_the_contracts_form_with_the_configured_metric(tmp_path, metric):
    library = opened(tmp_path, metric=metric)
    for number in range(5):
        library.add(picture(number), {"number": number}, "Packed")
    (space,) = library.spaces()
    assert (space.dimension, space.metric) == (64, metric)
    query = bright_blocks(Image.open(io.BytesIO(picture(9))))
    expected = []
    for number in range(5):
        stored = bright_blocks(Image.open(io.BytesIO(picture(number))))
        apart = (query ^ stored).sum() / (64 if metric is Metric.HAMMING else (query | stored).sum())
        expected.append((pytest.approx(1 - apart), number))
    expected.sort(key=lambda pair: -pair[0].expected)
    assert [(hit.score, hit.document["number"]) for hit in library.search(picture(9), "Packed")] == expected
    library.close()


def test_other_vectors_under_a_binary_metric_are_refused_and_nothing_stays(tmp_path):
    library = opened(tmp_path, metric=Metric.HAMMING)
    with pytest.raises(VectorMismatchError, match=r"HAMMING, which takes vectors of 0 and 1 alone, given: 0\."):
        library.add(picture(1), {}, "Colours")
    assert library.count() == 0
    library.close()


def test_they_survive_a_restart(tmp_path):
    library = opened(tmp_path)
    for number in range(10):
        library.add(picture(number), {"number": number}, "Hash")
    before = library.search(picture(4), "Hash")
    library.close()
    again = opened(tmp_path)
    assert again.search(picture(4), "Hash") == before
    assert before[0].document == {"number": 4}
    again.close()
