"""netsim list, netsim show."""

import click

from netsim.cli.output import say


@click.command("list")
def list_() -> None:
    """List the designs that are installed."""
    from netsim.run.registry import available, load
    from netsim.view.show import list_text

    say(list_text([load(name) for name in available()]))


@click.command()
@click.argument("design")
def show(design: str) -> None:
    """Show what DESIGN offers: operations, starting points, locks, sources, gaps."""
    from netsim.run.registry import load
    from netsim.view.show import design_text

    say(design_text(load(design)))
