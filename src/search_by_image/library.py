"""The picture library: pictures in, the nearest out, over a record store and a vector index."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from search_by_image.deadline import limited, one_call
from search_by_image.documents import check_document
from search_by_image.embedding import Admit, CollectionOf
from search_by_image.errors import InvalidInputError, StoreError, UnknownNameError
from search_by_image.extraction import Extractor
from search_by_image.fields import FieldSummary, summarise
from search_by_image.filters import Filter, check_filter
from search_by_image.health import StoreHealth
from search_by_image.keyed import KeyedPictures
from search_by_image.library_options import LibraryOptions
from search_by_image.locks import SharedLock
from search_by_image.model_spaces import ModelSpaces
from search_by_image.nearest import Finder
from search_by_image.pairs import Pair
from search_by_image.picture_search import PictureSearch
from search_by_image.pictures import Added, Hit, Prepared
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import Match, RecordStore, SpaceRecord, Stored
from search_by_image.records.ledger import Ledger
from search_by_image.recovery import STUCK_AFTER_MS, finish_what_stopped
from search_by_image.reindexing import Reindex
from search_by_image.settings import check_collection_name
from search_by_image.similar import SimilarPictures
from search_by_image.tally import Tally, one_import
from search_by_image.timing import timed
from search_by_image.variant import Remake
from search_by_image.variants import never
from search_by_image.vectors.base import VectorIndex
from search_by_image.writing import Writer


def admit_all(_collection: str) -> None:
    """Every collection may be used."""


class Library:
    """Thread-safe. Give it stores that nobody else closes; `close` closes them.

    Every call may raise `StoreUnavailableError`, none later than `options.store_timeout` allows.
    """

    def __init__(
        self,
        records: RecordStore,
        index: VectorIndex,
        extractor: Extractor,
        options: LibraryOptions | None = None,
        *,
        remake: Remake = never,
    ) -> None:
        self.options = options or LibraryOptions()
        self.extractor = extractor
        self.tally = Tally()
        self._records = records = timed(records, "records")
        self._index = index = timed(index, "vectors")
        spaces = ModelSpaces.over(records, index, extractor, self.options, remake)
        self.variants, self._indexed, self._embedder = spaces.variants, spaces.indexed, spaces.embedder
        self.health = StoreHealth(records, index, seconds=self.store_timeout)
        self.reindexing = Reindex(records, index, self._indexed)
        finder = Finder(records, index, self._indexed)
        self._pictures = PictureSearch(self._embedder, finder)
        self._writer = Writer(records, self._indexed, self.tally, self._embedder.vector_for)
        self._clearing = SharedLock()
        given, seconds = self.options, self.store_timeout
        self.keyed = KeyedPictures(
            records, self._writer, self._writing, document_bytes=given.document_bytes, store_timeout=seconds
        )
        self.similar = SimilarPictures(
            records, finder, spaces, extractor, self.keyed, metric=given.metric, store_timeout=seconds
        )
        self._closed = False
        self._create_collections()
        self.recover()

    @property
    def store_timeout(self) -> float:
        return self.options.store_timeout

    def as_one_call(self) -> AbstractContextManager[None]:
        """For several calls that share one `store_timeout`."""
        return limited(self.store_timeout)

    @property
    def ledger(self) -> Ledger:
        """What the service keeps for itself, beside the records."""
        return self._records.ledger

    @property
    def pipelines(self) -> Mapping[str, Pipeline]:
        return self.extractor.pipelines

    @one_call
    def collections(self) -> tuple[str, ...]:
        return self._records.collections()

    def spaces(self) -> tuple[SpaceRecord, ...]:
        """Those that are searched, one for each collection and pipeline."""
        return self._indexed.searched()

    def pair(self, collection: str, pipeline: str) -> Pair | None:
        """The spaces of a collection's pictures of a pipeline, as far as this process knows."""
        return self._indexed.pair(collection, pipeline)

    @one_call
    def add(
        self,
        image: bytes,
        document: Mapping[str, Any],
        pipeline: str,
        collection: str = "",
        *,
        admit: Admit = admit_all,
    ) -> Added:
        """Record the picture's vector and document; durable and searchable when this returns.

        `admit` hears the collection, which the pipeline may have chosen, and may refuse it by an error of its own.
        Raises `InvalidInputError` for a bad picture, document or name, `PipelineError`, `StoreError`.
        """
        return self.add_many([self.prepare(image, document, pipeline, collection, admit=admit)])[0]

    @one_import
    @one_call
    def prepare(
        self,
        image: bytes,
        document: Mapping[str, Any],
        pipeline: str,
        collection: str = "",
        *,
        admit: Admit = admit_all,
        pinned: bool = False,
    ) -> Prepared:
        """All of `add` that needs no store but the space's name. `pinned`: the pipeline may not choose another."""
        checked = check_document(document, self.options.document_bytes)
        asked = check_collection_name(collection) if collection else ""
        pin: CollectionOf = (lambda _: asked) if pinned else check_collection_name
        return self._embedder.prepared(image, checked, pipeline, asked, target=pin, admit=admit)

    @one_call
    def add_many(self, pictures: Sequence[Prepared]) -> list[Added]:
        """All or none."""
        with self._writing():
            records = self._writer.add(pictures)
        return [Added(record.id, record.collection) for record in records]

    @one_call
    def search(
        self,
        image: bytes,
        pipeline: str,
        collection: str = "",
        *,
        top_k: int | None = None,
        min_score: float | None = None,
        where: Filter | None = None,
        admit: Admit = admit_all,
    ) -> list[Hit]:
        """The nearest pictures of the collection, nearest first, among those whose document matches `where`.

        Raises `UnknownNameError` for a collection or pipeline that does not exist, `ImageError`, `PipelineError`,
        `InvalidInputError` for a filter that holds what no document can.
        """
        if where is not None:
            check_filter(where)
        lowest = self.options.match_score if min_score is None else min_score
        there, found = self._pictures.nearest(
            image,
            pipeline,
            collection,
            admit,
            top_k=self.options.top_k if top_k is None else top_k,
            where=where,
        )
        if not found:
            self.check_collection(there)
        return [hit for hit in found if hit.score >= lowest]

    @one_call
    def check_collection(self, name: str) -> None:
        """Raises `UnknownNameError` when there is no such collection."""
        known = self._records.collections()
        if name not in known:
            raise UnknownNameError("collection", name, known)

    @one_call
    def create_collection(self, name: str) -> bool:
        """Whether there was none of that name. Raises `InvalidInputError` for a name that cannot be."""
        return self._records.create_collection(check_collection_name(name))

    def drop_collection(self, name: str) -> None:
        """Remove the collection and all its pictures. Raises `UnknownNameError` when there is none."""
        with self._clearing.exclusive():
            self.check_collection(name)
            self._indexed.drop(name)

    @one_call
    def pipeline_for(self, collections: Iterable[str], wanted: str | None = None) -> str:
        """The pipeline wanted, else the collections' only one, else the only one that there is.

        Raises `UnknownNameError`, or `InvalidInputError` where it must be named.
        """
        if wanted is not None:
            return self.extractor.pipeline(wanted).name
        among = set(collections)
        used = {space.pipeline for space in self.spaces() if space.collection in among}
        choices = sorted(used & self.pipelines.keys() or self.pipelines)
        if len(choices) != 1:
            raise InvalidInputError(f"Name the pipeline, one of {', '.join(choices)}.")
        return choices[0]

    @one_call
    def page(self, match: Match, *, after: int = 0, limit: int = 100, newest_first: bool = False) -> list[Stored]:
        """In the order of their last change: those that follow the id `after`."""
        return self._records.page(self._checked(match), after=after, limit=limit, newest_first=newest_first)

    @one_call
    def fields(self, collection: str, *, sample: int) -> tuple[list[FieldSummary], int]:
        """The fields of the collection's documents, learned from the `sample` that changed last, and how many."""
        newest = self.page(Match(collection=collection), limit=sample, newest_first=True)
        return summarise(stored.document for stored in newest), len(newest)

    @one_call
    def numbered_page(self, match: Match, *, number: int, size: int) -> list[Stored]:
        """Page `number`, from 1; `size` 0: all in one."""
        return self._records.offset_page(self._checked(match), offset=(number - 1) * size, limit=size or None)

    @one_call
    def count(self, match: Match | None = None) -> int:
        return self._records.count(self._checked(match or Match()))

    @one_call
    def known_pictures(self, pipeline: str, hashes: Sequence[bytes]) -> set[tuple[bytes, str]]:
        """Which pictures of these SHA-256 are there already, each with its collection."""
        return self._records.find_hashes(pipeline, hashes)

    @one_call
    def remove(self, match: Match) -> list[Stored]:
        """Remove the matching pictures from both stores and answer with what was removed."""
        with self._writing():
            return self._writer.remove(self._checked(match))

    def clear(self) -> None:
        """Remove everything, then create the configured collections anew."""
        with self._clearing.exclusive():
            self._indexed.clear()
            self._create_collections()

    def recover(self) -> None:
        """Bring the index in step with the records; what is not settled is done again."""
        self.variants.warm(self._records.spaces())
        self._indexed.open_all()
        finish_what_stopped(self._records, self._indexed, staged_ms_ago=STUCK_AFTER_MS, pending_ms_ago=0)

    def maintain(self) -> None:
        """Settle what was accepted, follow what others did, finish what a failure left, let the index keep house."""
        self.follow()
        self.keep_house()

    def follow(self) -> None:
        """All of `maintain` but what may take minutes."""
        self.variants.warm(self._records.spaces())
        with self._writing():
            self._writer.settle()
            self._indexed.maintain()
            finish_what_stopped(
                self._records, self._indexed, staged_ms_ago=STUCK_AFTER_MS, pending_ms_ago=STUCK_AFTER_MS
            )

    def keep_house(self) -> None:
        """Let the index build and snapshot what it wants to; searches and writes go on."""
        self._index.maintain()

    def close(self) -> None:
        """Once is enough; a second call does nothing."""
        with self._clearing.exclusive():
            if not self._closed:
                self._closed = True
                self._writer.settle()
                with suppress(StoreError):
                    self._indexed.end()
                self._index.close()
                self._records.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._clearing.shared():
            if self._closed:
                raise StoreError("The library is closed. Open it again.")
            yield

    def _checked(self, match: Match) -> Match:
        if match.where is not None:
            check_filter(match.where)
        if match.collection is not None:
            self.check_collection(match.collection)
        return match

    def _create_collections(self) -> None:
        for name in dict.fromkeys((self.options.default_collection, *self.options.collections)):
            self._records.create_collection(check_collection_name(name))
