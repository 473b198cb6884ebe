"""Values as they may be shown: passwords and the like are never printed."""

import json
import re

MASK = "******"
SECRET_NAME = re.compile(r"(password|passwd|pwd|secret|token|credentials|api_?key|access_?key)$", re.IGNORECASE)
URL_PASSWORD = re.compile(r"(://[^:@/\s]*:).*(@)")
URL_PARAMETER = re.compile(r"([?&;](?:password|passwd|token|secret)=)[^&;\s]+", re.IGNORECASE)


def shown(name: str, value: object) -> str:
    """The value of a key, as one would write it in the file; of a JSON text, each secret in it is masked."""
    text = as_text(value)
    if text and SECRET_NAME.search(name):
        return MASK
    return _masked_json(text) if text.startswith("{") else _masked_url(text)


def as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def _masked_url(text: str) -> str:
    return URL_PARAMETER.sub(rf"\g<1>{MASK}", URL_PASSWORD.sub(rf"\g<1>{MASK}\g<2>", text))


def _masked_json(text: str) -> str:
    try:
        return json.dumps(masked("", json.loads(text)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return "{" + MASK


def masked(name: str, value: object) -> object:
    """The value of a key as it is, each secret in it masked."""
    if value and SECRET_NAME.search(name):
        return MASK
    if isinstance(value, dict):
        return {key: masked(key, part) for key, part in value.items()}
    if isinstance(value, list):
        return [masked("", part) for part in value]
    return _masked_url(value) if isinstance(value, str) else value
