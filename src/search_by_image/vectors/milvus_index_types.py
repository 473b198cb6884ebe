"""Milvus's index types: which vectors each takes, what it is built with, and how wide a search has to look."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from search_by_image.errors import ConfigError, Problem
from search_by_image.vectors.base import Metric

AUTOINDEX = "AUTOINDEX"
WIDEST = 16_384
"""The most rows that one search or query of Milvus gives."""


@dataclass(frozen=True, slots=True)
class IndexType:
    """`build`: parameters with our defaults. `width`: the search parameter that trades speed for recall, None: none.

    `per_row`: the width must be at least as large as the number of rows that a search asks for. `tells_distances`: it
    keeps vectors of real numbers whole, so the distances that it tells are the true ones (Milvus's AUTOINDEX is HNSW).
    """

    name: str
    takes_bits: bool
    takes_floats: bool = True
    build: Mapping[str, int] | None = None
    width: str | None = None
    widen_to: int = 0
    per_row: bool = False
    tells_distances: bool = False

    def build_parameters(self, given: Mapping[str, int]) -> dict[str, int]:
        return {name: given.get(name, usual) for name, usual in (self.build or {}).items()}

    def search_parameters(self, given: Mapping[str, int], rows: int) -> dict[str, int]:
        if self.width is None:
            return {}
        width = given.get(self.width, self.widen_to)
        return {self.width: max(width, rows) if self.per_row else width}


_LITE = (AUTOINDEX, "FLAT", "IVF_FLAT", "IVF_SQ8", "HNSW")
_NLIST = {"nlist": 1024}
INDEX_TYPES = {
    kind.name: kind
    for kind in (
        IndexType(AUTOINDEX, takes_bits=True, tells_distances=True),
        IndexType("FLAT", takes_bits=False, tells_distances=True),
        IndexType("IVF_FLAT", takes_bits=False, build=_NLIST, width="nprobe", widen_to=32, tells_distances=True),
        IndexType("IVF_SQ8", takes_bits=False, build=_NLIST, width="nprobe", widen_to=32),
        IndexType(
            "HNSW",
            takes_bits=False,
            build={"M": 16, "efConstruction": 200},
            width="ef",
            widen_to=100,
            per_row=True,
            tells_distances=True,
        ),
        IndexType("DISKANN", takes_bits=False, width="search_list", widen_to=100, per_row=True),
        IndexType("BIN_FLAT", takes_bits=True, takes_floats=False),
        IndexType("BIN_IVF_FLAT", takes_bits=True, takes_floats=False, build=_NLIST, width="nprobe", widen_to=32),
    )
}


FOR_BITS = {name: "BIN_IVF_FLAT" if "IVF" in name else "BIN_FLAT" for name in INDEX_TYPES if "BIN" not in name}
"""One setting serves pipelines of both kinds beside each other."""


def index_type_for(name: str, *, is_binary: bool) -> IndexType:
    """Raises `ConfigError` for a type that does not exist or does not take such vectors."""
    fitting = [kind for kind in INDEX_TYPES.values() if (kind.takes_bits if is_binary else kind.takes_floats)]
    if is_binary and name in FOR_BITS:
        return INDEX_TYPES[FOR_BITS[name]]
    for kind in fitting:
        if kind.name == name:
            return kind
    bits = "vectors of bits" if is_binary else "vectors of real numbers"
    raise mistake("index_type", f"{name!r} is no index type for {bits}. Choose one of: {_listed(fitting)}.")


def lite_index_type(name: str, metric: Metric) -> IndexType:
    """What Milvus Lite has of it: it accepts any type, and fails when it comes to build one that it does not have.

    AUTOINDEX is FLAT, which it searches faster than its own choice, HNSW.

    Raises `ConfigError`.
    """
    if metric.is_binary:
        raise mistake(
            "metric_type",
            f"Milvus Lite keeps no vectors of bits, as {metric} needs them. Use the embedded index, which is exact for "
            "them (no milvus/uri), or a Milvus server.",
        )
    if name not in _LITE:
        raise mistake("index_type", f"Milvus Lite does not build {name}. Choose one of: {', '.join(_LITE)}.")
    return INDEX_TYPES["FLAT" if name == AUTOINDEX else name]


def check_parameters(name: str, build: Mapping[str, int], search: Mapping[str, int]) -> None:
    """Raise `ConfigError` for an unknown type, or a parameter that the type does not have."""
    if name not in INDEX_TYPES:
        raise mistake("index_type", f"{name!r} does not exist. Choose one of: {_listed(INDEX_TYPES.values())}.")
    kind = INDEX_TYPES[name]
    _check_names("index_params", name, build, kind.build or ())
    _check_names("search_params", name, search, () if kind.width is None else (kind.width,))


def mistake(field: str, message: str) -> ConfigError:
    return ConfigError([Problem(f"milvus/{field}", message)])


def _check_names(field: str, kind: str, given: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        choices = ", ".join(known) or "none"
        raise mistake(field, f"Index type {kind} has no parameter {', '.join(unknown)}. Known: {choices}.")


def _listed(kinds: Iterable[IndexType]) -> str:
    return ", ".join(kind.name for kind in kinds)
