"""The failed items of jobs, in the ledger."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from search_by_image.errors import DuplicateIdError, SearchByImageError
from search_by_image.jobs.job import Failure
from search_by_image.records.ledger import Entry, Ledger

KIND = "job_errors"
DIGITS = 12
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ItemError:
    """`number`: the item's place in the upload, from 1; `id`: of its picture, '' where that is not known."""

    number: int
    id: str
    code: str
    message: str

    @classmethod
    def of(cls, number: int, id_: str, error: SearchByImageError) -> "ItemError":
        shown = Failure.of(error.code, str(error))
        return cls(number, id_[:255], shown.code, shown.message)


class ItemErrors:
    """Thread-safe. An entry holds the errors of one batch, and goes by the number of the last one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def put(self, job: str, errors: Sequence[ItemError]) -> None:
        """Those of one batch; once more changes nothing."""
        if errors:
            with suppress(DuplicateIdError):
                self._ledger.add(KIND, _id(job, errors[-1].number), {"errors": [asdict(error) for error in errors]})

    def page(self, job: str, *, after: int = 0, limit: int) -> list[ItemError]:
        """The next `limit` with a number above `after`."""
        found: list[ItemError] = []
        for entry in self._entries(job, after):
            found += [ItemError(**error) for error in entry.body["errors"] if error["number"] > after]
            if len(found) >= limit:
                break
        return found[:limit]

    def forget(self, job: str, *, after: int = 0) -> None:
        """Those of the batches that ended with a higher number."""
        for entry in list(self._entries(job, after)):
            self._ledger.delete(KIND, entry.id)

    def _entries(self, job: str, after: int) -> Iterator[Entry]:
        page = self._ledger.list(KIND, after=_id(job, after), limit=AT_ONCE)
        while page:
            for entry in page:
                if not entry.id.startswith(f"{job}/"):
                    return
                yield entry
            page = self._ledger.list(KIND, after=page[-1].id, limit=AT_ONCE)


def _id(job: str, number: int) -> str:
    return f"{job}/{number:0{DIGITS}}"
