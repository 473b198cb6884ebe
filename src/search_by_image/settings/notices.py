"""What was given and has no effect today, or another one than it had: one sentence each, with what replaces it."""

from collections.abc import Callable, Mapping

from search_by_image.settings.sections import Settings

ALWAYS = {
    "milvus/pool": "has no effect: all threads share one connection; see milvus/threads. Remove it.",
    "milvus/index_file_size": (
        "has no effect: Milvus 2 sizes its segments itself (dataCoord.segment.maxSize in its own configuration). "
        "Remove it."
    ),
    "logger/auto_create_conf": "has no effect: the service writes no configuration file. Remove it.",
    "logger/call_fun_level": "has no effect: the log always names the function that wrote the line. Remove it.",
}


def notices(settings: Settings) -> list[str]:
    """For settings that were given; nothing is said of defaults."""
    by_path: Mapping[str, Callable[[Settings], str | None]] = {
        "search_config/nprobe": _nprobe,
        "flask/processes": _processes,
    }
    found = {path: text for path, text in ALWAYS.items() if path in settings.origins}
    found |= {path: text for path, ask in by_path.items() if path in settings.origins and (text := ask(settings))}
    return [f"{path} {text}" for path, text in found.items()]


def _nprobe(settings: Settings) -> str | None:
    if settings.search_config.nprobe is None:
        return None
    if settings.uses_milvus:
        chosen = "milvus/index_type" in settings.origins and "IVF" not in settings.milvus.index_type
        return _no_nprobe(settings) if chosen else None
    return "has no effect on the embedded index, which tunes itself: see vectors/recall_target."


def _no_nprobe(settings: Settings) -> str:
    return f"has no effect on {settings.milvus.index_type}; it is for IVF indexes, see milvus/index_type."


def _processes(settings: Settings) -> str | None:
    if settings.flask.processes == 1:
        return None
    reason = "" if _are_servers(settings) else ": the embedded stores belong to one process"
    return (
        f"is {settings.flask.processes}, and one process is started{reason}. Its threads use every core "
        "(limits/threads). For more processes keep the vectors in Milvus and the records in MongoDB, and start the "
        "service several times behind a proxy."
    )


def _are_servers(settings: Settings) -> bool:
    return settings.uses_milvus and settings.milvus.file is None and settings.uses_mongodb
