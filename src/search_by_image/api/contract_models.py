"""What the old calls take and answer, typed."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

Seq = str | int | FiniteFloat | bool | None
Pipeline = Annotated[str, Field(description="The pipeline's name", examples=["DemoSearch"])]
NONE_IS_EMPTY = BeforeValidator(lambda value: "" if value is None else value)
Collection = Annotated[
    str, NONE_IS_EMPTY, Field(description="Empty: the pipeline's choice, else the default collection")
]
Everywhere = Annotated[str, NONE_IS_EMPTY, Field(description="Empty: all collections")]
Scalar = str | int | float | bool | None


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    interface_seq_id: Seq = Field("", description="Echoed in the answer")


class SearchByBase64(_Request):
    file: str = Field("", description="Base64, a `data:...;base64,` prefix is allowed")
    pipeline: Pipeline
    collection: Collection = ""


class SearchByUrl(_Request):
    url: str = Field("", examples=["https://example.com/cat.jpg"])
    pipeline: Pipeline
    collection: Collection = ""


class ImportByBase64(SearchByBase64):
    image_doc: dict[str, Any] = Field(examples=[{"id": "cat-1", "url": "https://example.com/cat.jpg"}])


class ImportByUrl(SearchByUrl):
    image_doc: dict[str, Any] = Field(examples=[{"id": "cat-1", "url": "https://example.com/cat.jpg"}])


class GetImageDoc(_Request):
    collection: Everywhere = ""
    field_name: str | None = Field(None, description="A field of the documents; none: all documents")
    field_values: Scalar | list[Scalar] = Field(None, description="A list: any of them; a single value: equal")
    page_size: int = Field(15, ge=0, description="0: all in one page")
    page_num: int = Field(1, ge=1, le=2**53)


class RemoveImageDoc(_Request):
    collection: Everywhere = ""
    field_name: str | None = None
    field_values: Scalar | list[Scalar] = None
    all: bool = Field(False, description="Needed to remove everything in the collection without a field_name")


class Answer(BaseModel):
    """`status`: `00000` success, `10001` no file given, `2XXXX` failed; `msg` says why."""

    interface_seq_id: Seq = ""
    status: str = "00000"
    msg: str = "success"


class SearchAnswer(Answer):
    """Each match is its document with `ids`, `score` (0..1), `distance` and `collection`; nearest first."""

    match_images: list[dict[str, Any]] = Field(default_factory=list)


class ImagesAnswer(Answer):
    """Each image is its document with `collection`."""

    images: list[dict[str, Any]] = Field(default_factory=list)
