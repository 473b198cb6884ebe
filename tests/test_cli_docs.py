"""Every command and option is documented, in both languages and in its own help."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from search_by_image.cli import create_cli

DOCS = Path(__file__).parents[1] / "docs"
SHORT = len("-c")
GROUPS = ("config", "jobs", "keys", "models", "switch")


def commands():
    """Every command of the command line by its whole name, '' for the root."""
    root = typer.main.get_command(create_cli())
    found = {"": root}
    for name, command in root.commands.items():
        found |= {f"{name} {sub}": one for sub, one in command.commands.items()} if name in GROUPS else {name: command}
    return found


@pytest.mark.parametrize("name", ["cli.md", "cli.zh-CN.md"])
@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_and_option_is_documented(name, command):
    text = (DOCS / name).read_text(encoding="utf-8")
    for word in words_of(command):
        place = section_of(text, command) if len(word) > SHORT and command else text
        assert f"`{word}`" in place or f"`{word} " in place, word


@pytest.mark.parametrize("name", ["cli.md", "cli.zh-CN.md"])
def test_no_option_is_documented_that_does_not_exist(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    real = {word for command in commands() for word in words_of(command)}
    written = set(re.findall(r"`(--?[a-z][a-z-]*)", text)) | set(re.findall(r"(?<=\s)(--[a-z][a-z-]+)", text))
    assert written - real == {"--help"} & written


def words_of(command):
    """The options of a command, and its arguments as they are written in its help."""
    for parameter in commands()[command].params:
        if parameter.param_type_name == "argument":
            yield parameter.metavar.replace("|", r"\|")
        else:
            yield from parameter.opts + parameter.secondary_opts


def section_of(text, command):
    return re.split(r"(?m)^## ", text.split(f"\n## `{command}`\n")[1])[0]


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_help_has_an_example_or_the_exit_codes(command):
    done = CliRunner().invoke(create_cli(), [*command.split(), "--help"])
    assert done.exit_code == 0
    assert ("Example" if command else "Exit codes") in done.stdout
