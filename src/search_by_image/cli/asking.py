"""Questions before what cannot be undone."""

import typer

from search_by_image.cli.output import say


def answered_yes(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        say("\nNobody answered; give --yes to go on without being asked.")
        return False
