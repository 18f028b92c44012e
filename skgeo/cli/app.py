"""The commands."""

from typing import Annotated

import typer

from skgeo._version import __version__
from skgeo.cli.moabb import EXAMPLES, moabb

__all__ = ["app"]

app = typer.Typer(
    name="skgeo",
    help="Structured signals and dynamics: evaluations from the command line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command("moabb", epilog=EXAMPLES)(moabb)


def _version(asked: bool):
    if asked:
        typer.echo(f"skgeo {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_version, is_eager=True, help="Version."),
    ] = None,
):
    # A callback keeps `skgeo moabb` a subcommand while it is the only one.
    pass
