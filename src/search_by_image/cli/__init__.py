"""The command line: arguments in, one call of the engine, data on stdout, everything else on stderr."""

from search_by_image.cli.program import create_cli, main

__all__ = ["create_cli", "main"]
