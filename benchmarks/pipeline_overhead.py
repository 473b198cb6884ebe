"""What a run costs beside a plain call of its processor: one node, two with contexts, and through a thread."""

import threading
import timeit
from collections.abc import Callable

from benchmarks.measure import Row
from search_by_image.lib.pipeline import Pipeline as ContractPipeline
from search_by_image.pipeline import Pipeline
from search_by_image.plugins import Host, PipelineProcesser, Registry
from search_by_image.workshop import Workshop

ALLOWED = 30
RUNS = 5_000
ROUNDS = 7
INPUT = {"image": b"", "collection": ""}


class Pass(PipelineProcesser):
    """Hands its input on."""

    @classmethod
    def processer_name(cls) -> str:
        return "Pass"

    @classmethod
    def execute(cls, input_data: object, _context: object, _run: object) -> object:
        return input_data


def microseconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """The least of some rounds: what else the machine does only adds."""
    return 1e6 * min(timeit.repeat(work, number=runs, repeat=ROUNDS)) / runs


def define(nodes: dict[str, dict[str, object]]) -> Pipeline:
    registry = Registry()
    registry.add(Pass)
    return Workshop(registry, Host(), {}).pipelines({"P": nodes})["P"]


def rows() -> list[Row]:
    one = define({"1": {"processor": "Pass"}})
    two = define({n: {"processor": "Pass", "context": {"size": 3, "boxes": [[1, 2]]}} for n in ("1", "2")})
    ContractPipeline.add_plugin(Pass)
    threaded = ContractPipeline("P", {"1": {"processor": "Pass"}}, is_asyn=True)

    def in_a_thread() -> None:
        threaded.start(INPUT, {})
        threaded.wait()

    def plain_thread() -> None:
        thread = threading.Thread(target=Pass.execute, args=(INPUT, {}, None))
        thread.start()
        thread.join()

    plain = microseconds(lambda: Pass.execute(INPUT, {}, None))
    thread, asynchronous = (microseconds(work, RUNS // 10) for work in (plain_thread, in_a_thread))
    return [
        _overhead("pipeline run, one node", microseconds(lambda: one.run(INPUT, {})), plain),
        _overhead("pipeline run, two nodes with contexts", microseconds(lambda: two.run(INPUT, {})), plain),
        Row(
            "asynchronous pipeline, one node",
            f"{asynchronous:.0f} us",
            f"a plain thread {thread:.0f} us",
            asynchronous / thread,
            "against starting and joining a thread",
        ),
    ]


def _overhead(name: str, taken: float, plain: float) -> Row:
    meaning = f"overhead, of the {ALLOWED} us allowed"
    return Row(name, f"{taken:.1f} us", f"plain call {plain:.2f} us", (taken - plain) / ALLOWED, meaning)
