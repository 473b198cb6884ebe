"""An evaluation as JSON: its keys stay as they are. What there is none of is null."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from search_by_image.folder_import import printable
from search_by_image.quality.evaluation import Evaluation, Result
from search_by_image.quality.measures import Measures
from search_by_image.quality.scores import Distribution, Scores

DECIMALS = 6


def document(evaluation: Evaluation) -> dict[str, Any]:
    pictures = evaluation.pictures
    return {
        "set": {
            "path": printable(str(pictures.root)),
            "pictures": len(pictures.files),
            "labels": len(set(pictures.labels)),
            "skipped": [asdict(one) for one in pictures.skipped],
        },
        "options": asdict(evaluation.options),
        "candidates": [_candidate(result) for result in evaluation.results],
    }


def _candidate(result: Result) -> dict[str, Any]:
    copies = result.copies
    return {
        "name": result.name,
        "fingerprint": result.fingerprint,
        "metric": result.metric.value,
        "dimension": result.dimension,
        "bytes_a_vector": result.bytes_a_vector,
        "pictures_per_second": _number(result.costs.pictures_per_second),
        "load_seconds": _number(result.costs.load_seconds),
        "memory_bytes": result.costs.memory,
        **_measures(result.measures),
        "precision_of_labels": _by_k(result.measures.precision_of_labels),
        "labels": {name: _measures(one) for name, one in result.measures.labels.items()},
        "copies": {
            "count": copies.copies,
            "recall": _number(copies.recall_of_all),
            "recall_by_edit": {edit: _number(recall) for edit, recall in copies.recall.items()},
        },
        "scores": _scores(result.scores),
        "match_score": [asdict(one) for one in result.suggestions],
    }


def _measures(measures: Measures) -> dict[str, Any]:
    return {
        "queries": measures.queries,
        "precision": _by_k(measures.precision),
        "reachable": _by_k(measures.reachable),
        "recall": _by_k(measures.recall),
        "mean_average_precision": _number(measures.mean_average_precision),
    }


def _scores(scores: Scores) -> dict[str, Any]:
    low, high = scores.range
    kinds = {"same": scores.same, "different": scores.different}
    return {"range": [low, high], **{name: _distribution(one, low, high) for name, one in kinds.items()}}


def _distribution(one: Distribution, low: float, high: float) -> dict[str, Any]:
    names = ("5%", "50%", "95%")
    return {
        "pairs": one.pairs,
        "measured": len(one.scores),
        "quantiles": dict(zip(names, map(_number, one.quantiles), strict=False)),
        "histogram": [_number(share) for share in one.histogram(low, high)],
    }


def _by_k(values: Mapping[int, float]) -> dict[str, float | None]:
    return {str(k): _number(value) for k, value in values.items()}


def _number(value: float) -> float | None:
    return round(value, DECIMALS) if math.isfinite(value) else None
