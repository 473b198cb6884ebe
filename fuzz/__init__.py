"""Calls made up from the description of the API, and every answer held against it (`fuzz.calls`)."""
