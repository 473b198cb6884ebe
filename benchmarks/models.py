"""`python -m benchmarks.models [FILE]`: the speed of every installed model of the catalogue beside the default's.

Inference alone, on pixels that lie ready, all cores busy, in f32 and, where the CPU has it, in bf16; all in turn.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.measure import rates
from benchmarks.report import machine, markdown_table
from search_by_image.models.catalogue import catalogue
from search_by_image.models.opening import open_model
from search_by_image.models.runtime import CompiledModel, Precision, RuntimeSettings
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.settings import load_settings

THREADS = len(os.sched_getaffinity(0))
HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
PRECISIONS: tuple[Precision, ...] = ("f32", "bf16" if HAS_BF16 else "f32")
PICTURES = 48
HEADINGS = ("model", "input", "f32 pictures/s", "f32 against the default", "bf16 against f32")


def main(report: Path | None) -> None:
    store = ModelStore(load_settings().models.path)
    models = [model for entry in catalogue() if (model := store.find(entry.name)) is not None]
    found = iter(rates([_work(model, precision) for model in models for precision in PRECISIONS]))
    pairs = [(next(found), next(found)) for _ in models]
    rows = [_cells(model, pair, pairs[0][0]) for model, pair in zip(models, pairs, strict=True)]
    text = markdown_table(HEADINGS, rows)
    sys.stdout.write(f"{machine('openvino')}\n{text}")
    if report is not None:
        title = f"# Speed of the models\n\nMade by `python -m benchmarks.models`: {machine('openvino')}.\n\n"
        report.write_text(title + text, encoding="utf-8")


def _work(installed: InstalledModel, precision: Precision) -> Callable[[], int]:
    graph = open_model(installed.folder, installed.manifest.model)
    size, kind = installed.manifest.model.preprocessing.size, graph.input(0).element_type.to_dtype()
    model = CompiledModel(graph, RuntimeSettings(THREADS, precision))
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8).astype(kind)

    def work() -> int:
        with ThreadPoolExecutor(THREADS + 1) as workers:
            list(workers.map(model.infer, [pixels] * PICTURES))
        return PICTURES

    return work


def _cells(installed: InstalledModel, speed: tuple[float, float], default: float) -> tuple[str, ...]:
    f32, bf16 = speed
    size = str(installed.manifest.model.preprocessing.size)
    return installed.name, size, f"{f32:.0f}", f"{f32 / default:.2f}", f"{bf16 / f32:.2f}" if HAS_BF16 else "–"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
