"""The import paths of 2020."""
