"""The way through a pipeline's nodes: each with its context, its trace, its router, and what becomes of a failure."""

import logging
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from search_by_image.agreement import agreed, before
from search_by_image.errors import PipelineError, SearchByImageError
from search_by_image.feedback import Attempt, Awaited
from search_by_image.plugins import Context

if TYPE_CHECKING:
    from search_by_image.pipeline import Node, Pipeline, Route

module_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told: at the end of an asynchronous run, before a node and after it. What they raise is only logged."""

    ended: Callable[[str, str, Context, Any], object] | None = None
    node_begins: Callable[[str, str, str], object] | None = None
    node_ended: Callable[[str, str, str, str, str], object] | None = None


NOBODY = Listeners()


class Walk:
    """From node to node; `_node` comes next and gets `_data`, None at the end. After a failure both are as before."""

    def __init__(self, definition: "Pipeline", listeners: Listeners = NOBODY, logger: Any = None) -> None:
        self.definition = definition
        self.name = definition.name
        self.logger = logger or module_logger
        self.context: Context = {}
        self.trace_list: list[dict[str, Any]] = []
        self._listeners = listeners
        self._node: Node | None = definition.nodes[0]
        self._data: Any = None
        self._steps = 0
        self._progress: dict[str, tuple[int, int]] = {}
        self._awaited: dict[str, Awaited] = {}

    def _step(self, node: "Node") -> None:
        self._count(node)
        trace = self._begin_node(node)
        given = before(self._data)
        try:
            output = agreed(given, self._work(node))
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            self._end_node(node, trace, "E", str(error))
            self._node = self._after_failure(node, trace, error)
            return
        self._end_node(node, trace, "S", "")
        self._node = self._after(node, node.route, output, trace)
        self._data = output

    def _count(self, node: "Node") -> None:
        self._steps += 1
        limit = self.definition.max_steps
        if self._steps > limit:
            self._refuse(f"took {limit} steps and did not end: its routers go in circles (max_steps)", node.name)

    def _begin_node(self, node: "Node") -> dict[str, Any]:
        started = now()
        self._progress.pop(node.id, None)
        if node.context:
            self.context.update(deepcopy(node.context))
        self.context.update(node_id=node.id, node_status="R", start_time=started, total=0, done=0)
        self._tell(self._listeners.node_begins, node.id, node.name)
        return {
            "node_id": node.id,
            "node_name": node.name,
            "processor_name": node.processor_name,
            "start_time": started,
            "router_name": "",
        }

    def _end_node(self, node: "Node", trace: dict[str, Any], status: str, message: str) -> None:
        trace.update(end_time=now(), status=status, status_msg=message)
        self.context["node_status"] = status
        self.trace_list.append(trace)
        self._tell(self._listeners.node_ended, node.id, node.name, status, message)

    def _work(self, node: "Node") -> Any:
        if not node.asynchronous:
            return node.execute(self._data, self.context, self)
        awaited = self._awaited[node.id] = Awaited(node.id)
        try:
            node.execute(self._data, self.context, Attempt(self, awaited))
            feedback = awaited.within(self.definition.node_timeout)
        finally:
            awaited.close()
        if feedback is None:
            limit = f"{self.definition.node_timeout:g} seconds (node_timeout)"
            self._refuse(f"node {node.name!r} gave no feedback within {limit}", node.name)
        self.context.update(feedback.context)
        return feedback.result()

    def _after_failure(self, node: "Node", trace: dict[str, Any], error: Exception) -> "Node | None":
        if node.exception_route is None:
            self._fail(node, f"node {node.name!r}", error)
        return self._after(node, node.exception_route, self._data, trace)

    def _after(self, node: "Node", route: "Route | None", output: Any, trace: dict[str, Any]) -> "Node | None":
        if route is None:
            return self.definition.by_id.get(str(int(node.id) + 1))
        trace["router_name"] = route.router.router_name()
        part = f"router {trace['router_name']!r} of node {node.name!r}"
        try:
            following = route.next_node(output, self.context, self)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            self._fail(node, part, error)
        if following is None:
            return None
        if str(following) not in self.definition.by_id:
            self._refuse(f"{part} answered {following!r}, which is no node id", node.name)
        return self.definition.by_id[str(following)]

    def _fail(self, node: "Node", part: str, error: Exception) -> NoReturn:
        if isinstance(error, SearchByImageError):
            raise error
        self._log_failure(part, error)
        raise PipelineError(
            f"Pipeline {self.name!r}: {part} failed ({type(error).__name__}); the log says more.",
            pipeline=self.name,
            node=node.name,
        ) from error

    def _refuse(self, why: str, node: str = "") -> NoReturn:
        raise PipelineError(f"Pipeline {self.name!r}: {why}.", pipeline=self.name, node=node)

    def _tell(self, listener: Callable[..., object] | None, *facts: Any) -> None:
        if listener is None:
            return
        try:
            listener(self.name, *facts)
        except Exception as error:  # noqa: BLE001 - a notification must not break the run
            self._log_failure("a notification", error)

    def _log_failure(self, part: str, error: Exception) -> None:
        self.logger.error("pipeline %s, %s failed", self.name, part, exc_info=error)


def now() -> datetime:
    return datetime.now(UTC)
