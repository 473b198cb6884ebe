"""The default model on the 52 demo photos of cats, dogs and stop signs, beside a hash of their shapes.

The numbers are this kit's own, from x86 (AMD Zen 4) in f32, 2026-11-29; another processor may round otherwise, so that
near ties change places.
"""

import pytest

from quality.cheap_set import evaluator
from search_by_image.quality.candidates import Wanted, candidates
from search_by_image.quality.evaluation import Options
from search_by_image.quality.sets import labelled_folder
from search_by_image.settings import load_settings

MODEL, PLAIN, HASH = "efficientnet-lite0", "efficientnet-lite0:centred=false", "PerceptualHash"
GOLDEN = {  # precision@1, @5, @10, mean average precision
    MODEL: (1.000, 0.962, 0.890, 0.872),
    PLAIN: (1.000, 0.942, 0.869, 0.867),
    HASH: (0.231, 0.262, 0.287, 0.355),
}


@pytest.fixture(scope="module")
def evaluation(demo, tmp_path_factory):
    home = tmp_path_factory.mktemp("golden")
    for kind in ("cat", "dog", "stop-sign"):
        (home / "set" / kind).mkdir(parents=True)
        for file in (demo.photos / kind).glob("*.jpg"):
            (home / "set" / kind / file.name).symlink_to(file)
    chosen = candidates(load_settings(environ={}), Wanted((), [HASH], [MODEL, PLAIN]))
    with evaluator(home) as work:
        return work.run(labelled_folder(home / "set"), chosen, Options(copies=5))


@pytest.mark.slow
def test_the_measures_are_those_of_before(evaluation):
    assert len(evaluation.pictures.files) == 52
    for result in evaluation.results:
        made = (*result.measures.precision.values(), result.measures.mean_average_precision)
        assert made == pytest.approx(GOLDEN[result.name], abs=0.01), result.name


@pytest.mark.slow
def test_the_model_finds_copies_that_the_hash_does_not(evaluation):
    hashed, model, _ = (result.copies.recall for result in evaluation.results)
    assert min(model.values()) == 1
    assert hashed["JPEG 30"] == 1
    assert hashed["flip"] < 0.5
