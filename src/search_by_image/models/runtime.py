"""Compiled models on OpenVINO: one single-threaded stream for each CPU thread, one picture a request.

Batches gain 2-3 % and cost latency; streams that always find one more request waiting reach the machine's limit.
"""

import hashlib
import queue
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import openvino as ov

from search_by_image.errors import ModelError
from search_by_image.models.compiled_files import compile_model

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Tokens = npt.NDArray[np.int64 | np.int32]
Outputs = Mapping[str, npt.NDArray[np.float32]]
Precision = Literal["f32", "bf16"]
STILL_FINE = 10.0


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """`threads`: inferences at once; `cache_path`: where compiled models are kept between starts, None for nowhere."""

    threads: int = 2
    precision: Precision = "f32"
    cache_path: Path | None = None

    def properties(self) -> dict[str, Any]:
        """The precision is always explicit: OpenVINO silently picks bf16 on CPUs that have it.

        Streams are not pinned: the first streams of all processes would share the machine's first cores.
        """
        return {
            "INFERENCE_PRECISION_HINT": self.precision,
            "NUM_STREAMS": str(self.threads),
            "INFERENCE_NUM_THREADS": self.threads,
            "ENABLE_CPU_PINNING": False,
        }


class CompiledModel:
    """Thread-safe: as many inferences at once as the settings have threads, the others wait.

    One request more than threads waits inside OpenVINO: no stream idles until Python hands it the next picture.
    """

    def __init__(self, model: ov.Model, settings: RuntimeSettings) -> None:
        if settings.threads < 1:
            raise ModelError(f"A model cannot run on {settings.threads} threads. Give 1 or more.")
        try:
            compiled = compile_model(model, settings.properties(), settings.cache_path)
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot compile the model {model.get_friendly_name()!r}: {error}") from error
        self._compiled = compiled
        self._requests: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()
        for _ in range(settings.threads + 1):
            self._requests.put(compiled.create_infer_request())
        self._answered = -STILL_FINE
        self._outputs = {output.any_name: index for index, output in enumerate(model.outputs)}

    @property
    def precision(self) -> Precision:
        """What the CPU computes in: f32 where bf16 was asked for and the CPU does not have it."""
        return "bf16" if self._compiled.get_property("INFERENCE_PRECISION_HINT") == ov.Type.bf16 else "f32"

    def infer(self, pixels: Pixels) -> Outputs:
        """Copies of every output by its name, for one picture of shape (height, width, 3), RGB.

        Raises `ModelError` for another shape or type than the model's input.
        """
        return {name: output[0] for name, output in self.infer_batched(pixels).items()}

    def infer_batched(self, pixels: Pixels) -> Outputs:
        """As `infer`, with the outputs as the model gives them, those without a batch in front too."""
        try:
            return self._answers([pixels[None]])
        except RuntimeError as error:
            raise ModelError(f"The model cannot process {_described(pixels)}; it takes {self._input}.") from error

    def infer_all(self, inputs: Sequence[Tokens]) -> Outputs:
        """Copies of every output by its name, as the model gives them, for an array of each input in their order.

        Raises `ModelError` for other shapes or types.
        """
        try:
            return self._answers(inputs)
        except RuntimeError as error:
            raise ModelError(f"The model cannot process arrays of shapes {[one.shape for one in inputs]}.") from error

    def _answers(self, inputs: Sequence[Pixels | Tokens]) -> Outputs:
        request = self._requests.get()
        try:
            for index, given in enumerate(inputs):
                request.set_input_tensor(index, ov.Tensor(given, shared_memory=False))
            request.infer()
            self._answered = monotonic()
            return {name: request.get_output_tensor(index).data.copy() for name, index in self._outputs.items()}
        finally:
            self._requests.put(request)

    def check(self) -> None:
        """Raises `ModelError` unless the model answers. One that has answered within ten seconds is not asked again."""
        shape = self._compiled.input(0).partial_shape
        if monotonic() - self._answered < STILL_FINE or any(size.is_dynamic for size in list(shape)[1:]):
            return
        kind = self._compiled.input(0).element_type.to_dtype()
        self.infer_batched(np.zeros([size.get_length() for size in list(shape)[1:]], kind))

    @property
    def _input(self) -> str:
        taken = self._compiled.input(0)
        return f"{taken.element_type.to_string()} of shape {taken.partial_shape} with the batch in front"


def _described(pixels: Pixels) -> str:
    return f"{pixels.dtype} of shape {pixels.shape}"


def fingerprint(*parts: str) -> str:
    """A short stable name for what made a vector."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
