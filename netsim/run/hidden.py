"""
What threads share behind netsim's back, such as a list of Python's: the search takes steps for
independent that are not, so that outcomes would be missing without a word.

It shows where two executions of one class end differently.  Looking for all such would be to run
every interleaving; two orders of some executions find most, and cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from netsim.core.step import Choice
from netsim.errors import UsageError
from netsim.explorer.loop import execute
from netsim.explorer.normal import Recorder, upside_down
from netsim.run.subject import Subject

#: So many executions are run in another order.
LOOKED_AT = 8


@attrs.frozen
class _End:
    """How an execution ended, as far as all of its class end so."""

    steps: int
    threads: tuple[tuple[str, str], ...]
    #: What the reader returned; "" if not all threads ended.
    text: str


def refuse_hidden(subject: Subject, schedules: Iterable[Sequence[Choice]]) -> None:
    """Raise UsageError if the end of an execution hangs on the order of independent steps."""
    for schedule, _ in zip(schedules, range(LOOKED_AT), strict=False):
        recorder = Recorder(schedule)
        one = _end(subject, recorder)
        other = upside_down(recorder.history)
        if one != (end := _end(subject, Recorder(other))):
            ways = f": as {one.text}, and as {end.text}" if one.text and end.text else ""
            raise UsageError(
                f"program {subject.name} ends in two ways{ways}; only the order of steps that have "
                "nothing in common differs, so its threads share something that is not seen, such "
                "as a list of Python or the field of a lock: expected variables of the World, and "
                "the steps that look at its objects"
            )


def _end(subject: Subject, recorder: Recorder) -> _End:
    execution = execute(subject, recorder)
    sim = execution.sim
    _, seen, _ = subject.judge()
    lives = sorted((thread.name, thread.life.value) for thread in sim.threads)
    return _End(len(execution.schedule), tuple(lives), "" if seen.unfinished else seen.text)
