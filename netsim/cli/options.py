"""Options that several commands have, and what they mean to the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from netsim.errors import UsageError

if TYPE_CHECKING:
    from netsim.results import Bounds, Options, Plan

_LIMITS = (
    click.option("--max-executions", type=int, help="Stop after so many executions."),
    click.option("--max-steps", type=int, help="Stop after so many steps."),
    click.option("--timeout", type=float, help="Stop after so many seconds."),
    click.option("--faults", type=int, default=0, help="How many calls may fail (default 0)."),
    click.option(
        "--choose", multiple=True, help="What happens by itself: arp, stack, timers; repeatable."
    ),
)
_DOCUMENT = (
    click.option("-o", "output", type=click.Path(), help="Write the JSON document here."),
    click.option("--json", "as_json", is_flag=True, help="Print the JSON document only."),
)


def with_limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that bound a search and say what may happen in it."""
    for option in reversed(_LIMITS):
        command = option(command)
    return command


def with_search(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a search whose result is a document."""
    for option in reversed((*_LIMITS, *_DOCUMENT)):
        command = option(command)
    return command


def bounds_of(limits: Mapping[str, Any]) -> Bounds:
    """Return the bounds that were given; raises UsageError for what bounds nothing."""
    from netsim.results import Bounds

    given = ("max_executions", "max_steps", "timeout")
    for name in given:
        value = limits[name]
        if value is not None and not (value > 0 and math.isfinite(value)):
            shown = name.replace("_", "-")
            raise UsageError(f"--{shown} must be more than 0, and finite, found {value}")
    executions, steps, seconds = (limits[name] for name in given)
    return Bounds(executions=executions, steps=steps, seconds=seconds)


def options_of(limits: Mapping[str, Any]) -> Options:
    """Return what may fail, and what happens by itself."""
    from netsim.results import Options

    return Options(faults=limits["faults"], choose=tuple(sorted(set(limits["choose"]))))


def plan_of(strategy: str | None, seed: int, depth: int) -> Plan | None:
    """Return the strategy that was asked for; raises UsageError for a seed without one."""
    from netsim.results import Plan

    if strategy is not None:
        return Plan(strategy, seed, depth)
    if seed or depth != 3:
        raise UsageError("--seed and --depth are for a --strategy that draws at random")
    return None
