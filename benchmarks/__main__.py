"""`python -m benchmarks [PART...]`: run all parts, or those named, and print their tables."""

import platform

import click

from benchmarks.exploring import Exhaustive
from benchmarks.parts import PARTS
from netsim._version import __version__


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
def main(parts: tuple[str, ...]) -> None:
    """Measure the explorer: PARTS, or everything; one process, one core."""
    click.echo(
        f"netsim {__version__}, {Exhaustive.__name__}, "
        f"{platform.python_implementation()} {platform.python_version()}\n"
    )
    for name in parts or PARTS:
        click.echo(PARTS[name]().text())


main()
