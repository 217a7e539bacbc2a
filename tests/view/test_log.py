"""The log of a replay: equal replays give equal logs, and nobody's structlog is reconfigured."""

import io
import json

import structlog

from netsim.results import ReplayResult
from netsim.view.log import log_replay
from tests.view.values import event, finding

REPLAY = ReplayResult(
    "toy",
    "a || b",
    True,
    None,
    (finding(),),
    (event(1), event(2, "2", changes=("box.lid: 1 -> 0",), findings=("use-after-free",))),
)


def test_json_has_one_object_for_each_event_and_finding() -> None:
    stream = io.StringIO()
    log_replay(REPLAY, "json", stream)
    first, second, last = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert (first["step"], first["thread"], first["level"]) == (1, "1", "info")
    assert (second["changes"], second["level"]) == (["box.lid: 1 -> 0"], "warning")
    assert (last["event"], last["id"], last["level"]) == ("use-after-free", finding().id, "error")
    assert "timestamp" not in first


def test_console_has_no_colour_and_one_line_for_each() -> None:
    stream = io.StringIO()
    log_replay(REPLAY, "console", stream)

    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 3


def test_equal_replays_give_equal_logs_and_the_configuration_is_left_alone() -> None:
    one, other = io.StringIO(), io.StringIO()
    log_replay(REPLAY, "json", one)
    log_replay(REPLAY, "json", other)

    assert one.getvalue() == other.getvalue()
    assert not structlog.is_configured()
