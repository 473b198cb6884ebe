"""Every error that search-by-image raises on purpose.

Each carries its facts as attributes and says the remedy in its text. `status` is the HTTP status that the modern API
answers; `code` is stable and made for programs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus


class SearchByImageError(Exception):
    """The root: catch it to catch everything below."""

    code = "error"
    status = HTTPStatus.INTERNAL_SERVER_ERROR


class InvalidInputError(SearchByImageError):
    """The caller gave something that cannot be used; the same call fails again."""

    code = "invalid_input"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class ImageError(InvalidInputError):
    """The bytes are not a picture that we can open."""

    code = "invalid_image"


class EmptyImageError(ImageError):
    code = "empty_image"


class NotAnImageError(ImageError):
    code = "not_an_image"


class TruncatedImageError(ImageError):
    code = "truncated_image"


class ImageTooLargeError(ImageError):
    """More bytes or more pixels than the configured limit."""

    code = "image_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, message: str, *, size: int, limit: int) -> None:
        super().__init__(message)
        self.size = size
        self.limit = limit


class UploadTooLargeError(InvalidInputError):
    """The upload of an import has more bytes or items than allowed."""

    code = "upload_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class ArchiveRefusedError(InvalidInputError):
    """The zip file is damaged, or holds what no honest one does."""

    code = "archive_refused"


class FetchError(InvalidInputError):
    """A URL or a Base64 text did not give a picture's bytes."""

    code = "fetch_failed"


class FetchRefusedError(FetchError):
    """The URL's scheme, port or address is not allowed by the settings."""

    code = "fetch_refused"


class FetchTimeoutError(FetchError):
    code = "fetch_timeout"


class UnknownNameError(InvalidInputError):
    """A pipeline, processor, collection, ... of that name does not exist."""

    code = "unknown_name"
    status = HTTPStatus.NOT_FOUND

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        choices = ", ".join(self.known) or "none"
        super().__init__(f"There is no {kind} named {name!r}. Known: {choices}.")


class NotFoundError(InvalidInputError):
    """There is nothing of that name where it was looked for."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND

    def __init__(self, kind: str, name: str, place: str) -> None:
        self.kind = kind
        self.name = name
        super().__init__(f"There is no {kind} {name!r} in {place}.")


class PreconditionFailedError(InvalidInputError):
    """What the caller expected to be there is not; nothing was changed."""

    code = "precondition_failed"
    status = HTTPStatus.PRECONDITION_FAILED


class UnsupportedMediaTypeError(InvalidInputError):
    """The body is of another kind than the call takes."""

    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self, given: str, allowed: Iterable[str]) -> None:
        self.given = given
        self.allowed = tuple(allowed)
        super().__init__(f"The Content-Type {given!r} is not taken here. Send {' or '.join(self.allowed)}.")


class VectorMismatchError(InvalidInputError):
    """A vector's dimension, type or space differs from its collection's."""

    code = "vector_mismatch"


class NoTextSideError(InvalidInputError):
    """The pipeline makes vectors of pictures only."""

    code = "no_text_side"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} makes vectors of pictures only: it cannot search by text. Use a pipeline whose model has a text "
            "side, such as clip-vit-b32 (English) or chinese-clip-vit-b16 (Chinese): search-by-image models."
        )


@dataclass(frozen=True)
class Problem:
    """One mistake in the configuration."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class UnauthenticatedError(SearchByImageError):
    """Who calls is not known: no API key, or none that is in force."""

    code = "unauthenticated"
    status = HTTPStatus.UNAUTHORIZED


class ForbiddenError(SearchByImageError):
    """The caller is known, and may not do this."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class RateLimitedError(SearchByImageError):
    """The caller makes too many calls; the same call may succeed later."""

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RequestTimeoutError(SearchByImageError):
    """The caller sent the request's body too slowly."""

    code = "request_timeout"
    status = HTTPStatus.REQUEST_TIMEOUT


class ConfigError(SearchByImageError):
    """Everything that is wrong with the configuration, all at once."""

    code = "invalid_configuration"

    def __init__(self, problems: Iterable[Problem], source: str = "configuration") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} in {source}:\n{lines}")


class PluginError(SearchByImageError):
    """A plug-in could not be loaded or breaks the contract."""

    code = "plugin_error"


class PipelineError(SearchByImageError):
    """A node of a pipeline failed while it processed a picture."""

    code = "pipeline_failed"

    def __init__(self, message: str, *, pipeline: str, node: str) -> None:
        super().__init__(message)
        self.pipeline = pipeline
        self.node = node


class ModelError(SearchByImageError):
    """A model file is missing, damaged or of an unknown kind."""

    code = "model_error"


class ModelNotInstalledError(ModelError):
    """The model is not in the folder of the installed models."""

    code = "model_not_installed"


class StoreError(SearchByImageError):
    """A store refused or failed."""

    code = "store_error"


class StoreUnavailableError(StoreError):
    """A store does not answer now; the same call may succeed later."""

    code = "store_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class DuplicateIdError(StoreError):
    """An id is taken already; nothing was written."""

    code = "duplicate_id"


class KeyTakenError(StoreError):
    """Another picture has the key, or the one that was to be replaced changed meanwhile; nothing was written."""

    code = "key_taken"
    status = HTTPStatus.CONFLICT


class StoreLockedError(StoreError):
    """Another process holds the embedded stores."""

    code = "store_locked"


class OverloadedError(SearchByImageError):
    """More work is waiting than the queue may hold."""

    code = "overloaded"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ListenError(SearchByImageError):
    """The service cannot listen on its address."""

    code = "cannot_listen"


class DownloadError(SearchByImageError):
    """A file that is not part of the package could not be fetched, or is not the one that was expected."""

    code = "download_failed"


class MissingDependencyError(SearchByImageError):
    """An optional package is needed for what was asked."""

    code = "missing_dependency"

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{purpose} needs the package {package!r}. Install it: pip install 'search-by-image[{extra}]'")
