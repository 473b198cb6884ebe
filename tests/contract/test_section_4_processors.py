"""spec.md, section 4: the supplied processors, named and set in `server.xml`, in one service beside each other."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cheap_library import picture
from search_by_image.assembly import open_engine
from search_by_image.settings import load_settings

DATA = Path(__file__).parents[1] / "data"

SERVER_XML = """
<server>
  <milvus><metric_type>L2</metric_type></milvus>
  <pipeline>
    <processer_para>
      <InceptionV4Vertor>
        <frozen_graph>models/tiny.pb</frozen_graph><labelmap>models/labels.txt</labelmap>
        <encoding>gb18030</encoding><image_size type="int">32</image_size><min_score type="float">0.1</min_score>
      </InceptionV4Vertor>
      <InceptionV4Classifier>
        <frozen_graph>models/tiny.pb</frozen_graph><labelmap>models/labels.txt</labelmap>
        <encoding>gb18030</encoding><image_size type="int">32</image_size><min_score type="float">0.1</min_score>
      </InceptionV4Classifier>
      <HSVClusterHistogramVetor>
        <h_split_num type="int">6</h_split_num><s_split_num type="int">4</s_split_num>
        <v_split_num type="int">3</v_split_num><remove_line type="float">0.01</remove_line>
      </HSVClusterHistogramVetor>
    </processer_para>
    <pipeline_config>
      <Inception>{"1": {"name": "vector", "processor": "InceptionV4Vertor"}}</Inception>
      <Classes>{"1": {"name": "vector", "processor": "InceptionV4Classifier"}}</Classes>
      <Histogram>{"1": {"name": "vector", "processor": "HistogramVetor"}}</Histogram>
      <Colours>{"1": {"name": "vector", "processor": "HSVClusterHistogramVetor"}}</Colours>
      <Copies>{"1": {"name": "vector", "processor": "PerceptualHash"}}</Copies>
      <Middle>{"1": {"name": "crop", "processor": "CentreCrop"},
               "2": {"name": "vector", "processor": "HistogramVetor"}}</Middle>
    </pipeline_config>
  </pipeline>
</server>
"""
DIMENSIONS = {"Inception": 12, "Classes": 12, "Histogram": 768, "Colours": 72, "Copies": 64, "Middle": 768}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    root = tmp_path_factory.mktemp("service")
    (root / "conf").mkdir()
    (root / "models").mkdir()
    shutil.copy(DATA / "tiny_inception.pb", root / "models" / "tiny.pb")
    labels = "0:猫\n1:狗\n2:停止标志\n3:船\n4:树\n"
    (root / "models" / "labels.txt").write_text(labels, encoding="gb18030")
    (root / "conf" / "server.xml").write_text(SERVER_XML)
    with open_engine(load_settings(root / "conf" / "server.xml", environ={})) as engine:
        for seed in range(1, 6):
            for pipeline in DIMENSIONS:
                engine.image_to_search_db(picture(seed, (96, 96)), {"id": seed}, pipeline)
        yield engine


@pytest.mark.parametrize("pipeline", DIMENSIONS)
def test_each_pipeline_has_its_own_space_in_one_collection(pipeline, engine):
    """Different dimensions and metrics live side by side; a search looks only into its own."""
    spaces = {space.pipeline: space for space in engine.library.spaces()}
    assert spaces[pipeline].dimension == DIMENSIONS[pipeline]
    assert spaces[pipeline].metric == ("HAMMING" if pipeline == "Copies" else "L2")
    name = "search_by_image_images"
    assert spaces[pipeline].name == (name if pipeline == "Inception" else f"{name}_{pipeline}")
    found = engine.search(picture(3, (96, 96)), pipeline)
    assert [match["id"] for match in found][:1] == [3]
    assert len(found) == 5
    assert found[0]["distance"] == 0
    assert found[0]["score"] == 1


def test_the_classifier_tells_class_and_score(engine):
    output = engine.library.pipelines["Classes"].run({"image": picture(2), "collection": ""}, {})
    assert output["class"] in {"猫", "狗", "停止标志", "船", "树"}
    assert 0.1 < output["score"] <= 1
    assert output["vertor"].shape == (12,)


def test_copies_are_few_bits_apart(engine):
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture(4, (96, 96)))).resize((60, 60)).save(buffer, "JPEG", quality=60)
    first, second, *_ = engine.search(buffer.getvalue(), "Copies")
    assert first["id"] == 4
    assert first["distance"] == np.round(first["distance"]) <= 8 < second["distance"]
    assert first["score"] == pytest.approx(1 - first["distance"] / 64)
