"""Logging as `server.xml` configures it, old files' dictConfigs included."""

import json
import logging
from datetime import datetime

import pytest

from search_by_image.api.exchange import Exchange, under_way
from search_by_image.cli import records
from search_by_image.cli.logs import check_logging, log_for_command, log_for_service
from search_by_image.errors import ConfigError
from search_by_image.settings import load_settings

NAMES = (None, "search_by_image", "search_by_image.requests", "Console", "File", "ConsoleAndFile", "mine")
OLD = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "simpleFormatter": {
            "format": "[%(asctime)s.%(millisecond)s][%(levelname)s][FILE:%(filename)s]%(message)s",
            "datefmt": "%Y_%m_%d %H:%M:%S",
        }
    },
    "handlers": {
        "ConsoleHandler": {
            "class": "logging.StreamHandler",
            "level": "DEBUG",
            "formatter": "simpleFormatter",
            "stream": "ext://sys.stdout",
        },
        "FileHandler": {
            "class": "logging.handlers.RotatingFileHandler",
            "formatter": "simpleFormatter",
            "filename": "./logs/server.log",
            "maxBytes": 10485760,
            "backupCount": 1000,
            "encoding": "utf8",
            "delay": True,
        },
    },
    "loggers": {
        "Console": {"level": "DEBUG", "handlers": ["ConsoleHandler"]},
        "ConsoleAndFile": {"level": "DEBUG", "handlers": ["ConsoleHandler", "FileHandler"], "propagate": "no"},
    },
    "root": {"level": "DEBUG", "handlers": []},
}


@pytest.fixture(autouse=True)
def logging_as_before():
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(logger, logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, propagate, handlers in before:
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.level, logger.propagate, logger.handlers[:] = level, propagate, handlers
    logging.Logger.manager._clear_cache()


def settings(folder, config=None, **logger):
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "conf" / "server.xml").write_text("<server></server>")
    given = logger | ({"json_str": json.dumps(config)} if config is not None else {})
    overrides = {f"logger/{key}": value for key, value in given.items()}
    return load_settings(folder / "conf" / "server.xml", environ={}, overrides=overrides)


def log(text):
    logging.getLogger("search_by_image.some.part").warning(text)


def test_a_dictconfig_of_2020_as_it_is(tmp_path, capsys):
    log_for_service(settings(tmp_path, OLD, logger_name="ConsoleAndFile", logfile_path="./logs/server.log"))
    log("猫")
    (line,) = capsys.readouterr().out.splitlines()
    stamp, _, rest = line.partition("]")
    assert datetime.strptime(stamp, "[%Y_%m_%d %H:%M:%S.%f").astimezone()
    assert len(stamp.rpartition(".")[2]) == 3
    assert rest == "[WARNING][FILE:test_logging.py]猫"
    assert (tmp_path / "logs" / "server.log").read_text(encoding="utf-8") == line + "\n"


def test_the_logger_named_is_the_one_used(tmp_path, capsys):
    log_for_service(settings(tmp_path, OLD, logger_name="Console"))
    log("猫")
    assert "猫" in capsys.readouterr().out
    assert list((tmp_path / "logs").iterdir()) == []


@pytest.mark.parametrize(("propagate", "lines"), [("no", 1), ("false", 1), (False, 1), ("yes", 2), (True, 2)])
def test_propagate_as_a_word(tmp_path, capsys, propagate, lines):
    loggers = {"mine": {"level": "DEBUG", "handlers": ["ConsoleHandler"], "propagate": propagate}}
    config = OLD | {"loggers": loggers, "root": {"level": "DEBUG", "handlers": ["ConsoleHandler"]}}
    log_for_service(settings(tmp_path, config, logger_name="mine"))
    log("once or twice")
    assert len(capsys.readouterr().out.splitlines()) == lines


def test_the_place_of_the_log_file(tmp_path):
    handlers = {"FileHandler": OLD["handlers"]["FileHandler"] | {"filename": "{$log_file_path$}"}}
    config = OLD | {"handlers": handlers, "loggers": {"mine": {"handlers": ["FileHandler"]}}}
    log_for_service(settings(tmp_path, config, logger_name="mine", logfile_path="deep/er/a.log"))
    log("here")
    assert "here" in (tmp_path / "deep" / "er" / "a.log").read_text()


def test_the_place_of_the_log_file_must_be_known(tmp_path):
    config = OLD | {"handlers": {"FileHandler": {"class": "logging.FileHandler", "filename": "{$log_file_path$}"}}}
    with pytest.raises(ConfigError, match="give logger/logfile_path"):
        log_for_service(settings(tmp_path, config, logger_name="mine"))


def test_a_dictconfig_in_a_file(tmp_path, capsys):
    (tmp_path / "log.json").write_text(json.dumps(OLD), encoding="utf-8-sig")
    given = {"config_type": "JSON_FILE", "conf_file_name": "log.json", "logger_name": "Console"}
    log_for_service(settings(tmp_path, **given))
    log("from a file")
    assert "from a file" in capsys.readouterr().out
    for content, said in ((b"{", "malformed"), (b"\xff", "not UTF-8"), (None, "cannot be read")):
        (tmp_path / "log.json").unlink()
        if content is not None:
            (tmp_path / "log.json").write_bytes(content)
        with pytest.raises(ConfigError, match=said) as caught:
            log_for_service(settings(tmp_path, **given))
        assert caught.value.problems[0].path == "logger/conf_file_name"
        (tmp_path / "log.json").touch()
    with pytest.raises(ConfigError, match="name the file"):
        settings(tmp_path, config_type="JSON_FILE")


@pytest.mark.parametrize("config", [None, OLD], ids=["logfile_path", "json_str"])
def test_a_file_a_day(tmp_path, monkeypatch, config):
    class Clock(datetime):
        day = 24

        @classmethod
        def now(cls, tz=None):
            return cls(2020, 9, cls.day, tzinfo=tz)

    monkeypatch.setattr(records, "datetime", Clock)
    name = {"logger_name": "ConsoleAndFile"} if config else {}
    log_for_service(settings(tmp_path, config, logfile_path="logs/server.log", is_create_logfile_by_day=True, **name))
    log("today")
    log("today")
    Clock.day = 25
    log("tomorrow")
    found = {path.name: path.read_text().count("\n") for path in (tmp_path / "logs").iterdir()}
    assert found == {"server20200924.log": 2, "server20200925.log": 1}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "version"),
        ({"handlers": {"FileHandler": {"class": "HiveNetLib.no_log.Handler"}}}, "Install the package in which"),
        ({"handlers": {"FileHandler": {"class": "nowhere.Handler"}}}, "No module named 'nowhere'"),
        ({"handlers": {"FileHandler": {"class": "logging.StreamHandler", "filename": "x"}}}, "filename"),
        ({"handlers": {"FileHandler": 3}}, "handlers/FileHandler must be"),
        ({"handlers": [3]}, "handlers must be"),
        ({"loggers": "x"}, "loggers must be"),
        ({"loggers": {"other": {}}}, "no logger 'mine'"),
        ({"loggers": {"mine": {"handlers": ["nowhere"]}}}, "mine"),
        ({"formatters": {"simpleFormatter": {"format": "%(asctime"}}}, "simpleFormatter"),
        ({"root": {"level": "LOUD"}, "loggers": {"mine": {}}}, "LOUD"),
    ],
)
@pytest.mark.parametrize("setup", [log_for_service, check_logging])
def test_a_wrong_dictconfig_is_found(tmp_path, setup, changes, said):
    loggers = {"mine": {"handlers": ["FileHandler"]}}
    config = OLD | {"loggers": loggers} | changes
    with pytest.raises(ConfigError) as caught:
        setup(settings(tmp_path, config, logger_name="mine"))
    (problem,) = caught.value.problems
    assert problem.path == "logger/json_str"
    assert said in problem.message
    assert problem.message.endswith(".")


def test_a_file_a_day_needs_a_handler_of_files(tmp_path):
    handlers = {"x": {"class": "logging.StreamHandler", "filename": "x"}}
    config = OLD | {"handlers": handlers, "loggers": {"mine": {"handlers": ["x"]}}}
    with pytest.raises(ConfigError, match="does not write to a file"):
        log_for_service(settings(tmp_path, config, logger_name="mine", is_create_logfile_by_day=True))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be made"):
        log_for_service(settings(tmp_path, OLD, logger_name="ConsoleAndFile"))


def test_the_check_writes_nothing(tmp_path):
    check_logging(settings(tmp_path, OLD, logger_name="ConsoleAndFile", logfile_path="./a.log"))
    assert {path.name for path in tmp_path.iterdir()} == {"conf"}


@pytest.mark.parametrize("setup", [log_for_service, log_for_command])
def test_what_has_no_effect_is_said_once(tmp_path, setup):
    path = tmp_path / "server.xml"
    path.write_text(
        "<server><milvus><pool>QueuePool</pool><index_file_size type='int'>1024</index_file_size></milvus>"
        "<logger><logfile_path>a.log</logfile_path></logger></server>"
    )
    setup(load_settings(path, environ={}))
    told = [line.split(": ")[1].split()[0] for line in (tmp_path / "a.log").read_text().splitlines()]
    assert told == ["milvus/pool", "milvus/index_file_size"]


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_lines_of_json(tmp_path, capsys):
    log_for_service(settings(tmp_path, format="json"))
    log("猫\nfirst")
    try:
        float("broken")
    except ValueError:
        logging.getLogger("search_by_image.some").exception("it %s", "failed", extra={"secret": "hidden"})
    plain, failed = json_lines(capsys.readouterr().err)
    assert datetime.fromisoformat(plain.pop("time")).tzinfo
    assert plain == {"level": "WARNING", "logger": "search_by_image.some.part", "message": "猫\nfirst"}
    assert failed["message"] == "it failed"
    assert failed["exception"].endswith("ValueError: could not convert string to float: 'broken'")
    assert "hidden" not in str(failed)


def test_what_a_request_logs_has_its_id_and_its_key(tmp_path, capsys):
    exchange = Exchange("r-1", key="shop")
    for given in ({"format": "json"}, {"format": "text"}):
        log_for_service(settings(tmp_path, **given))
        with under_way(exchange):
            log("inside")
        log("outside")
    *records, inside, outside = capsys.readouterr().err.splitlines()
    inner, outer = json_lines("\n".join(records))
    assert (inner["request_id"], inner["key"]) == ("r-1", "shop")
    assert not {"request_id", "key"} & outer.keys()
    assert inside.endswith("WARNING search_by_image.some.part: inside [r-1]")
    assert outside.endswith("WARNING search_by_image.some.part: outside")


def test_an_old_dictconfig_may_ask_for_the_requests_id(tmp_path, capsys):
    formatters = {"simpleFormatter": {"format": "%(request_id)s|%(key)s|%(message)s"}}
    log_for_service(settings(tmp_path, OLD | {"formatters": formatters}, logger_name="Console"))
    with under_way(Exchange("r-1", key="shop")):
        log("inside")
    log("outside")
    assert capsys.readouterr().out.splitlines() == ["r-1|shop|inside", "||outside"]


@pytest.mark.parametrize(
    ("given", "debug", "tells"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"access": "on"}, False, True),
        ({"access": "off"}, True, False),
        ({"format": "json"}, False, True),
        ({"format": "json", "access": "off"}, False, False),
    ],
)
@pytest.mark.parametrize("config", [None, OLD], ids=["own", "json_str"])
def test_when_requests_are_told(tmp_path, given, debug, tells, config):
    named = {"logger_name": "Console"} if config else {}
    loaded = settings(tmp_path, config, **given, **named)
    log_for_service(loaded.model_copy(update={"debug": debug}))
    assert logging.getLogger("search_by_image.requests").isEnabledFor(logging.INFO) is tells
