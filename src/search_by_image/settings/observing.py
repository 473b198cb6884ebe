"""The sections about what the service tells of itself."""

from typing import Annotated, Literal

from pydantic import Field

from search_by_image.settings.section import Section
from search_by_image.settings.values import (
    UPPER,
    Flag,
    OptionalJsonObject,
    OptionalPath,
    OptionalUrl,
    Real,
    Text,
    Whole,
)


class LoggerSettings(Section):
    """`json_str`: JSON text of a dictConfig, or ''; with `config_type` JSON_FILE it is in the file `conf_file_name`.

    `access`: a line a request; auto: with `debug`, or where the format is json.
    """

    format: Literal["text", "json"] = "text"
    access: Literal["auto", "on", "off"] = "auto"
    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], UPPER] = "INFO"
    logger_name: Text = "search_by_image"
    logfile_path: OptionalPath = None
    json_str: OptionalJsonObject = ""
    config_type: Literal["JSON_STR", "JSON_FILE"] = "JSON_STR"
    conf_file_name: OptionalPath = None
    auto_create_conf: Flag = False
    is_create_logfile_by_day: Flag = False
    call_fun_level: Whole = 0


class MetricsSettings(Section):
    """`count_seconds`: how long a count of images holds."""

    count_seconds: Real = Field(60.0, gt=0, le=86_400)


class TracesSettings(Section):
    """`otlp_endpoint`: the base URL of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318"""

    otlp_endpoint: OptionalUrl = None
