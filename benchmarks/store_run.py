"""`python -m benchmarks.store_run NAME`: one index of `benchmarks.stores`, measured; the result as JSON."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.store_kinds import KINDS, Opened
from benchmarks.stores import Measured
from search_by_image.vectors.base import Metric, Space, Vectors

DIMENSION, CENTRES, SPREAD = 512, 1000, 0.7
WARM_UP, TOP = 50, 10
BATCH = 1000
SPACE = Space("bench_pictures", DIMENSION, Metric.COSINE)


def main(name: str) -> Measured:
    kind = KINDS[name]
    with tempfile.TemporaryDirectory() as folder, kind.open(Path(folder), SPACE) as opened:
        vectors, queries = _drawn(0, kind.rows), _drawn(1, kind.queries + WARM_UP)
        before = opened.memory()
        inserting = _seconds(lambda: _insert(opened, vectors))
        build = _seconds(opened.finish)
        for query in queries[:WARM_UP]:
            opened.search(query, TOP)
        queries = queries[WARM_UP:]
        found, taken = zip(*(_timed(opened, query) for query in queries), strict=True)
        p50, p99 = 1000 * np.percentile(taken, (50, 99))
        rate = len(queries) / _seconds(lambda: _with_two_threads(opened, queries))
        memory = (opened.memory() - before) / 2**20
        recall = _recall(found, vectors, queries)
    return Measured(name, len(vectors) / inserting, build, p50, p99, rate, recall, memory)


def _insert(opened: Opened, vectors: Vectors) -> None:
    for start in range(0, len(vectors), BATCH):
        part = vectors[start : start + BATCH]
        opened.index.upsert(SPACE.name, np.arange(start, start + len(part)), part)


def _timed(opened: Opened, query: Vectors) -> tuple[list[int], float]:
    began = time.perf_counter()
    found = opened.search(query, TOP)
    return found, time.perf_counter() - began


def _with_two_threads(opened: Opened, queries: Vectors) -> None:
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda query: opened.search(query, TOP), queries))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _recall(found: tuple[list[int], ...], vectors: Vectors, queries: Vectors) -> float:
    products = queries @ vectors.T
    true = np.argpartition(-products, TOP, axis=1)[:, :TOP]
    return float(np.mean([len(set(ids) & set(near)) / TOP for ids, near in zip(found, true.tolist(), strict=True)]))


@cache
def _centres() -> Vectors:
    return np.random.default_rng(7).standard_normal((CENTRES, DIMENSION), np.float32)


def _drawn(seed: int, count: int) -> Vectors:
    dice = np.random.default_rng(seed)
    rows = _centres()[dice.integers(0, CENTRES, count)]
    rows += SPREAD * dice.standard_normal(rows.shape, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    json.dump(asdict(main(sys.argv[1])), sys.stdout)
