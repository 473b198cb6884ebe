"""The import path that plug-ins of 2020 use."""

from search_by_image.plugins import PipelineProcesser, PipelineProcessor, PipelineRouter

__all__ = ["PipelineProcesser", "PipelineProcessor", "PipelineRouter"]
