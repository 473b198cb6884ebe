"""From pictures and candidates to what was measured: all features first, then every measure of each candidate."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search_by_image.errors import ImageError, SearchByImageError, StoreError
from search_by_image.images import ImageLimits
from search_by_image.quality.candidates import Candidate
from search_by_image.quality.copies import Copies, searched_by_copies
from search_by_image.quality.costs import Costs, opened_and_measured, spread
from search_by_image.quality.distances import rows_of
from search_by_image.quality.edits import EDITS
from search_by_image.quality.feature_cache import FeatureCache
from search_by_image.quality.features import Maker, Source, maker_of, read_sources
from search_by_image.quality.measures import Measures, Searches, Show, measured, search_each
from search_by_image.quality.scores import Scores, Suggestion, scores_of, suggested
from search_by_image.quality.sets import PictureSet
from search_by_image.vectors.base import Metric, Vectors

Watch = Callable[[str], AbstractContextManager[Show]]
PRECISIONS = (0.8, 0.9, 0.95, 0.99)
BYTES_A_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Options:
    """`ks`: of precision@k and recall@k. `precision`: that the suggested `match_score` shall give.

    `copies`: how many pictures are edited. `pairs`: whose scores are measured, at most, of each kind. `fresh`: compute
    kept features anew.
    """

    ks: tuple[int, ...] = (1, 5, 10)
    precision: float = 0.95
    copies: int = 200
    pairs: int = 200_000
    seed: int = 0
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """Of one candidate. `suggestions`: for several precisions, ascending; the wanted one among them."""

    name: str
    fingerprint: str
    metric: Metric
    dimension: int
    costs: Costs
    searches: Searches
    measures: Measures
    copies: Copies
    scores: Scores
    suggestions: tuple[Suggestion, ...]

    @property
    def bytes_a_vector(self) -> int:
        return self.dimension * BYTES_A_NUMBER


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`pictures`: those that every candidate made a vector of; `skipped` in it names the others."""

    pictures: PictureSet
    options: Options
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    """What is left of a candidate after its features are in the cache."""

    name: str
    maker: str
    fingerprint: str
    metric: Metric
    costs: Costs


@dataclass(frozen=True, slots=True)
class Evaluator:
    """`watch(what)` shows the progress of each part."""

    cache: FeatureCache
    limits: ImageLimits
    threads: int
    precision: str
    watch: Watch = lambda _: nullcontext(lambda *_: None)

    def run(self, pictures: PictureSet, candidates: Sequence[Candidate], options: Options) -> Evaluation:
        """Raises `InvalidInputError` when fewer than two pictures are usable; a bad picture is reported, never raised.

        A picture that one candidate cannot take is left out for all of them: they are compared on the same ones.
        """
        with self.watch("Reading") as show:
            found, unreadable = read_sources(pictures.files, self.limits, show)
        pictures, sources = pictures.without(unreadable), [found[place] for place in sorted(found)]
        copied = _sample(sources, options)
        failed: dict[bytes, SearchByImageError] = {}
        made = [self._features(candidate, sources, copied, options, failed) for candidate in candidates]
        bad = {place: failed[source.key] for place, source in enumerate(sources) if source.key in failed}
        pictures, sources = pictures.without(bad), [source for source in sources if source.key not in failed]
        of = [place for place, source in enumerate(sources) if source in copied and not _is_hurt(source, failed)]
        return Evaluation(pictures, options, tuple(self._result(one, pictures, sources, of, options) for one in made))

    def _features(
        self,
        candidate: Candidate,
        sources: Sequence[Source],
        copied: frozenset[Source],
        options: Options,
        failed: dict[bytes, SearchByImageError],
    ) -> _Made:
        probes = self._readable([sources[place] for place in spread(len(sources))])
        pipeline, costs = opened_and_measured(candidate.open, probes, self.threads)
        maker = maker_of(pipeline, self.limits, self.threads, self.precision)
        if options.fresh:
            self.cache.forget(maker.name)
        failed |= self._filled(maker, f"Features of {candidate.name}", sources)
        usable = [source for source in sources if source in copied and source.key not in failed]
        if edits := [Source(source.file, source.sha256, edit) for source in usable for edit in EDITS]:
            failed |= self._filled(maker, f"Edited copies for {candidate.name}", edits)
        metric = pipeline.metric or candidate.metric
        return _Made(candidate.name, maker.name, pipeline.fingerprint, metric, costs)

    def _readable(self, sources: Sequence[Source]) -> list[bytes]:
        """Those that are still there; the others are told when their features are made."""
        found = []
        for source in sources:
            with suppress(ImageError):
                found.append(source.read(self.limits))
        return found

    def _filled(self, maker: Maker, what: str, sources: Sequence[Source]) -> Mapping[bytes, SearchByImageError]:
        with self.watch(what) as show:
            return maker.fill(self.cache, sources, show)

    def _result(
        self, made: _Made, pictures: PictureSet, sources: Sequence[Source], of: Sequence[int], options: Options
    ) -> Result:
        names, labels = np.unique(np.array(pictures.labels), return_inverse=True)
        rows = self._rows(made, sources)
        with self.watch(f"Searches of {made.name}") as show:
            searches = search_each(made.metric, rows, labels, options.ks, show)
        scores = scores_of(
            made.metric, rows, labels, different=pictures.different, most=options.pairs, seed=options.seed
        )
        return Result(
            name=made.name,
            fingerprint=made.fingerprint,
            metric=made.metric,
            dimension=rows.shape[1],
            costs=made.costs,
            searches=searches,
            measures=measured(searches, options.ks, labels, names.tolist()),
            copies=self._copies(made, rows, sources, of),
            scores=scores,
            suggestions=_suggestions(scores, options.precision),
        )

    def _rows(self, made: _Made, sources: Sequence[Source]) -> Vectors:
        vectors = self.cache.vectors(made.maker, (source.key for source in sources))
        if not all(source.key in vectors for source in sources):
            raise StoreError(
                f"Features of {made.name!r} went away while they were used: another command with --fresh, or what "
                "removed the cache's file. Run the same command again."
            )
        return rows_of(made.name, made.metric, [vectors[source.key] for source in sources])

    def _copies(self, made: _Made, rows: Vectors, sources: Sequence[Source], of: Sequence[int]) -> Copies:
        if not of:
            return Copies(0, {}, ())
        edited = {
            edit: self._rows(made, [Source(sources[place].file, sources[place].sha256, edit) for place in of])
            for edit in EDITS
        }
        return searched_by_copies(made.metric, rows, edited, of, _numbered(sources))


def _sample(sources: Sequence[Source], options: Options) -> frozenset[Source]:
    dice = np.random.default_rng(options.seed)
    places = dice.permutation(len(sources))[: options.copies]
    return frozenset(sources[place] for place in places.tolist())


def _is_hurt(source: Source, failed: Mapping[bytes, SearchByImageError]) -> bool:
    return any(Source(source.file, source.sha256, edit).key in failed for edit in EDITS)


def _numbered(sources: Sequence[Source]) -> npt.NDArray[np.int64]:
    """The same number for files of the same bytes."""
    numbers = {sha256: number for number, sha256 in enumerate(dict.fromkeys(source.sha256 for source in sources))}
    return np.array([numbers[source.sha256] for source in sources], np.int64)


def _suggestions(scores: Scores, precision: float) -> tuple[Suggestion, ...]:
    wanted = sorted({*PRECISIONS, precision})
    return tuple(made for one in wanted if (made := suggested(scores, one)) is not None)
