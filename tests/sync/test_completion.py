"""struct completion: a counter that one waits for."""

from __future__ import annotations

from netsim.sync.completion import Completion
from tests.sync.bench import Bench, edges, touched


def test_each_complete_lets_one_waiter_go_on() -> None:
    bench = Bench()
    done = Completion(bench.sim, "done")
    waiters = [bench.thread(name, done.wait_for_completion) for name in "12"]
    bench.thread("3", done.complete, done.complete)
    assert [bench.sim.is_enabled(t) for t in waiters] == [False, False]

    (first,) = bench.steps("3")
    assert [bench.sim.is_enabled(t) for t in waiters] == [True, True]
    (wait,) = bench.steps("1")
    assert not bench.sim.is_enabled(waiters[1])
    (second,) = bench.steps("3")
    bench.step("2")

    assert done.done == 0
    assert [edges(step) for step in (first, wait, second)] == [
        ["release"],
        ["acquire"],
        ["release"],
    ]
    assert [step.before[done.key] for step in (first, wait, second)] == [0, 1, 0]
    assert all(touched(step) == {"completion": "write"} for step in (first, wait, second))


def test_waiting_may_sleep_and_says_for_what() -> None:
    bench = Bench()
    done = Completion(bench.sim, "done")
    thread = bench.thread("1", done.wait_for_completion)
    completer = bench.thread("2", done.complete)
    assert thread.pending is not None
    assert completer.pending is not None

    assert thread.pending.may_sleep
    assert not completer.pending.may_sleep
    assert thread.pending.waits_for(thread) == "completion done"
    assert thread.pending.label() == completer.pending.label() == "done"
