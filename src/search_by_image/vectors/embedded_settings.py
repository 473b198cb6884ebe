"""The settings of the embedded index, and the rules that follow from them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from search_by_image.vectors.ann import Kind
from search_by_image.vectors.faiss_build import FEWEST_ROWS


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """How the embedded index keeps its vectors.

    `exact_below`: spaces with fewer vectors are searched exactly, whatever the `kind`. `ivf_above`: `auto` is HNSW up
    to here. `recall_target`: what efSearch and nprobe are tuned to. `snapshot_every`: changes after which `maintain`
    writes a snapshot. `rebuild_share`: a tail or removed rows over this share make `maintain` rebuild. `threads`: for
    builds; None is half of the cores (a search runs on the thread that asks).
    """

    path: Path
    kind: Literal["auto", "flat", "hnsw", "ivf"] = "auto"
    exact_below: int = 50_000
    ivf_above: int = 2_000_000
    recall_target: float = 0.98
    snapshot_every: int = 10_000
    rebuild_share: float = 0.25
    threads: int | None = None

    @property
    def build_threads(self) -> int:
        return self.threads or max(1, len(os.sched_getaffinity(0)) // 2)

    def kind_for(self, live: int) -> Kind | None:
        """None: an exact search."""
        if self.kind == "flat" or live < max(self.exact_below, FEWEST_ROWS):
            return None
        if self.kind == "auto":
            return "hnsw" if live <= self.ivf_above else "ivf"
        return self.kind

    def tail_limit(self, main: int) -> float:
        """A tail is searched exactly, so it may not grow past what counts as quick to search exactly either."""
        return max(FEWEST_ROWS, min(self.rebuild_share * main, self.exact_below))

    def is_outdated(self, kind: Kind, recall: float, live: int) -> bool:
        """Say whether an index was made by other settings, or outgrew its kind (`auto` does not rebuild to shrink)."""
        if recall != self.recall_target:
            return True
        if self.kind == "auto":
            return kind == "hnsw" and live > self.ivf_above
        return kind != self.kind
