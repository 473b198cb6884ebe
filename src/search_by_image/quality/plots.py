"""Plots as SVG, for a page without scripts: shapes get their colours from the page's own style."""

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 24, 12, 34
TICKS = 5
BAR, GAP, NAMES = 14, 10, 150


def score_plot(
    title: str, same: Sequence[float], different: Sequence[float], bounds: tuple[float, float], mark: float | None
) -> str:
    """Two histograms over the same scores, as shares; `mark`: a score to draw a line at."""
    svg = _drawing(title, WIDTH, HEIGHT)
    highest = max([*same, *different, 1e-9])
    for kind, shares in (("different", different), ("same", same)):
        SubElement(svg, "path", {"class": kind, "d": _steps(shares, highest)})
    low, high = bounds
    for tick in range(TICKS + 1):
        across = LEFT + (WIDTH - LEFT - RIGHT) * tick / TICKS
        _text(svg, across, HEIGHT - BOTTOM + 16, f"{low + (high - low) * tick / TICKS:.3g}", "middle")
    _text(svg, LEFT - 6, TOP + 8, f"{highest:.0%}", "end")
    _text(svg, LEFT - 6, HEIGHT - BOTTOM, "0", "end")
    if mark is not None and high > low:
        across = LEFT + (WIDTH - LEFT - RIGHT) * (mark - low) / (high - low)
        _line(svg, "mark", (across, TOP), (across, HEIGHT - BOTTOM))
    _line(svg, "axis", (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM))
    return tostring(svg, encoding="unicode")


def bar_plot(title: str, groups: Mapping[str, Sequence[float]]) -> str:
    """Horizontal bars of values from 0 to 1: for each name one bar a candidate, in the candidates' order."""
    bars = max((len(values) for values in groups.values()), default=0)
    tall = bars * BAR + GAP
    svg = _drawing(title, WIDTH, len(groups) * tall + GAP)
    room = WIDTH - NAMES - 60
    for row, (name, values) in enumerate(groups.items()):
        top = GAP + row * tall
        _text(svg, NAMES - 8, top + bars * BAR / 2 + 4, name, "end")
        for number, value in enumerate(values):
            place = {"x": NAMES, "y": top + number * BAR, "width": max(room * value, 0), "height": BAR - 2}
            SubElement(svg, "rect", {"class": f"bar{number % 6}", **_numbers(place)})
            _text(svg, NAMES + room * value + 5, top + number * BAR + 10, f"{value:.3f}", "start")
    return tostring(svg, encoding="unicode")


def _drawing(title: str, width: int, height: int) -> Element:
    size = {"viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height)}
    svg = Element("svg", {"role": "img", "aria-label": title, **size})
    SubElement(svg, "title").text = title
    return svg


def _steps(shares: Sequence[float], highest: float) -> str:
    bottom, step = HEIGHT - BOTTOM, (WIDTH - LEFT - RIGHT) / max(len(shares), 1)
    tops = [bottom - (bottom - TOP) * share / highest for share in shares]
    lines = " ".join(f"L{LEFT + n * step:.1f} {top:.1f} h{step:.1f}" for n, top in enumerate(tops))
    return f"M{LEFT} {bottom} {lines} V{bottom} Z"


def _line(svg: Element, kind: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    SubElement(svg, "line", {"class": kind, **_numbers(ends)})


def _text(svg: Element, x: float, y: float, text: str, anchor: str) -> None:
    SubElement(svg, "text", {"text-anchor": anchor, **_numbers({"x": x, "y": y})}).text = text


def _numbers(values: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.1f}" for name, value in values.items()}
