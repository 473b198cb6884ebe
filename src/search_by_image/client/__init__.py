"""A client for a running service, blocking (`Client`) and for asyncio (`AsyncClient`).

It loads neither a model nor an index; answers are the models of `search_by_image.api.v1.schemas`.
"""

from search_by_image.api.v1.job_schemas import ItemFailure, ItemFailures, Job, JobPage, JobWithErrors
from search_by_image.api.v1.schemas import Collection, Comparison, Deleted, Image, Info, Match, Matches, Page
from search_by_image.client.asynchronous import AsyncClient
from search_by_image.client.blocking import Client
from search_by_image.client.bulk import Failure, ImportProgress, ImportReport, NewImage
from search_by_image.client.errors import ClientError, NoAnswerError, NotEndedError, ServiceError, UnexpectedAnswerError
from search_by_image.client.pictures import Base64, Box, Example, Picture, Stored, Text
from search_by_image.client.retries import Retries

__all__ = [
    "AsyncClient",
    "Base64",
    "Box",
    "Client",
    "ClientError",
    "Collection",
    "Comparison",
    "Deleted",
    "Example",
    "Failure",
    "Image",
    "ImportProgress",
    "ImportReport",
    "Info",
    "ItemFailure",
    "ItemFailures",
    "Job",
    "JobPage",
    "JobWithErrors",
    "Match",
    "Matches",
    "NewImage",
    "NoAnswerError",
    "NotEndedError",
    "Page",
    "Picture",
    "Retries",
    "ServiceError",
    "Stored",
    "Text",
    "UnexpectedAnswerError",
]
