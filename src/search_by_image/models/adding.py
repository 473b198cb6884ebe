"""A model of the user's own into the folder of the installed ones, tried out before it is there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import TypeAdapter, ValidationError

from search_by_image.errors import InvalidInputError
from search_by_image.fetch import without_secrets
from search_by_image.models.description import ModelDescription, Preprocessing
from search_by_image.models.graph_files import KINDS, WEIGHTS_ALONE, GraphFile
from search_by_image.models.graph_weights import weights_beside
from search_by_image.models.known_graphs import known_graphs, recognised
from search_by_image.models.manifest import FILE_NAME, KeptFile, Manifest, now, told
from search_by_image.models.opening import FEATURES, dimension_of
from search_by_image.models.sources import Files, Part, Source, Tools, Url
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.models.trying import check_model
from search_by_image.models.weights_files import READERS, read_weights
from search_by_image.wheels import sha256_of

FILE: Final = re.compile(r"\w[\w. -]*")
USUAL_SIZE: Final = 224
SCHEMES: Final = ("http://", "https://")
NOT_TOLD: Final = {"name": "not told", "declared": False}
OF_GRAPH: Final = ("mean", "std", "order", "layout", "tensor")
HOW_SCALED: Final = (
    "Say what pixels become before the graph sees them: mean and std (of 0..1; most PyTorch models: 0.485,0.456,0.406 "
    "and 0.229,0.224,0.225), or a range such as -1,1 or 0,255."
)


def add(
    name: str, files: Sequence[str], said: Mapping[str, Any], store: ModelStore, tools: Tools, *, replace: bool = False
) -> InstalledModel:
    """`files`: paths in one folder, or URLs, the graph or its weights first. `said`: as `model.json` has it, in part.

    Raises `InvalidInputError`, `ModelError`, `DownloadError`, `FetchError`; then nothing has changed.
    """
    taken = InvalidInputError(f"There is a model {name!r} already. Take another name, or --force to replace it.")
    if not replace and store.find(name):
        raise taken
    source = _source([*files, *_text_files(files[0], said)])
    for part in source.parts:
        _check_name(part.name, without_secrets(part.where))
    _check_kind(source.parts[0].name)
    made = []

    def fill(folder: Path) -> Manifest:
        made.append(_filled(folder, name, source, said, tools))
        return made[-1]

    installed = store.install(name, fill, replace=replace)
    if not made:
        raise taken
    return installed


def _text_files(graph: str, said: Mapping[str, Any]) -> list[str]:
    """Those that the description names, beside a graph that is here."""
    text = said.get("text")
    told = [text.get("file"), text.get("tokenizer")] if isinstance(text, Mapping) else []
    names = [name for name in told if isinstance(name, str) and name]
    for name in names:
        _check_name(name, "the text side")
    here = not graph.lower().startswith(SCHEMES)
    return [str(Path(graph).parent / name) for name in names if here]


def _source(files: Sequence[str]) -> Source:
    if all(file.lower().startswith(SCHEMES) for file in files):
        return Url(tuple(Part(_name_at(file), file) for file in files))
    paths = [Path(file).absolute() for file in files]
    folder = paths[0].parent
    if any(path.parent != folder for path in paths):
        raise InvalidInputError(f"All files of a model must be in one folder, such as {folder}, or all be URLs.")
    beside = [part for path in paths for part in weights_beside(path)]
    names = dict.fromkeys(path.name for path in (*paths, *beside))
    return Files(folder, tuple(Part(one, one) for one in names))


def _name_at(url: str) -> str:
    try:
        return unquote(PurePosixPath(urlsplit(url).path).name)
    except ValueError as error:
        raise InvalidInputError(
            f"{without_secrets(url)!r} is not a valid URL: {error}. Give the address of a model's file."
        ) from error


def _check_name(name: str, of: str) -> None:
    if not FILE.fullmatch(name) or name == FILE_NAME:
        raise InvalidInputError(
            f"{name!r}, of {of}, is no name for a model's file. Use letters, digits, spaces, '.', '-' and '_', and not "
            f"{FILE_NAME}."
        )


def _check_kind(name: str) -> None:
    """Before anything is fetched or copied."""
    kinds = (*KINDS, *READERS)
    if Path(name).suffix.lower() not in kinds and not WEIGHTS_ALONE.search(name):
        raise InvalidInputError(
            f"{name!r} is of an unknown kind. Name the graph first, or the weights of a network that is known here: a "
            f"file that ends in one of {', '.join(kinds)}."
        )


def _filled(folder: Path, name: str, source: Source, said: Mapping[str, Any], tools: Tools) -> Manifest:
    source.fetch(folder, tools)
    model = described(folder, name, source.parts[0].name, said)
    files = {part.name: _kept(folder / part.name, isinstance(source, Url)) for part in source.parts}
    manifest = Manifest(model, files, source.title, now())
    check_model(InstalledModel(folder, manifest))
    return manifest


def _kept(file: Path, recorded: bool) -> KeptFile:
    return KeptFile(sha256_of(file), file.stat().st_size, recorded)


def described(folder: Path, name: str, file: str, said: Mapping[str, Any]) -> ModelDescription:
    """What was not said is found out from the file, or at its default. Raises `InvalidInputError`, `ModelError`."""
    whole = Path(file).suffix.lower() not in READERS
    graph = "file" if whole else recognised(read_weights(folder / file))
    usual = USUAL_SIZE if whole else known_graphs()[graph].size
    made = _checked(
        {
            "dimension": 0,
            "licence": NOT_TOLD,
            "output": {},
            **said,
            "name": name,
            "file": file,
            "graph": graph,
            "preprocessing": {"size": usual, **said.get("preprocessing", {})},
        }
    )
    _check_scaling(made.preprocessing)
    _check_own(made)
    if whole:
        made = replace(made, preprocessing=_looked_up(folder / file, made.preprocessing, said))
    return made if made.dimension else replace(made, dimension=dimension_of(folder, made))


def _check_scaling(wanted: Preprocessing) -> None:
    if (wanted.mean is None) != (wanted.std is None) or 0 in (wanted.std or ()):
        raise InvalidInputError(f"mean {wanted.mean} and std {wanted.std} do not scale pixels. {HOW_SCALED}")


def _check_own(model: ModelDescription) -> None:
    """What a graph of ours does by itself would be ignored, and yet be in the fingerprint."""
    if model.graph == "file":
        return
    wanted, usual = model.preprocessing, Preprocessing(model.preprocessing.size)
    said = {
        f"preprocessing/{key}": getattr(wanted, key) for key in OF_GRAPH if getattr(wanted, key) != getattr(usual, key)
    }
    if model.output.tensor not in {"", FEATURES}:
        said["output/tensor"] = model.output.tensor
    if said:
        wrong = ", ".join(f"{key} {value!r}" for key, value in said.items())
        raise InvalidInputError(
            f"{model.file} holds weights of {model.graph}, whose graph is known here: it scales pixels by itself and "
            f"has one input and one output. Leave out {wrong}."
        )


def _looked_up(file: Path, wanted: Preprocessing, said: Mapping[str, Any]) -> Preprocessing:
    """With the size that the graph's input fixes; how it is scaled cannot be seen, and must be said."""
    graph, told = GraphFile(file), said.get("preprocessing", {})
    tensor = wanted.tensor or graph.only_picture()
    if "mean" not in told and not graph.takes_whole_numbers(tensor):
        raise InvalidInputError(HOW_SCALED)
    size = None if "size" in told else graph.size(tensor, wanted.layout)
    return replace(wanted, size=size[0]) if size else wanted


def _checked(data: Mapping[str, Any]) -> ModelDescription:
    try:
        return TypeAdapter(ModelDescription).validate_python(data)
    except ValidationError as error:
        raise InvalidInputError(f"The description of the model {data['name']!r} is wrong: {told(error)}") from error
