"""The parameters that several calls take."""

from typing import Annotated

from fastapi import Header, Path, Query

from search_by_image.api.v1.schemas import Order

CollectionName = Annotated[str, Path(description="The collection's name", examples=["pets"])]
Key = Annotated[
    str,
    Path(
        alias="id",
        description="Your own id of the picture; one that was imported without goes by ours",
        examples=["cat-1"],
    ),
]
IfMatch = Annotated[
    str | None,
    Header(description="Only if this is its ETag; `*`: only if there is one", examples=['"1866900000123456"']),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        description="For a change `*`: only if there is none yet; for a reader: the ETag that it has", examples=["*"]
    ),
]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before", examples=["1866900000123456"])]
OrderOfChange = Annotated[Order, Query(description="Which change comes first", examples=["newest"])]
FilterText = Annotated[str | None, Query(alias="filter", description="A filter, as JSON", examples=['{"kind": "cat"}'])]
Confirmation = Annotated[str, Query(description="The collection's name once more", examples=["pets"])]
