"""`docs/api.md` in both languages: a guide written by hand, and below a mark the reference, made from OpenAPI."""
