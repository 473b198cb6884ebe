"""The page's own words, and the description's texts, in the language of the page."""

from collections.abc import Mapping


class Words:
    """`told`: a text by its English; None: the page is English. What it lacks is in `missing`."""

    def __init__(self, told: Mapping[str, str] | None = None) -> None:
        self._told = told
        self.missing: list[str] = []

    def __call__(self, english: str) -> str:
        text = " ".join(english.split())
        if self._told is None or not text:
            return text
        if text not in self._told:
            self.missing.append(text)
        return self._told.get(text, text)
