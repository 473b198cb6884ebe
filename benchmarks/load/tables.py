"""The figures as Markdown."""

from collections.abc import Iterator, Sequence

from benchmarks.load.calls import Calls, Outcome
from benchmarks.load.memory import MINUTE
from benchmarks.load.run import IMPORTS, Measured
from benchmarks.report import machine, markdown_table

SEARCH = ("search",)
KIB = 1024


def report_of(measured: Measured) -> str:
    plan = measured.plan
    return f"""# Load

Made by `make load`: {machine("openvino", "faiss-cpu", "pillow", "locust")}.
Ratios carry over to other machines; absolute figures do not. The callers share the machine with the service.

## {plan.searchers} search while {plan.importers} import, {plan.seconds:.0f} seconds

Each sends the next picture as soon as the last one is answered, and no two uploads are the same bytes.

{markdown_table(("what", "ours", "bound in the same run", "ratio", "meaning"), [*_speeds(measured)])}
{_answers_table(measured.load)}
{markdown_table(("processors", ""), [*_processors(measured)])}
{markdown_table(("memory of the service", ""), [*_memory(measured)])}
{markdown_table(("afterwards", ""), [*_afterwards(measured)])}
## Searches beside an import job

{markdown_table(BESIDE, [*_beside(measured)])}
## A crowd: {plan.crowd} search at once, {plan.window:.0f} seconds

More than may wait (`limits/queue`): the others are told at once to come again in a second, and do.

{_answers_table(measured.crowd)}"""


def _speeds(measured: Measured) -> Iterator[Sequence[str]]:
    load, bound, callers = measured.load, measured.bound, measured.plan.searchers + measured.plan.importers
    rate = load.rate(*SEARCH, *IMPORTS)
    yield "pictures", f"{rate:.0f}/s", f"pure {bound:.0f}/s", f"{rate / bound:.2f}", "against pure OpenVINO"
    yield "of them searches", f"{load.rate(*SEARCH):.0f}/s", "", "", ""
    in_turn = 1000 * callers / bound
    for name, ms in zip(("p50", "p99"), load.percentiles(*SEARCH), strict=True):
        meaning = f"against {callers} pictures, one after another, in pure inference"
        yield f"search, {name}", f"{ms:.0f} ms", f"pure {in_turn:.0f} ms", f"{ms / in_turn:.2f}", meaning


def _answers_table(calls: Calls) -> str:
    return markdown_table(("call", "done", "told to come again", "failed", "p50", "p99"), [*_answers(calls)])


def _answers(calls: Calls) -> Iterator[Sequence[str]]:
    for name in calls.names:
        counts = (f"{len(calls.of((name,), outcome)):,}" for outcome in Outcome)
        yield name, *counts, *(f"{ms:.0f} ms" for ms in calls.percentiles(name))


def _processors(measured: Measured) -> Iterator[Sequence[str]]:
    shares = measured.shares
    yield "the service", f"{shares.service:.0%}"
    yield "the callers", f"{shares.callers:.0%}"
    yield "anything else that ran meanwhile", f"{shares.others:.0%}"


def _memory(measured: Measured) -> Iterator[Sequence[str]]:
    memory = measured.memory
    vectors = measured.vector_kib * measured.load.rate(*IMPORTS) * MINUTE
    yield "resident after each tenth of the run, MiB", ", ".join(f"{kib / KIB:.0f}" for kib in memory.along(10))
    yield "slope over the second half", f"{memory.slope:+.0f} KiB a minute, {memory.slope / memory.resident:+.2%} of it"
    yield "of that the vectors of the imported pictures", f"{vectors:.0f} KiB a minute"
    yield (
        "without them",
        f"{memory.slope - vectors:+.0f} KiB a minute, {(memory.slope - vectors) / memory.resident:+.2%}",
    )


def _afterwards(measured: Measured) -> Iterator[Sequence[str]]:
    kept = measured.kept
    yield "`/readyz`", str(measured.ready)
    yield "imports acknowledged", f"{kept.acknowledged:,}"
    yield "of them there once", f"{kept.once:,}"
    yield "missing, twice", f"{kept.missing}, {kept.doubled}"


BESIDE = ("searching at once", "p50 alone", "p50 beside a job", "p99 alone", "p99 beside a job", "searches/s", "job")


def _beside(measured: Measured) -> Iterator[Sequence[str]]:
    for one in measured.beside:
        (p50, p99), (p50_job, p99_job) = one.alone.percentiles(*SEARCH), one.beside.percentiles(*SEARCH)
        yield (
            str(one.searchers),
            f"{p50:.0f} ms",
            f"{p50_job:.0f} ms ({p50_job / p50:.1f} x)",
            f"{p99:.0f} ms",
            f"{p99_job:.0f} ms ({p99_job / p99:.1f} x)",
            f"{one.alone.rate(*SEARCH):.0f} alone, {one.beside.rate(*SEARCH):.0f} beside it",
            f"{one.rate:.0f} pictures/s, of {one.total:,}",
        )
