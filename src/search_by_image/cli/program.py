"""The commands, put together."""

import signal
import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer

from search_by_image.cli import (
    api_keys,
    configuration,
    demonstration,
    evaluating,
    explaining,
    holdings,
    importing,
    info,
    jobs,
    learning,
    model_adding,
    model_results,
    model_training,
    models,
    plugin_list,
    searching,
    serving,
    switching,
    transferring,
    upkeep,
)
from search_by_image.cli.failures import EXIT_CODES, CalmGroup


def main() -> None:
    """The command `search-by-image`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    create_cli()()


def create_cli() -> typer.Typer:
    cli = typer.Typer(
        name="search-by-image",
        cls=CalmGroup,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        epilog=EXIT_CODES,
    )
    cli.callback()(root)
    cli.command("serve", epilog=serving.EXAMPLES)(serving.serve)
    cli.command("demo", epilog=demonstration.EXAMPLES)(demonstration.demo)
    cli.command("import", epilog=importing.EXAMPLES)(importing.import_)
    cli.command("search", epilog=searching.EXAMPLES)(searching.search)
    cli.command("list", epilog=holdings.LIST_EXAMPLES)(holdings.list_)
    cli.command("remove", epilog=holdings.REMOVE_EXAMPLES)(holdings.remove)
    cli.command("clear", epilog=holdings.CLEAR_EXAMPLES)(holdings.clear)
    cli.command("info", epilog=info.EXAMPLES)(info.info)
    cli.command("plugins", epilog=plugin_list.EXAMPLES)(plugin_list.plugins)
    cli.command("explain", epilog=explaining.EXAMPLES)(explaining.explain)
    cli.command("evaluate", epilog=evaluating.EXAMPLES)(evaluating.evaluate)
    cli.command("learn-mean", epilog=learning.EXAMPLES)(learning.learn_mean)
    cli.command("copy", epilog=transferring.COPY_EXAMPLES)(transferring.copy)
    cli.command("export", epilog=transferring.EXPORT_EXAMPLES)(transferring.export)
    cli.command("restore", epilog=transferring.RESTORE_EXAMPLES)(transferring.restore)
    cli.command("check", epilog=upkeep.CHECK_EXAMPLES)(upkeep.check)
    cli.command("reindex", epilog=upkeep.REINDEX_EXAMPLES)(upkeep.reindex)
    cli.add_typer(_model_commands(), name="models")
    cli.add_typer(_switch_commands(), name="switch")
    cli.add_typer(_key_commands(), name="keys")
    cli.add_typer(_job_commands(), name="jobs")
    cli.add_typer(_config_commands(), name="config")
    return cli


def _model_commands() -> typer.Typer:
    """Without a command it lists, as `models list` does."""
    group = typer.Typer(invoke_without_command=True, callback=models.models, epilog=models.LIST_EXAMPLES)
    group.command("list", epilog=models.LIST_EXAMPLES)(models.list_)
    group.command("show", epilog=models.SHOW_EXAMPLES)(models.show)
    group.command("pull", epilog=models.PULL_EXAMPLES)(models.pull)
    group.command("add", epilog=model_adding.EXAMPLES)(model_adding.add)
    group.command("train", epilog=model_training.EXAMPLES)(model_training.train)
    group.command("evaluate", epilog=model_results.EVALUATE_EXAMPLES)(model_results.evaluate)
    group.command("export", epilog=model_results.EXPORT_EXAMPLES)(model_results.export)
    group.command("verify", epilog=models.VERIFY_EXAMPLES)(models.verify)
    group.command("remove", epilog=models.REMOVE_EXAMPLES)(models.remove)
    return group


def _switch_commands() -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help="Another model for a collection, after reindex --model.")
    group.command("status", epilog=switching.STATUS_EXAMPLES)(switching.status)
    group.command("promote", epilog=switching.PROMOTE_EXAMPLES)(switching.promote)
    group.command("roll-back", epilog=switching.ROLL_BACK_EXAMPLES)(switching.roll_back)
    group.command("finish", epilog=switching.FINISH_EXAMPLES)(switching.finish)
    group.command("abandon", epilog=switching.ABANDON_EXAMPLES)(switching.abandon)
    return group


def _key_commands() -> typer.Typer:
    keys = typer.Typer(no_args_is_help=True, help="API keys: who may call the service.")
    keys.command("create", epilog=api_keys.CREATE_EXAMPLES)(api_keys.create)
    keys.command("list", epilog=api_keys.LIST_EXAMPLES)(api_keys.list_)
    keys.command("revoke", epilog=api_keys.REVOKE_EXAMPLES)(api_keys.revoke)
    keys.command("delete", epilog=api_keys.DELETE_EXAMPLES)(api_keys.delete)
    return keys


def _job_commands() -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help="Imports that a service does in the background.")
    group.command("start", epilog=jobs.START_EXAMPLES)(jobs.start)
    group.command("list", epilog=jobs.LIST_EXAMPLES)(jobs.list_)
    group.command("show", epilog=jobs.SHOW_EXAMPLES)(jobs.show)
    group.command("watch", epilog=jobs.WATCH_EXAMPLES)(jobs.watch)
    group.command("cancel", epilog=jobs.CANCEL_EXAMPLES)(jobs.cancel)
    return group


def _config_commands() -> typer.Typer:
    config = typer.Typer(no_args_is_help=True, help="Check or show the settings.")
    config.command("check", epilog=configuration.CHECK_EXAMPLES)(configuration.check)
    config.command("show", epilog=configuration.SHOW_EXAMPLES)(configuration.show)
    return config


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"search-by-image {version('search-by-image')}")
        raise typer.Exit


def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Find the pictures in your own library that look like a given one."""
