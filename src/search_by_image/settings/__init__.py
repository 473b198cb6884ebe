"""The configuration: `server.xml`, environment and command line as frozen typed sections."""

from search_by_image.settings.importing import JobsSettings
from search_by_image.settings.load import base_path_of, load_settings
from search_by_image.settings.notices import notices
from search_by_image.settings.observing import LoggerSettings, MetricsSettings, TracesSettings
from search_by_image.settings.reaching import CorsSettings
from search_by_image.settings.rows import SettingRow, settings_rows
from search_by_image.settings.sections import (
    FetchSettings,
    FlaskSettings,
    ImagesSettings,
    LimitsSettings,
    MaintenanceSettings,
    MilvusSettings,
    ModelsSettings,
    MongodbSettings,
    Origin,
    PipelineSettings,
    RecordsSettings,
    SearchSettings,
    Settings,
    VectorsSettings,
)
from search_by_image.settings.values import check_collection_name

__all__ = [
    "CorsSettings",
    "FetchSettings",
    "FlaskSettings",
    "ImagesSettings",
    "JobsSettings",
    "LimitsSettings",
    "LoggerSettings",
    "MaintenanceSettings",
    "MetricsSettings",
    "MilvusSettings",
    "ModelsSettings",
    "MongodbSettings",
    "Origin",
    "PipelineSettings",
    "RecordsSettings",
    "SearchSettings",
    "SettingRow",
    "Settings",
    "TracesSettings",
    "VectorsSettings",
    "base_path_of",
    "check_collection_name",
    "load_settings",
    "notices",
    "settings_rows",
]
