"""The `status` codes of the old calls: `00000`, `10001`, and `2XXXX` by the kind of failure."""

from search_by_image import errors

SUCCESS = "00000"
NO_FILE = "10001"
FAILED = "20000"
BAD_REQUEST = "20001"

_BY_ERROR: tuple[tuple[type[errors.SearchByImageError], str], ...] = (
    (errors.ImageTooLargeError, "20003"),
    (errors.ImageError, "20002"),
    (errors.FetchError, "20004"),
    (errors.UnknownNameError, "20005"),
    (errors.VectorMismatchError, "20006"),
    (errors.InvalidInputError, BAD_REQUEST),
    (errors.PipelineError, "20007"),
    (errors.OverloadedError, "20008"),
    (errors.StoreError, "20009"),
    (errors.UnauthenticatedError, "20010"),
    (errors.ForbiddenError, "20011"),
    (errors.RateLimitedError, "20012"),
    (errors.RequestTimeoutError, "20013"),
)


def code_of(error: errors.SearchByImageError) -> str:
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), FAILED)
