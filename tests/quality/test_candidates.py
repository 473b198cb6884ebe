"""Which candidates a command line names."""

import pytest

from search_by_image.errors import ConfigError, InvalidInputError, ModelNotInstalledError, UnknownNameError
from search_by_image.quality.candidates import Wanted, candidates
from search_by_image.settings import load_settings
from search_by_image.vectors.base import Metric

OLD = """
class Old(PipelineProcesser):
    @classmethod
    def processer_name(cls):
        return "Old"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        return input_data
"""


@pytest.fixture
def settings(tmp_path):
    """Two pipelines, a processor with settings, and one in the form of 2020."""
    (tmp_path / "old.py").write_text(f"from search_by_image.plugins import PipelineProcesser\n{OLD}")
    (tmp_path / "server.xml").write_text(
        """<server><milvus><metric_type>L2</metric_type></milvus><pipeline>
        <plugins_path>.</plugins_path>
        <processer_para><PerceptualHash><hash_size type="int">12</hash_size></PerceptualHash>
        <Large><processor>PerceptualHash</processor><hash_size type="int">16</hash_size></Large></processer_para>
        <pipeline_config><First>{"1": {"processor": "PerceptualHash"}}</First>
        <Second>{"1": {"processor": "HistogramVetor"}}</Second></pipeline_config></pipeline></server>"""
    )
    return load_settings(tmp_path / "server.xml", environ={})


def test_without_any_the_first_pipeline(settings):
    (made,) = candidates(settings, Wanted())
    assert made.name == "First"
    assert made.open().dimension == 144


def test_pipelines_and_processors_each_once_in_the_order_given(settings):
    texts = ["PerceptualHash:hash_size=16,detail=2", "PerceptualHash", "PerceptualHash"]
    made = candidates(settings, Wanted(["Second", "First", "Second"], texts))
    assert [one.name for one in made] == ["Second", "First", *texts[:2]]
    assert [one.open().dimension for one in made[1:]] == [144, 256, 144]
    assert made[0].metric is Metric.L2


def test_a_pipeline_that_is_called_as_a_processor_stays_beside_it():
    node = '{"1": {"processor": "HSVClusterHistogramVetor"}}'
    named = load_settings(environ={}, overrides={"pipeline/pipeline_config/PerceptualHash": node})
    made = candidates(named, Wanted(["PerceptualHash"], ["PerceptualHash", "PerceptualHash"]))
    assert [(one.name, one.open().dimension) for one in made] == [
        ("PerceptualHash (pipeline)", 72),
        ("PerceptualHash (processor)", 64),
    ]


def test_a_second_set_of_settings_is_a_processor_of_its_own(settings):
    made = candidates(settings, Wanted((), ["Large", "Large:detail=1"]))
    assert [one.open().dimension for one in made] == [256, 256]
    assert made[0].open().fingerprint != made[1].open().fingerprint


def test_a_model_with_settings(settings):
    (made,) = candidates(settings, Wanted((), (), ["efficientnet-lite0:centred=false"]))
    assert made.name == "efficientnet-lite0:centred=false"
    assert made.open().nodes[0].processor_name == "ImageModel"
    assert made.open().dimension == 1280


def test_other_settings_are_another_fingerprint(settings):
    one, other = candidates(settings, Wanted((), ["PerceptualHash", "PerceptualHash:detail=2"]))
    assert one.open().fingerprint != other.open().fingerprint
    assert one.open().fingerprint == candidates(settings, Wanted(["First"]))[0].open().fingerprint


@pytest.mark.parametrize(
    ("wanted", "kind", "said"),
    [
        (Wanted(["Third"], [], []), UnknownNameError, "no pipeline named 'Third'. Known: First, Second"),
        (Wanted([], ["Nobody"], []), UnknownNameError, "no processor named 'Nobody'. Known: "),
        (Wanted([], ["PerceptualHash:16"], []), InvalidInputError, "is no name with settings. Give NAME"),
        (Wanted([], [":a=b"], []), InvalidInputError, "is no name with settings"),
        (Wanted([], ["Old:a=b"], []), InvalidInputError, "form of 2020"),
        (Wanted([], [], ["nothing"]), ModelNotInstalledError, "nothing"),
        (Wanted([], [], ["efficientnet-lite0:centred"]), InvalidInputError, "is no name with settings"),
    ],
)
def test_mistakes_are_told_at_once(settings, wanted, kind, said):
    with pytest.raises(kind, match=said):
        candidates(settings, wanted)


def test_a_wrong_setting_is_told_when_the_processor_is_made(settings):
    (made,) = candidates(settings, Wanted((), ["PerceptualHash:hash_size=x"]))
    with pytest.raises(ConfigError, match="hash_size: 'x' was given"):
        made.open()
