"""One run of a pipeline: what plug-ins get as `pipeline_obj`.

A run in its caller's thread starts no thread and polls nothing; it waits for asynchronous nodes only.
"""

import threading
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from search_by_image.errors import SearchByImageError
from search_by_image.feedback import Awaited, Feedback
from search_by_image.plugins import Context
from search_by_image.walk import NOBODY, Listeners, Walk, now

if TYPE_CHECKING:
    from search_by_image.pipeline import Pipeline


class RunStatus(StrEnum):
    INIT = "init"
    RUNNING = "running"
    PAUSE = "pause"
    SUCCESS = "success"
    EXCEPTION = "exception"


Outcome = tuple[RunStatus, Any]


class Run(Walk):
    """Started once; everything else may be called from any thread.

    `asynchronous`: a thread of its own runs the nodes, `start` and `resume` return None at once.
    """

    def __init__(
        self,
        definition: "Pipeline",
        *,
        asynchronous: bool = False,
        listeners: Listeners = NOBODY,
        logger: Any = None,
    ) -> None:
        super().__init__(definition, listeners, logger)
        self.asynchronous = asynchronous
        self.status = RunStatus.INIT
        self.error: SearchByImageError | None = None
        self._pausing = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, input_data: Any = None, context: Context | None = None) -> Outcome | None:
        """Answer with (status, output): the last node's output, None of a failed run, whose `error` tells why.

        The context given is the run's own from here on: nodes change it.
        """
        self.begin(input_data, context)
        return self.proceed()

    def resume(self) -> Outcome | None:
        """Go on with the node before which the run paused, or run the failed node again with the same input."""
        self._enter((RunStatus.PAUSE, RunStatus.EXCEPTION), "resumed")
        return self.proceed()

    def pause(self) -> None:
        """Stop before the next node; where none follows the run ends as usual."""
        with self._lock:
            if self.status is not RunStatus.RUNNING:
                self._refuse(f"cannot be paused, its status is {self.status}")
            self._pausing = True

    def execute(self, input_data: Any, context: Context) -> Any:
        """Run to the end in this thread and answer with the output; raises what ends the run early."""
        self.begin(input_data, context)
        status, output = self._advance()
        if status is RunStatus.PAUSE:
            self._refuse("was paused by a plug-in, but runs where nobody could resume it")
        return output

    def begin(self, input_data: Any, context: Context | None) -> None:
        """Take the input and count as running; `proceed` then runs the nodes."""
        self._enter((RunStatus.INIT,), "started")
        self._data = input_data
        self.context = {} if context is None else context
        first = self.definition.nodes[0].id
        self.context.update(
            trace_list=self.trace_list, node_id=first, node_status="I", start_time=now(), total=0, done=0
        )

    def proceed(self) -> Outcome | None:
        if not self.asynchronous:
            return self._outcome()
        self._thread = threading.Thread(target=self._in_background, name=f"pipeline {self.name}", daemon=True)
        self._thread.start()
        return None

    def wait(self, timeout: float | None = None) -> RunStatus:
        """Until an asynchronous run has paused, or has ended and told so, or for so many seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self.status

    @property
    def pipeline(self) -> dict[str, dict[str, Any]]:
        """The nodes as they were configured: a copy."""
        return self.definition.configuration()

    def find_node(self, id_or_name: str) -> str | None:
        return self.definition.find_node(id_or_name)

    def get_plugin(self, kind: str, name: str) -> type | None:
        return self.definition.registry.get(kind, name)

    def asyn_node_feedback(
        self,
        node_id: str,
        output: Any = None,
        status: str = "S",
        status_msg: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """The outcome of an asynchronous node, from any thread, even before `execute` returns; the context is merged.

        `status` 'E' fails the node; an exception given as `output` is then its cause. A second feedback, or one after
        the node's time limit, is logged and ignored. Raises `PipelineError` for a node that was not asked for any.
        """
        self.take_feedback(node_id, Feedback(output, status, status_msg, context or {}))

    def take_feedback(self, node_id: str, feedback: Feedback, attempt: Awaited | None = None) -> None:
        if feedback.status not in {"S", "E"}:
            self._refuse(f"got the feedback status {feedback.status!r}: give 'S' or 'E'", node_id)
        awaited = attempt or self._awaited.get(node_id)
        if awaited is None:
            waiting = ", ".join(id_ for id_, known in self._awaited.items() if known.is_open) or "none"
            self._refuse(f"awaits no feedback of a node {node_id!r}; awaited: {waiting}", node_id)
        awaited.give(feedback)

    def node_process_feedback(self, node_id: str, total: int | None = None, done: int | None = None) -> None:
        """A node's progress; None leaves a number as it was. Raises `PipelineError` for an unknown node."""
        total_then, done_then = self.get_node_process(node_id)
        now = (total_then if total is None else total, done_then if done is None else done)
        self._progress[node_id] = now
        if self.context.get("node_id") == node_id:
            self.context.update(total=now[0], done=now[1])

    def get_node_process(self, node_id: str) -> tuple[int, int]:
        """(total, done) as last reported, (0, 0) before. Raises `PipelineError` for an unknown node."""
        if node_id not in self.definition.by_id:
            self._refuse(f"has no node {node_id!r}; there are {', '.join(self.definition.by_id)}", node_id)
        return self._progress.get(node_id, (0, 0))

    asyn_node_feeback = asyn_node_feedback
    node_process_feeback = node_process_feedback

    def log_debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.logger.debug(msg, *args, **kwargs)

    def log_info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.logger.info(msg, *args, **kwargs)

    def log_warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.logger.warning(msg, *args, **kwargs)

    def log_error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.logger.error(msg, *args, **kwargs)

    def _enter(self, allowed: tuple[RunStatus, ...], verb: str) -> None:
        with self._lock:
            if self.status not in allowed:
                self._refuse(f"cannot be {verb}, its status is {self.status}")
            self.status = RunStatus.RUNNING
            self.error, self._pausing, self._steps = None, False, 0

    def _in_background(self) -> None:
        status, output = RunStatus.EXCEPTION, None
        try:
            status, output = self._outcome()
        finally:
            if status is not RunStatus.PAUSE:
                self._tell(self._listeners.ended, status, self.context, output)

    def _outcome(self) -> Outcome:
        try:
            return self._advance()
        except SearchByImageError:
            return RunStatus.EXCEPTION, None

    def _advance(self) -> Outcome:
        try:
            while self._node is not None and not self._pausing:
                self._step(self._node)
        except BaseException as error:
            self._stop(RunStatus.EXCEPTION, error)
            raise
        return self._stop(RunStatus.SUCCESS if self._node is None else RunStatus.PAUSE)

    def _stop(self, status: RunStatus, error: BaseException | None = None) -> Outcome:
        """What is answered is taken under the lock: another thread may resume the run at once."""
        with self._lock:
            if self._node is not None and status is RunStatus.PAUSE:
                self.context.update(node_id=self._node.id, node_status="I")
            self.error = error if isinstance(error, SearchByImageError) else None
            self.status = status
            return status, self._data
