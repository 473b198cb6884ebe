"""The two pages: what stands above the mark is written by hand and kept."""

import tomllib
from pathlib import Path
from typing import Any

from scripts.api_docs.operations import operations
from scripts.api_docs.reference import reference
from scripts.api_docs.words import Words

DOCS = Path(__file__).parents[2] / "docs"
CHINESE = Path(__file__).with_name("chinese.toml")
MARK = "<!-- Below: made by make docs. -->\n"


def pages() -> dict[Path, Words]:
    return {DOCS / "api.md": Words(), DOCS / "api.zh-CN.md": Words(chinese())}


def chinese() -> dict[str, str]:
    sections: dict[str, dict[str, str]] = tomllib.loads(CHINESE.read_text(encoding="utf-8"))
    return {english: told for section in sections.values() for english, told in section.items()}


def page(now: str, description: dict[str, Any], words: Words) -> str:
    """`now`: the page as it is."""
    guide = now.partition(MARK)[0].rstrip()
    return f"{guide}\n\n{MARK}\n{reference(operations(description), words)}"
