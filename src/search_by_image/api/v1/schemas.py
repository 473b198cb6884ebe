"""What the `/v1` calls take and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Document = Annotated[
    dict[str, Any], Field(description="Any JSON object", examples=[{"kind": "cat", "url": "https://example.com/1.jpg"}])
]
FilterJson = Annotated[
    dict[str, Any],
    Field(
        description="A condition on documents, in MongoDB's operators ($eq $ne $in $nin $gt $gte $lt $lte $exists $and "
        "$or $not, dotted paths)",
        examples=[{"kind": "cat", "price": {"$lt": 20}}],
    ),
]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
BoxJson = Annotated[
    tuple[Share, Share, Share, Share],
    Field(
        description="A part of the picture: left, top, right, bottom, as shares of it", examples=[[0.1, 0.2, 0.9, 1]]
    ),
]
PipelineName = Annotated[
    str | None,
    Field(description="None: the collection's own, or the only one that is configured", examples=["DemoSearch"]),
]
Order = Literal["oldest", "newest"]
Limit = Annotated[int, Field(ge=1)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PictureSource(_Given):
    """A picture: one of `base64` (a `data:...;base64,` prefix is allowed) and `url`."""

    base64: str | None = Field(None, description="The picture's bytes in Base64")
    url: str | None = Field(None, examples=["https://example.com/cat.jpg"])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.base64 is None) == (self.url is None):
            raise ValueError("Give either base64 or url.")
        return self


class ExampleSource(_Given):
    """What to search by: one of `base64`, `url`, `id` (of a stored picture) and `text`."""

    base64: str | None = None
    url: str | None = None
    id: str | None = Field(None, description="Of a picture in the library")
    text: str | None = Field(None, description="In words, where the pipeline's model has a text side")
    collection: str | None = Field(None, description="Where the picture with this id is; none: the one searched")
    box: BoxJson | None = None
    weight: FiniteFloat = Field(1.0, description="Among several pictures; negative: unlike it", ge=-1000, le=1000)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(given is not None for given in (self.base64, self.url, self.id, self.text)) != 1:
            raise ValueError("Give one of base64, url, id and text.")
        if self.box is not None and (self.id is not None or self.text is not None):
            raise ValueError("A box needs the picture itself; of a stored one only the vector is kept.")
        return self


class PutImage(_Given):
    """A picture and its document. In a form the picture is the field `file`."""

    image: PictureSource | None = None
    document: Document = Field(default_factory=dict)
    pipeline: PipelineName = None


class Search(_Given):
    """What to search by, and which of the nearest to answer with. In a form the pictures are the fields `file`."""

    image: ExampleSource | None = None
    images: list[ExampleSource] | None = Field(None, min_length=1, max_length=16)
    text: str | None = Field(None, description="Instead of a picture, or with some: what is searched for, in words")
    box: BoxJson | None = Field(None, description="Of the only picture")
    pipeline: PipelineName = None
    limit: Limit | None = Field(None, description="None: `search_config/topk`")
    offset: int = Field(0, description="Of the first match", ge=0)
    min_score: Share | None = Field(None, description="None: `search_config/match_score`")
    filter: FilterJson | None = None
    fields: list[str] | None = Field(None, description="Only these of the documents, as dotted paths")
    group_by: str | None = Field(None, description="The best one of each value at this dotted path")


class SearchEverywhere(Search):
    """A search over several collections."""

    collections: list[str] | None = Field(None, min_length=1, description="None: all")


class Compare(_Given):
    """Two pictures. In a form they are two fields `file`."""

    images: list[ExampleSource] | None = Field(None, min_length=2, max_length=2)
    pipeline: PipelineName = None


class Delete(_Given):
    """Which pictures to remove; an empty filter removes all only with `all`."""

    filter: FilterJson
    all: bool = Field(False, description="Needed to remove all, with an empty filter")
    dry_run: bool = Field(False, description="Count only")
    return_images: bool = Field(False, description="Answer with what was removed, too")


class Image(BaseModel):
    """A picture of the library. `version` changes with every change, and is its ETag."""

    id: str
    collection: str
    pipeline: str
    document: dict[str, Any]
    sha256: str = Field(description="Of the picture's bytes")
    created: datetime
    updated: datetime
    version: str


class Page(BaseModel):
    """In the order of their last change. `next_cursor`: for the next page; none: this was the last one."""

    images: list[Image]
    next_cursor: str | None
    count: int | None = Field(description="How many match in all; only where it was asked for")


class Match(BaseModel):
    """A similar picture. `score` is 0..1, `distance` the metric's own."""

    id: str
    collection: str
    pipeline: str
    score: float
    distance: float
    document: dict[str, Any]
    version: str


class Matches(BaseModel):
    """Nearest first. `best_score`: of the nearest, also where it is below `min_score`; none: there is no picture.

    `timing`: milliseconds by stage.
    """

    matches: list[Match]
    best_score: float | None
    timing: dict[str, float]


class Comparison(BaseModel):
    """`score` is 0..1, `distance` the metric's own."""

    score: float
    distance: float
    metric: str
    pipeline: str


class Deleted(BaseModel):
    """How many pictures were removed, or would be."""

    count: int
    dry_run: bool
    images: list[Image] | None = Field(None, description="What was removed; only where it was asked for")


class Space(BaseModel):
    """The vectors of one pipeline in a collection; `fingerprint` tells its model, preprocessing and settings.

    `model`: the model's name, where it was switched to another than the pipeline's own. `switch`: "prepared" while
    another model's vectors are made beside these, "promoted" while these can be rolled back to the old model's.
    """

    pipeline: str
    dimension: int
    metric: str
    fingerprint: str
    model: str | None = None
    switch: Literal["prepared", "promoted"] | None = None


class FieldValue(BaseModel):
    """How many of the documents looked at have the value."""

    value: str | int | float | bool | None
    count: int


class FieldInfo(BaseModel):
    """A field of documents. `count`: of those looked at that have it; `lowest`, `highest`: of its numbers."""

    path: str = Field(description="Dotted, as filters have it")
    count: int
    types: list[str] = Field(description="Of its values, or its lists' elements: text, number, boolean, null")
    values: list[FieldValue] = Field(description="The most frequent ones, 20 at most")
    lowest: float | None
    highest: float | None


class Fields(BaseModel):
    """`sample`: how many documents were looked at."""

    fields: list[FieldInfo]
    sample: int


class Collection(BaseModel):
    name: str
    count: int
    spaces: list[Space]


class Collections(BaseModel):
    collections: list[Collection]
    default_collection: str


class PipelineInfo(BaseModel):
    """`fingerprint` changes with the model, its preprocessing or settings: vectors of another cannot be compared."""

    name: str
    dimension: int | None
    metric: str
    processors: list[str]
    fingerprint: str
    text: bool = Field(False, description="Whether it can be searched by text")


class CollectionInfo(BaseModel):
    name: str
    count: int


class Limits(BaseModel):
    """`max_upload_bytes`: of a picture, `max_body_bytes`: of a whole request; `top_k`: hits where none are asked for.

    `match_score`: of the hits at least, where none is asked for; `filter_conditions`: of one filter;
    `search_pictures`: in one search.
    """

    max_upload_bytes: int
    max_body_bytes: int
    max_pixels: int
    document_bytes: int
    page_size_max: int
    top_k: int
    match_score: float
    filter_conditions: int
    search_pictures: int


class Info(BaseModel):
    """`features`: the groups of calls that there are; `image_formats`: those that are opened."""

    name: str
    version: str
    pipelines: list[PipelineInfo]
    collections: list[CollectionInfo]
    default_collection: str
    image_formats: list[str]
    features: list[str]
    limits: Limits


class Mistake(BaseModel):
    path: str
    message: str


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it; `code` is stable and made for programs."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: list[Mistake] | None = None
