"""The section about import jobs."""

from pathlib import Path

from pydantic import Field

from search_by_image.settings.section import Section
from search_by_image.settings.values import FilledPath, Real, Whole


class JobsSettings(Section):
    """`threads` 0: half of the cores; all times but `keep_days` in seconds."""

    spool_path: FilledPath = Path("data/jobs")
    max_bytes: Whole = Field(10_737_418_240, ge=1)
    max_items: Whole = Field(1_000_000, ge=1, le=1_000_000_000)
    max_open: Whole = Field(20, ge=1, le=10_000)
    upload_seconds: Real = Field(3600.0, gt=0, le=86_400)
    unpacked_bytes: Whole = Field(107_374_182_400, ge=1)
    zip_ratio: Whole = Field(100, ge=1, le=10_000)
    zip_directory_bytes: Whole = Field(67_108_864, ge=1024, le=4_294_967_296)
    at_once: Whole = Field(2, ge=1, le=100)
    threads: Whole = Field(0, ge=0, le=1024)
    fetches: Whole = Field(8, ge=1, le=1000)
    lease: Real = Field(30.0, ge=1, le=3600)
    poll: Real = Field(1.0, gt=0, le=60)
    streams: Whole = Field(100, ge=0, le=100_000)
    heartbeat: Real = Field(15.0, gt=0, le=3600)
    keep_days: Real = Field(30.0, gt=0, le=3650)
    max_errors: Whole = Field(10_000, ge=0, le=10_000_000)
    webhook_attempts: Whole = Field(12, ge=1, le=100)
    webhook_pause: Real = Field(5.0, gt=0, le=3600)
