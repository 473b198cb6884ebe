"""An evaluation as one HTML page that asks for nothing else: no scripts, pictures and style within it."""

import base64
import hashlib
import math
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from search_by_image.errors import ImageError
from search_by_image.folder_import import printable
from search_by_image.images import ImageLimits, open_rgb, read_limited
from search_by_image.quality.edits import EDITS, edited
from search_by_image.quality.evaluation import Evaluation, Result
from search_by_image.quality.failures import worst
from search_by_image.quality.measures import Measures
from search_by_image.quality.plots import bar_plot, score_plot

HERE = Path(__file__).parent
SIDE = 96
QUALITY = 70
MOST_LABELS = 40


def page(evaluation: Evaluation, limits: ImageLimits, failures: int) -> str:
    """`failures`: how many of each kind are shown, of each candidate."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["number"] = _number
    templates.filters["megabytes"] = lambda size: "" if size is None else f"{size / 2**20:.0f} MB"
    return templates.get_template("page.html.jinja").render(
        evaluation=evaluation,
        names=evaluation.pictures.names,
        title=printable(evaluation.pictures.root.absolute().name),
        style=style,
        policy=f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'",
        edits=_edit_plot(evaluation),
        plot=lambda result: _score_plot(result, evaluation.options.precision),
        labels=_labels,
        failures=lambda result: worst(result, evaluation.pictures.labels, failures),
        misses=lambda result: result.copies.misses[:failures],
        thumbnail=_thumbnails(evaluation, limits),
    )


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"


def _score_plot(result: Result, precision: float) -> str:
    scores, bounds = result.scores, result.scores.range
    mark = next((one.match_score for one in result.suggestions if one.wanted == precision), None)
    title = f"Scores of pairs that belong together and of others: {result.name}"
    return score_plot(title, scores.same.histogram(*bounds), scores.different.histogram(*bounds), bounds, mark)


def _edit_plot(evaluation: Evaluation) -> str:
    """'' where nothing was edited."""
    results = [result for result in evaluation.results if result.copies.copies]
    groups = {edit: [result.copies.recall[edit] for result in results] for edit in EDITS} if results else {}
    return bar_plot("recall@1 of edited copies", groups) if groups else ""


def _labels(result: Result) -> list[tuple[str, Measures]]:
    """The labels that are found worst, of those with at least two pictures."""
    found = [(name, one) for name, one in result.measures.labels.items() if one.queries]
    return sorted(found, key=lambda item: item[1].mean_average_precision)[:MOST_LABELS]


def _thumbnails(evaluation: Evaluation, limits: ImageLimits) -> Callable[..., str]:
    """A small JPEG as a data URI, of the picture at a place or an edited copy of it; '' when it cannot be read."""

    def thumbnail(place: int, edit: str = "") -> str:
        try:
            data = read_limited(evaluation.pictures.files[place], limits)
            image = open_rgb(edited(data, edit, limits) if edit else data, limits, at_least=2 * SIDE)
        except ImageError:
            return ""
        image.thumbnail((SIDE, SIDE))
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=QUALITY)
        return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"

    return thumbnail
