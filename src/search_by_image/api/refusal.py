"""A request refused before its call runs: to the old calls in their own words, to all others as a problem."""

from starlette.responses import Response
from starlette.types import Scope

from search_by_image.api.contract_codes import code_of
from search_by_image.api.exchange import note_outcome, told
from search_by_image.api.responses import SafeJSONResponse, headers_of, problem_of
from search_by_image.errors import SearchByImageError

CONTRACT_PREFIX = "/api/SearchServer/"


def refusal(scope: Scope, error: SearchByImageError) -> Response:
    """The old calls answer 200, with their code; `interface_seq_id` is empty, for the body is not read."""
    if not scope["path"].startswith(CONTRACT_PREFIX):
        return problem_of(error)
    note_outcome(code_of(error))
    content = {"interface_seq_id": "", "status": code_of(error), "msg": told(error)}
    return SafeJSONResponse(content, headers=headers_of(error))
