"""The story of one replay as a structlog log: the only place that knows structlog."""

from __future__ import annotations

from typing import Any, Literal, TextIO

import structlog

from netsim.results import ReplayResult


def log_replay(replay: ReplayResult, renderer: Literal["json", "console"], stream: TextIO) -> None:
    """
    Write one line for each step of a replay.

    The step is the time stamp; there is no clock in it, so equal replays give equal logs.
    """
    render: Any = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if renderer == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=32)
    )
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[structlog.processors.add_log_level, render],
        wrapper_class=structlog.BoundLogger,
    ).bind(design=replay.design)
    for event in replay.events:
        write = log.warning if event.findings else log.info
        write(
            event.call,
            step=event.step,
            thread=event.thread,
            operation=event.operation,
            function=event.function,
            changes=list(event.changes),
            findings=list(event.findings),
            **({"inside": list(event.inside)} if event.inside else {}),
            **({"follows": list(event.follows)} if event.follows else {}),
        )
    for finding in replay.findings:
        log.error(finding.kind, id=finding.id, message=finding.message)
