"""`python -m scripts.api_docs`: writes the reference below the mark of each page."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from fuzz.service import in_process
from scripts.api_docs.pages import page, pages

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="api-docs-") as folder, in_process(Path(folder)) as service:
        description: dict[str, Any] = service.app.openapi() if service.app else {}
    for path, words in pages().items():
        text = page(path.read_text(encoding="utf-8"), description, words)
        if words.missing:
            sys.exit(f"scripts/api_docs/chinese.toml lacks: {words.missing}")
        path.write_text(text, encoding="utf-8")
