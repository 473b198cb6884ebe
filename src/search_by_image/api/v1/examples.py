"""Examples of all that the calls take and answer: one small library of cats, the same everywhere."""

from typing import Any

TINY_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
DOCUMENT = {"kind": "cat", "price": 12, "url": "https://example.com/cat-1.jpg"}
PATCH = {"price": 12, "sold": None}
IMAGE = {
    "id": "cat-1",
    "collection": "pets",
    "pipeline": "DemoSearch",
    "document": DOCUMENT,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "created": "2026-11-28T09:30:00+00:00",
    "updated": "2026-11-28T09:30:00.123000+00:00",
    "version": "1866900000123456",
}
SPACE = {
    "pipeline": "DemoSearch",
    "dimension": 1280,
    "metric": "COSINE",
    "fingerprint": "5d41402abc4b2a76",
    "model": None,
    "switch": None,
}
FIELD_VALUE = {"value": "cat", "count": 120}
FIELD = {"path": "kind", "count": 230, "types": ["text"], "values": [FIELD_VALUE], "lowest": None, "highest": None}
COLLECTION = {"name": "pets", "count": 1, "spaces": [SPACE]}
MATCH = {
    "id": "cat-1",
    "collection": "pets",
    "pipeline": "DemoSearch",
    "score": 0.93,
    "distance": 0.14,
    "document": DOCUMENT,
    "version": "1866900000123456",
}
SEARCH = {"image": {"url": "https://example.com/query.jpg"}, "limit": 5, "filter": {"kind": "cat"}}
SEVERAL = {
    "images": [{"id": "cat-1"}, {"id": "cat-2", "weight": -0.5}],
    "min_score": 0.6,
    "fields": ["kind", "url"],
    "group_by": "kind",
}
PIPELINE_INFO = {
    "name": "DemoSearch",
    "dimension": 1280,
    "metric": "COSINE",
    "processors": ["EfficientNetLite0"],
    "fingerprint": "5d41402abc4b2a76",
    "text": False,
}
LIMITS = {
    "max_upload_bytes": 16777216,
    "max_body_bytes": 22697301,
    "max_pixels": 100000000,
    "document_bytes": 262144,
    "page_size_max": 1000,
    "top_k": 10,
    "match_score": 0.0,
    "filter_conditions": 1000,
    "search_pictures": 16,
}
INFO = {
    "name": "search-by-image",
    "version": "0.1.0",
    "pipelines": [PIPELINE_INFO],
    "collections": [{"name": "pets", "count": 1}],
    "default_collection": "images",
    "image_formats": ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "HEIF"],
    "features": ["collections", "contract", "images", "search"],
    "limits": LIMITS,
}
PROBLEM = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "code": "not_found",
    "detail": "There is no picture 'cat-9' in collection 'pets'.",
    "request_id": "5f1c3b0a9e7d2c48",
}
JOB = {
    "id": "18f2a7c3d4e5f60718293",
    "collection": "pets",
    "pipeline": "DemoSearch",
    "format": "ndjson",
    "on_duplicate": "replace",
    "state": "running",
    "total": 200,
    "done": 50,
    "progress": 0.25,
    "counts": {"created": 48, "replaced": 1, "skipped": 0, "failed": 1},
    "rate": 25.0,
    "remaining_seconds": 6.0,
    "seconds": 2.0,
    "created": "2026-11-28T09:30:00+00:00",
    "started": "2026-11-28T09:30:01+00:00",
    "finished": None,
    "error": None,
    "webhook": None,
}
ITEM_FAILURE = {"number": 7, "id": "cat-7", "code": "not_an_image", "message": "The file is not a picture."}
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "PutImage": [{"image": {"url": "https://example.com/cat-1.jpg"}, "document": DOCUMENT, "pipeline": "DemoSearch"}],
    "Search": [SEARCH, SEVERAL, {"image": {"id": "cat-1"}}],
    "SearchEverywhere": [{**SEARCH, "collections": ["pets", "images"]}],
    "Body_search_by_upload": [{"pipeline": "DemoSearch", "collection": "pets"}],
    "Body_import_by_upload": [{"pipeline": "DemoSearch", "collection": "pets", "image_doc": '{"id": "cat-1"}'}],
    "SearchByBase64": [{"file": TINY_PNG, "pipeline": "DemoSearch", "collection": "pets"}],
    "SearchByUrl": [{"url": "https://example.com/query.jpg", "pipeline": "DemoSearch", "collection": "pets"}],
    "ImportByBase64": [{"file": TINY_PNG, "pipeline": "DemoSearch", "image_doc": {"id": "cat-1"}}],
    "ImportByUrl": [{"url": "https://example.com/cat-1.jpg", "pipeline": "DemoSearch", "image_doc": {"id": "cat-1"}}],
    "GetImageDoc": [{"collection": "pets", "field_name": "id", "field_values": ["cat-1", "cat-2"], "page_size": 15}],
    "RemoveImageDoc": [{"collection": "pets", "field_name": "id", "field_values": "cat-1"}],
    "Answer": [{"interface_seq_id": "42", "status": "00000", "msg": "success"}],
    "SearchAnswer": [
        {
            "interface_seq_id": "42",
            "status": "00000",
            "msg": "success",
            "match_images": [
                {"id": "cat-1", "ids": 1866900000123456, "score": 0.93, "distance": 0.14, "collection": "pets"}
            ],
        }
    ],
    "ImagesAnswer": [
        {
            "interface_seq_id": "42",
            "status": "00000",
            "msg": "success",
            "images": [{"id": "cat-1", "collection": "pets"}],
        }
    ],
    "Compare": [
        {
            "images": [{"id": "cat-1", "collection": "pets"}, {"url": "https://example.com/query.jpg"}],
            "pipeline": "DemoSearch",
        }
    ],
    "Delete": [{"filter": {"kind": "dog"}, "dry_run": True}],
    "Image": [IMAGE],
    "Page": [{"images": [IMAGE], "next_cursor": "1866900000123456", "count": 230}],
    "Match": [MATCH],
    "Matches": [{"matches": [MATCH], "best_score": 0.93, "timing": {"decode": 1.9, "inference": 6.8, "vectors": 0.4}}],
    "Comparison": [{"score": 0.93, "distance": 0.14, "metric": "COSINE", "pipeline": "DemoSearch"}],
    "Deleted": [{"count": 3, "dry_run": True, "images": None}],
    "Space": [SPACE],
    "FieldValue": [FIELD_VALUE],
    "FieldInfo": [FIELD],
    "Fields": [{"fields": [FIELD], "sample": 230}],
    "Collection": [COLLECTION],
    "Collections": [{"collections": [COLLECTION], "default_collection": "images"}],
    "PipelineInfo": [PIPELINE_INFO],
    "Limits": [LIMITS],
    "Info": [INFO],
    "ImportList": [{"urls": ["https://example.com/cat-1.jpg", "https://example.com/cat-2.jpg"]}],
    "ImportItem": [{"id": "cat-1", "url": "https://example.com/cat-1.jpg", "document": DOCUMENT}],
    "Job": [JOB],
    "JobWithErrors": [{**JOB, "errors": [ITEM_FAILURE]}],
    "JobPage": [{"jobs": [JOB], "next_cursor": None}],
    "ItemFailures": [{"errors": [ITEM_FAILURE], "next_cursor": None}],
    "Problem": [PROBLEM],
}
"""By the name of the schema."""
