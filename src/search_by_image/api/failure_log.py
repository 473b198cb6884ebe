"""What goes into the log of a call that failed: the service's own failures, never what the caller sent."""

import logging
from http import HTTPStatus

from search_by_image.errors import SearchByImageError, StoreUnavailableError

logger = logging.getLogger(__name__)


def log_failure(error: SearchByImageError) -> None:
    """A caller's mistakes, whose texts may repeat what was sent, are only told by their code, in the access log."""
    if error.status is HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("a call failed (%s): %s", error.code, error, exc_info=error)
    elif isinstance(error, StoreUnavailableError):
        logger.warning("a call failed (%s): %s", error.code, error)
