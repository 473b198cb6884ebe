"""Any installed model: `search-by-image models` lists them, `models pull NAME` fetches one."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from PIL import Image
from pydantic import Field

from search_by_image.errors import ConfigError, ModelNotInstalledError, Problem
from search_by_image.models.description import Interpolation, Output, Preprocessing, Resize
from search_by_image.models.features import vector_of
from search_by_image.models.opening import FEATURES, open_model
from search_by_image.models.preparing import pixels_of
from search_by_image.models.runtime import CompiledModel, fingerprint
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.plugins import Context, Features, Host, Processor
from search_by_image.processors.para import Para, checked
from search_by_image.vectors.base import Metric

T = TypeVar("T", Preprocessing, Output)


class ImageModelPara(Para):
    """All but `model` override what the model's description says."""

    model: str = Field(min_length=1)
    resize: Resize | None = None
    interpolation: Interpolation | None = None
    centred: bool | None = None
    normalised: bool | None = None


class ImageModel(Processor):
    """The vector that the installed model `model` makes of a picture.

    For the cosine where it is normalised; otherwise the configured metric counts.
    """

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        wanted = checked(ImageModelPara, para, self.processor_name())
        self.installed = _installed(wanted.model, host)
        self.installed.check_files()
        described = self.installed.manifest.model
        self._preprocessing = _changed(described.preprocessing, wanted)
        self._output = _changed(described.output, wanted)
        graph = open_model(
            self.installed.folder, replace(described, preprocessing=self._preprocessing, output=self._output)
        )
        self._whole_numbers = graph.input(0).element_type.is_integral()
        self._model = CompiledModel(graph, host.runtime)
        self.dimension = described.dimension
        self.metric = Metric.COSINE if self._output.normalised else None
        self.image_size = None if self._preprocessing.interpolation == "tf1" else self._preprocessing.size

    @property
    def fingerprint(self) -> str:
        """Of the files and of all that decides what is made of a picture with them; not of the model's name."""
        manifest = self.installed.manifest
        files = sorted(kept.sha256 for kept in manifest.files.values())
        return fingerprint("image model", *files, manifest.model.graph, *_told(self._preprocessing, self._output), "v1")

    def process(self, image: Image.Image, _context: Context) -> Features:
        pixels = pixels_of(image, self._preprocessing, whole_numbers=self._whole_numbers)
        return Features(vector_of(self._model.infer(pixels)[FEATURES], self._output))

    def check(self) -> None:
        self._model.check()


def _installed(name: str, host: Host) -> InstalledModel:
    """Raises `ConfigError` where it is not installed, with the command that installs it."""
    try:
        return ModelStore(host.models_path).get(name)
    except ModelNotInstalledError as error:
        problem = Problem(f"pipeline/processer_para/{ImageModel.processor_name()}/model", str(error))
        raise ConfigError([problem], "the settings of ImageModel") from error


def _changed(described: T, wanted: ImageModelPara) -> T:
    own = {field.name for field in fields(described)}
    given = wanted.model_dump(exclude_none=True)
    return replace(described, **{name: value for name, value in given.items() if name in own})


def _told(*described: Preprocessing | Output) -> list[str]:
    """What is not at its default: a later version may know more, and the vectors stay the same."""
    return [
        f"{field.name}={getattr(one, field.name)!r}"
        for one in described
        for field in sorted(fields(one), key=lambda field: field.name)
        if getattr(one, field.name) != field.default
    ]
