"""How asynchronous nodes report to their run: once for each attempt, from any thread."""

import logging
from collections.abc import Mapping
from concurrent.futures import Future, InvalidStateError, wait
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What an asynchronous node reports: `status` is 'S' or 'E'."""

    output: Any = None
    status: str = "S"
    message: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    def result(self) -> Any:
        """The output; raises for a failed node: the exception that it gave as its output, or one with its message."""
        if self.status == "S":
            return self.output
        if isinstance(self.output, Exception):
            raise self.output
        raise RuntimeError(self.message or "the node reported a failure and no message")


class Awaited:
    """One attempt of one node: the first feedback counts."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self._future: Future[Feedback] = Future()

    @property
    def is_open(self) -> bool:
        return not self._future.done()

    def give(self, feedback: Feedback) -> None:
        try:
            self._future.set_result(feedback)
        except InvalidStateError:
            logger.warning("node %s gave its feedback late or twice; it is ignored", self.node_id)

    def close(self) -> bool:
        """Take no feedback any more; False where it is there already."""
        return self._future.cancel()

    def within(self, seconds: float) -> Feedback | None:
        """Wait so long; None when nothing came."""
        wait([self._future], seconds)
        return None if self.close() else self._future.result()


class Attempt:
    """`pipeline_obj` of an asynchronous node: its run, except that feedback counts for this attempt alone.

    So what a node reports after its time limit cannot pass for the outcome of its next attempt.
    """

    def __init__(self, run: Any, awaited: Awaited) -> None:
        self._run = run
        self._awaited = awaited

    def asyn_node_feedback(
        self,
        node_id: str,
        output: Any = None,
        status: str = "S",
        status_msg: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        own = self._awaited if node_id == self._awaited.node_id else None
        self._run.take_feedback(node_id, Feedback(output, status, status_msg, context or {}), own)

    asyn_node_feeback = asyn_node_feedback

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)
