"""Compiled models kept between starts: one file each, its SHA-256 in front of OpenVINO's blob.

OpenVINO's own cache (`CACHE_DIR`) does not notice damaged weights and answers with wrong features.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov

from search_by_image.models.core import DEVICE, open_core

_DIGEST_SIZE: Final = hashlib.sha256().digest_size
_logger = logging.getLogger(__name__)

Properties = Mapping[str, Any]


def compile_model(model: ov.Model, properties: Properties, folder: Path | None) -> ov.CompiledModel:
    """Take the compiled model from the folder, or compile it and keep it there; None: keep it nowhere.

    A file that is damaged and a folder that cannot be used are warnings in the log. Raises `RuntimeError`.
    """
    core = open_core()
    if folder is None or _has_inner_models(model):
        return core.compile_model(model, DEVICE, properties)
    file = folder / f"{_key(core, model, properties)}.blob"
    kept = _load(core, file, properties)
    if kept is not None:
        return kept
    compiled = core.compile_model(model, DEVICE, properties)
    _keep(compiled, file)
    return compiled


def _has_inner_models(model: ov.Model) -> bool:
    """Loops and branches, whose bodies `_key` does not see."""
    return any(hasattr(node, "get_function") for node in model.get_ordered_ops())


def _key(core: ov.Core, model: ov.Model, properties: Properties) -> str:
    """Everything that the compiled model depends on."""
    machine = [core.get_property(DEVICE, name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    digest = hashlib.sha256(f"{ov.__version__} {machine} {sorted(properties.items())}\n".encode())
    nodes = model.get_ordered_ops()
    places = {node.get_friendly_name(): place for place, node in enumerate(nodes)}
    for node in nodes:
        digest.update(_description(node, places).encode())
        if isinstance(node, ov.op.Constant):
            digest.update(np.ascontiguousarray(node.data).data)
    ends = [places[node.get_friendly_name()] for node in (*model.get_parameters(), *model.get_results())]
    digest.update(f"{ends}".encode())
    return digest.hexdigest()[:32]


def _description(node: ov.Node, places: Mapping[str, int]) -> str:
    sources = [(places[source.get_node().get_friendly_name()], source.get_index()) for source in node.input_values()]
    names = [sorted(output.names) for output in node.outputs()]
    return f"{node.get_type_name()} {sorted(node.get_attributes().items())} {sources} {names}\n"


def _load(core: ov.Core, file: Path, properties: Properties) -> ov.CompiledModel | None:
    try:
        return core.import_model(_checked(file.read_bytes()), DEVICE, properties)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, ValueError) as error:
        _logger.warning("The compiled model in %s cannot be used and is made again: %s", file, error)
        return None


def _checked(content: bytes) -> bytes:
    digest, blob = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if hashlib.sha256(blob).digest() != digest:
        raise ValueError("the file is damaged, its SHA-256 is wrong")
    return blob


def _keep(compiled: ov.CompiledModel, file: Path) -> None:
    blob = compiled.export_model().getvalue()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, hashlib.sha256(blob).digest() + blob)
    except OSError as error:
        _logger.warning(
            "The compiled model cannot be kept, every start makes it again. Check models/cache_path: %s", error
        )


def _write(file: Path, content: bytes) -> None:
    """Replace the file as a whole, whoever else writes it at the same time."""
    descriptor, fresh = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".new")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
        Path(fresh).replace(file)
    except OSError:
        Path(fresh).unlink(missing_ok=True)
        raise
