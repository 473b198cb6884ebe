"""What the commands are made of: exit codes, fields, output, logging."""

import io
import json
import logging
import re
import signal
import sys

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from search_by_image.cli import main
from search_by_image.cli.failures import CalmGroup, ExitCode
from search_by_image.cli.fields import parse_fields
from search_by_image.cli.logs import log_for_command, log_for_service
from search_by_image.cli.options import Debug
from search_by_image.cli.output import pictures, print_json, print_table, printable
from search_by_image.cli.progress import import_progress
from search_by_image.documents import check_values
from search_by_image.errors import (
    ConfigError,
    ImageError,
    InvalidInputError,
    ListenError,
    PipelineError,
    Problem,
    StoreUnavailableError,
    UnknownNameError,
)
from search_by_image.folder_import import Progress
from search_by_image.settings import load_settings


@pytest.fixture
def logging_as_before():
    loggers = [logging.getLogger(name) for name in (None, "search_by_image", "search_by_image.requests", "mine")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, handlers in before:
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.level, logger.handlers[:] = level, handlers
    logging.Logger.manager._clear_cache()


def failing_with(error):
    """A command line whose command raises the error."""
    cli = typer.Typer(cls=CalmGroup, pretty_exceptions_enable=False)

    @cli.command()
    def fail(*, debug: Debug = False):
        raise error from ValueError("the cause")

    cli.callback()(lambda: None)
    return cli


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImageError("no picture"), ExitCode.FAILED),
        (ListenError("no port"), ExitCode.FAILED),
        (StoreUnavailableError("no store"), ExitCode.FAILED),
        (PermissionError(13, "Permission denied", "/x"), ExitCode.FAILED),
        (InvalidInputError("no sense"), ExitCode.USAGE),
        (UnknownNameError("pipeline", "a", ["b"]), ExitCode.USAGE),
        (ConfigError([Problem("a", "b"), Problem("c", "d")]), ExitCode.USAGE),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
    ids=repr,
)
def test_errors_are_told_without_traceback(error, code):
    done = CliRunner().invoke(failing_with(error), ["fail"])
    assert done.exit_code == code
    assert done.stdout == ""
    assert done.stderr == ("Interrupted.\n" if code == ExitCode.INTERRUPTED else f"Error: {error}\n")


def test_the_entry_point(monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("sys.argv", ["search-by-image", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("search-by-image 0.")


def test_a_bug_is_not_hidden():
    assert isinstance(CliRunner().invoke(failing_with(ZeroDivisionError()), ["fail"]).exception, ZeroDivisionError)


def test_a_reader_that_went_away_is_told_nothing():
    done = CliRunner().invoke(failing_with(BrokenPipeError(32, "Broken pipe")), ["fail"])
    assert (done.exit_code, done.stderr) == (1, "")


def test_debug_is_offered_where_the_log_says_more():
    error = PipelineError("It failed; the log says more.", pipeline="p", node="n")
    assert "--debug" in CliRunner().invoke(failing_with(error), ["fail"]).stderr
    shown = CliRunner().invoke(failing_with(error), ["fail", "--debug"]).stderr
    assert "ValueError: the cause" in shown
    assert "With --debug" not in shown


@pytest.mark.parametrize(
    ("texts", "name", "values"),
    [
        ([], None, ()),
        (["id=5"], "id", ("5", 5)),
        (["id=cat"], "id", ("cat",)),
        (["id="], "id", ("",)),
        (["id=0.5"], "id", ("0.5", 0.5)),
        (["id=007"], "id", ("007",)),
        (["id=true"], "id", ("true",)),
        (["id=a=b"], "id", ("a=b",)),
        (["a.b=x", "a.b=y"], "a.b", ("x", "y")),
        (["id:=5"], "id", (5,)),
        (["id:=null"], "id", (None,)),
        (['id:=["a", true]'], "id", ("a", True)),
        (["id=NaN"], "id", ("NaN",)),
        (["id=1e999"], "id", ("1e999",)),
        ([f"id={10**400}"], "id", (str(10**400),)),
    ],
)
def test_fields(texts, name, values):
    assert parse_fields(texts) == (name, values)
    assert [type(value) for value in parse_fields(texts)[1]] == [type(value) for value in values]


@pytest.mark.parametrize(
    "text", ["id", "=5", ":=5", "id:=cat", "id:={}", "id:=[]", "id:=[[1]]", "id:=" + "[" * 100_000]
)
def test_what_is_no_field(text):
    with pytest.raises(typer.BadParameter):
        parse_fields([text])


@given(st.text())
def test_any_text_can_be_a_value(text):
    name, values = parse_fields([f"id={text}"])
    assert (name, values[0]) == ("id", text)
    check_values([value for value in values if not isinstance(value, str)])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("猫 été 👩‍👩‍👧", "猫 été 👩‍👩‍👧"),
        ("\u3000", "\u3000"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\u202e", r"\u202e"),
        ("\udcff", r"\udcff"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


@given(st.text(alphabet=st.characters()))
def test_nothing_that_steers_a_terminal_is_printed(text):
    assert re.search("[\x00-\x1f\x7f-\x9f]", printable(text)) is None


def test_table_cells_are_shown_as_they_are(capsys):
    print_table(["a", "b"], [["[red]x[/red]", {"n": "\x1b猫"}], [None, ":cat:"]])
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert '{"n": "\\u001b猫"}' in out
    assert ":cat:" in out


def test_a_row_of_any_length_is_one_line_in_a_pipe(capsys):
    print_table(["a"], [["long " * 400]])
    assert max(map(len, capsys.readouterr().out.splitlines())) > 1900


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "猫"), ("latin-1", "\\u732b")])
def test_json_is_json_in_every_encoding(monkeypatch, encoding, shown):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    print_json({"name": "猫"})
    sys.stdout.flush()
    assert shown in written.getvalue().decode(encoding)
    assert json.loads(written.getvalue().decode(encoding)) == {"name": "猫"}


def test_counting():
    assert [pictures(count) for count in range(3)] == ["0 pictures", "1 picture", "2 pictures"]


def test_the_bar_comes_with_the_first_picture(capsys):
    with import_progress():
        pass
    assert capsys.readouterr().err == ""
    with import_progress() as show:
        show(Progress(total=4, imported=1, skipped=2, failed=1))
    assert "4/4" in capsys.readouterr().err


def test_an_interrupted_import_says_how_to_go_on(capsys):
    with pytest.raises(KeyboardInterrupt), import_progress() as show:
        show(Progress(total=4, imported=1, skipped=0, failed=0))
        raise KeyboardInterrupt
    assert "the same command continues" in capsys.readouterr().err


def log_lines(capsys):
    logging.getLogger("search_by_image.some.part").warning("look here")
    logging.getLogger("search_by_image.some.part").info("by the way")
    return capsys.readouterr().err


@pytest.mark.usefixtures("logging_as_before")
def test_the_service_logs_to_stderr_and_the_file(tmp_path, capsys):
    log = tmp_path / "logs" / "service.log"
    log_for_service(settings(tmp_path, logfile_path=str(log)))
    assert "look here" in (shown := log_lines(capsys))
    assert "by the way" in shown
    assert log.read_text(encoding="utf-8") == shown


@pytest.mark.usefixtures("logging_as_before")
def test_the_level_counts(tmp_path, capsys):
    log_for_service(settings(tmp_path, level="WARNING"))
    assert "by the way" not in log_lines(capsys)


@pytest.mark.usefixtures("logging_as_before")
def test_a_command_logs_to_the_file_only(tmp_path, capsys):
    log_for_command(settings(tmp_path, logfile_path="command.log"))
    assert log_lines(capsys) == ""
    assert "look here" in (tmp_path / "command.log").read_text(encoding="utf-8")


@pytest.mark.usefixtures("logging_as_before")
def test_a_command_under_debug_logs_to_stderr(tmp_path, capsys):
    log_for_command(load_settings(environ={}, overrides={"debug": True}))
    assert "look here" in log_lines(capsys)


@pytest.mark.usefixtures("logging_as_before")
def test_a_dictconfig_counts_for_its_logger_name(tmp_path, capsys):
    config = {
        "version": 1,
        "formatters": {"short": {"format": "MINE %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "short"}},
        "loggers": {"mine": {"level": "WARNING", "handlers": ["console"]}},
    }
    log_for_service(settings(tmp_path, logger_name="mine", json_str=json.dumps(config)))
    assert log_lines(capsys) == "MINE look here\n"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"json_str": '{"version": 2}'}, "logger/json_str"),
        ({"json_str": '{"handlers": {"x": {"class": "nowhere.Handler"}}}'}, "logger/json_str"),
        ({"json_str": '{"loggers": {"a": {"handlers": ["b"]}}}'}, "logger/json_str"),
        ({"logfile_path": "."}, "logger/logfile_path"),
    ],
)
@pytest.mark.usefixtures("logging_as_before")
def test_logging_that_cannot_be_set_up(tmp_path, given, path):
    with pytest.raises(ConfigError) as caught:
        log_for_service(settings(tmp_path, **given))
    (problem,) = caught.value.problems
    assert problem.path == path
    assert "None" not in problem.message


def settings(folder, **logger):
    (folder / "server.xml").write_text("<server></server>")
    overrides = {f"logger/{key}": value for key, value in logger.items()}
    return load_settings(folder / "server.xml", environ={}, overrides=overrides)
