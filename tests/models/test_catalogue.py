"""The catalogue's data, and its models as they really come: the small one always, all others in `make test-all`."""

import re

import numpy as np
import pytest
from PIL import Image

from conftest import missing
from golden_pictures import golden_pictures
from search_by_image.errors import DownloadError
from search_by_image.models.catalogue import catalogue, find_entry
from search_by_image.models.pulling import pull
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.models.sources import Hub, Tools, Wheel
from search_by_image.models.store import NAME, ModelStore
from search_by_image.plugins import Host
from search_by_image.processors.image_model import ImageModel

ENTRIES = {entry.name: entry for entry in catalogue()}
WHEELS = {name for name, entry in ENTRIES.items() if isinstance(entry.sources[0], Wheel)}
SMALL = "mobilenet-v3-small"
LARGER = [pytest.param(name, marks=pytest.mark.soak) for name in sorted(WHEELS - {SMALL})]


def test_names_are_names_and_each_is_there_once():
    assert len(ENTRIES) == len(catalogue())
    assert all(NAME.fullmatch(name) for name in ENTRIES)
    assert find_entry("efficientnet-lite0") is not None
    assert find_entry("resnet-50") is None


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_fits_together(name):
    entry = ENTRIES[name]
    assert entry.good_at
    assert entry.model.licence.name
    assert entry.model.licence.declared or entry.model.licence.note
    assert (entry.model.preprocessing.mean is None) == (entry.model.preprocessing.std is None)
    for source in entry.sources:
        names = [part.name for part in source.parts]
        assert entry.model.file in names
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[\w.-]+", one) for one in names)
        assert all(part.sha256 is None or re.fullmatch("[0-9a-f]{64}", part.sha256) for part in source.parts)
        assert isinstance(source, Hub) or all(part.sha256 for part in source.parts)


@pytest.mark.parametrize("name", [SMALL, *LARGER])
def test_a_model_is_what_the_catalogue_says(name, tmp_path):
    """Twice the same, unlike for unlike pictures, and like for a picture and its half size."""
    entry = ENTRIES[name]
    try:
        installed = pull(entry, ModelStore(tmp_path), Tools())
    except DownloadError as error:
        missing(f"the model {name}: {error}")
    installed.check_files()
    assert installed.manifest.size == entry.size
    model = ImageModel({"model": name}, Host(RuntimeSettings(threads=1), models_path=tmp_path))
    assert model.dimension == entry.model.dimension
    pictures = {key: Image.fromarray(pixels) for key, pixels in golden_pictures().items()}
    vectors = {key: model.process(picture, {}).vector for key, picture in pictures.items()}
    half = model.process(pictures["shapes"].resize((112, 112), Image.Resampling.BICUBIC), {}).vector
    assert np.array_equal(model.process(pictures["shapes"], {}).vector, vectors["shapes"])
    assert all(vector.shape == (entry.model.dimension,) for vector in vectors.values())
    others = [float(vector @ vectors["shapes"]) for key, vector in vectors.items() if key != "shapes"]
    assert float(half @ vectors["shapes"]) > max(0.8, *others)
