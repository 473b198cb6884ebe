"""Any installed model: `search-by-image models` lists them, `models pull NAME` fetches one."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from pydantic import Field

from search_by_image.errors import ConfigError, ModelNotInstalledError, Problem
from search_by_image.models.description import Interpolation, Output, Preprocessing, Resize
from search_by_image.models.features import vector_of
from search_by_image.models.graph_files import KINDS
from search_by_image.models.opening import FEATURES, open_model
from search_by_image.models.preparing import pixels_of
from search_by_image.models.runtime import CompiledModel, fingerprint
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.models.text_model import TextModel
from search_by_image.models.weights_files import READERS
from search_by_image.plugins import Context, Features, Host, Processor
from search_by_image.processors.para import Para, checked
from search_by_image.vectors.base import Metric, Vector

T = TypeVar("T", Preprocessing, Output)


class ImageModelPara(Para):
    """All but `model` override what the model's description says; `text` false leaves its text side alone."""

    model: str = Field(min_length=1)
    resize: Resize | None = None
    interpolation: Interpolation | None = None
    centred: bool | None = None
    normalised: bool | None = None
    text: bool = True


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
        self._text = _text_model(self.installed, self._output, host) if wanted.text else None
        self.takes_text = self._text is not None
        self.image_size = None if self._preprocessing.interpolation == "tf1" else self._preprocessing.size

    @property
    def fingerprint(self) -> str:
        """Of the files and of all that decides what is made of a picture with them; not of the model's name."""
        graph, told = self.installed.manifest.model.graph, _told(self._preprocessing, self._output)
        return fingerprint("image model", *self.installed.made_of(), *_chosen(self.installed), graph, *told, "v1")

    def process(self, image: Image.Image, _context: Context) -> Features:
        pixels = pixels_of(image, self._preprocessing, whole_numbers=self._whole_numbers)
        return Features(vector_of(self._model.infer(pixels)[FEATURES], self._output))

    def embed_text(self, text: str) -> Vector:
        return super().embed_text(text) if self._text is None else self._text.embed(text)

    def check(self) -> None:
        self._model.check()


def _installed(name: str, host: Host) -> InstalledModel:
    """Raises `ConfigError` where it is not installed, with the command that installs it."""
    try:
        return ModelStore(host.models_path).get(name)
    except ModelNotInstalledError as error:
        problem = Problem(f"pipeline/processer_para/{ImageModel.processor_name()}/model", str(error))
        raise ConfigError([problem], "the settings of ImageModel") from error


def _text_model(installed: InstalledModel, output: Output, host: Host) -> TextModel | None:
    model = installed.manifest.model
    if model.text is None:
        return None
    return TextModel(installed.folder, replace(model, output=output), model.text, host.runtime)


def _chosen(installed: InstalledModel) -> list[str]:
    """The SHA-256 of the graph, or its weights, where another of the files could be it."""
    model = installed.manifest.model
    kinds = KINDS if model.graph == "file" else READERS
    others = installed.for_pictures() - {model.file}
    return [installed.manifest.files[model.file].sha256] if any(_kind(name) in kinds for name in others) else []


def _kind(name: str) -> str:
    return Path(name).suffix.lower()


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
