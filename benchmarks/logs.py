"""
Dumps of logs of every length, through the simulated driver and the catcher, against the log.

A log is `older` bytes before the end of the ring and `newer` from its beginning on, as it may lie
there after `dmesg -c`; in a full ring they are 128 kB together.  Each of its lines comes once, so
that what is lost, doubled or misplaced shows.  The promises of the design are asked of each dump
as of any execution; where log-arrives says another thing than the comparison, it is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import attrs

from benchmarks.table import Table
from netsim.caught import CaughtDump, Datagram
from netsim.design import Design
from netsim.notation import parse
from netsim.promise import KEPT, VOID, Broken
from netsim.results import Options
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.promises import Answers, ask
from netsim_models.kernel.printk import LOG_BUF_LEN
from netsim_models.netoops_v1 import NETOOPS_V1
from netsim_models.netoops_v1.packet import NETOOPS_RETRANSMIT_COUNT
from netsim_models.wire import v1
from netsim_models.wire.catcher import Catcher

#: The longest log, in bytes.
LENGTH_MAX = 5000
PART = 1024
NOTHING = "nothing is sent"

Lengths: TypeAlias = tuple[int, int]
"""(bytes before the end of the ring, bytes from its beginning on)"""


class Dumps:
    """One machine with the driver armed; each dump starts from the same state."""

    def __init__(self, design: Design = NETOOPS_V1) -> None:
        text = "{ set 10.0.0.1; neigh-reply 10.0.0.1 } soft-dump"
        self._program = ScenarioProgram(design, parse(text, design.operations), Options())

    def dump(self, text: bytes, older: int) -> list[bytes]:
        """Return what is sent when the log is `text`, `older` bytes of it before the ring's end."""
        sim = self._program.start()
        sim.recording = False
        system: Any = self._program.run.system
        log, sent = system.machine.log, system.machine.wire.sent
        log.log_end, log.logged_chars = -older % LOG_BUF_LEN, 0
        log.emit(text)
        before = len(sent)
        thread = sim.by_name["1"]
        while thread.pending is not None:
            sim.step(thread)
        assert not sim.reports, sim.reports[0].message
        return [one.packet.payload for one in sent[before:]]

    def answers(self) -> Answers:
        """Return what the promises say about the latest dump: about an execution like any other."""
        return ask(self._program, observe(self._program))


def log_of(length: int) -> bytes:
    """Return a text of so many bytes in which each line tells its number."""
    return b"".join(b"%07d\n" % line for line in range(length // 8 + 1))[:length]


def caught(payloads: Iterable[bytes]) -> tuple[CaughtDump, ...]:
    """Return what a fresh catcher makes of packets that all arrive, in order."""
    catcher = Catcher(v1.LAYOUTS)
    for payload in payloads:
        catcher.feed(Datagram("10.0.0.100:2004", payload))
    catch = catcher.caught()
    assert not catch.refused, catch.refused[0].first
    return catch.dumps


def faults(text: bytes, older: int, payloads: list[bytes]) -> Iterator[str]:
    """Say what is wrong with a dump of the log `text`, although every packet arrived."""
    dumps = caught(payloads)
    if not dumps:
        yield NOTHING
        return
    if len(dumps) > 1:
        yield f"one dump is taken for {len(dumps)}"
    dump = dumps[0]
    if dump.missing or dump.copies != NETOOPS_RETRANSMIT_COUNT * dump.packets:
        yield "packets are not sent three times each"
    there = bytearray(len(text))
    end = 0
    for start, piece in dump.pieces:
        end = start + len(piece)
        if text[start:end] != piece:
            yield "text stands at another place than in the log"
            return
        there[start:end] = b"\1" * len(piece)
    if max([end, *(gap.end for gap in dump.gaps)]) != len(text):
        yield "the log is taken for longer or shorter than it is"
    for first, last in _holes(there, older):
        where = "the end of the log" if last == len(text) else "the end of the ring"
        if last not in (len(text), older):
            where = "another place"
        yield f"{last - first} bytes before {where} are not sent"


def _holes(there: bytearray, border: int) -> Iterator[Lengths]:
    """Yield what is not there, as ranges; one that reaches across `border` as two."""
    start = there.find(0)
    while start >= 0:
        end = there.find(1, start)
        end = len(there) if end < 0 else end
        if start < border < end:
            yield start, border
            start = border
        yield start, end
        start = there.find(0, end)


def unwrapped(length_max: int) -> Iterator[Lengths]:
    """Every length, none before the end of the ring."""
    return ((0, length) for length in range(length_max + 1))


def wrapped(length_max: int) -> Iterator[Lengths]:
    """Every length, cut at each border of a part, beside it, in the middle, and at both ends."""
    for length in range(2, length_max + 1):
        edges = [1, length // 2, length - 1]
        for border in range(PART, length, PART):
            for cut in (border, length - border):
                edges += [cut - 1, cut, cut + 1]
        for newer in sorted(dict.fromkeys(edges)):
            if 0 < newer < length:
                yield length - newer, newer


def full() -> Iterator[Lengths]:
    """A full ring, cut at each byte of the first part of what is newer."""
    return ((LOG_BUF_LEN - newer, newer) for newer in range(PART + 1))


@attrs.define
class Survey:
    """How many logs were dumped, and which lengths differ how, and break which promise how."""

    logs: int = 0
    faults: dict[str, list[Lengths]] = attrs.Factory(dict)
    broken: dict[str, list[Lengths]] = attrs.Factory(dict)

    def differ(self) -> int:
        """Return how many logs did not come as they were."""
        return len({pair for pairs in self.faults.values() for pair in pairs})


def survey(lengths: Iterable[Lengths], dumps: Dumps) -> Survey:
    """Dump logs of these lengths, compare, and ask the promises; both must say the same."""
    found = Survey()
    for older, newer in lengths:
        found.logs += 1
        text = log_of(older + newer)
        wrong = list(faults(text, older, dumps.dump(text, older)))
        answers = dumps.answers()
        compare(wrong, answers)
        for fault in wrong:
            found.faults.setdefault(fault, []).append((older, newer))
        for name, answer in answers.items():
            if isinstance(answer, Broken):
                kind = f"promise:{name}" + "".join(f" ({what})" for what in answer.objects)
                found.broken.setdefault(kind, []).append((older, newer))
    return found


def compare(wrong: list[str], answers: Answers) -> None:
    """Assert that log-arrives answers what the comparison with the log has found."""
    answer = answers["log-arrives"]
    if wrong == [NOTHING]:  # then no log is there to arrive; that soft dumps force one is another
        assert answer is VOID, answer
        assert isinstance(answers["soft-forces"], Broken)
    elif wrong:
        assert isinstance(answer, Broken), f"{answer}, though {'; '.join(wrong)}"
    else:
        assert answer is KEPT, f"{answer}, though nothing differs"


def told(those: list[Lengths], tried: Iterable[Lengths]) -> str:
    """
    Say which lengths have a fault, by one of the two segments where that alone decides.

    Falls back to naming the first pairs.
    """
    left, all_tried = set(those), list(tried)
    if 2 * len(left) > len(all_tried):
        others = [pair for pair in all_tried if pair not in left]
        return f"every length but {told(others, all_tried)}" if others else "every length"
    having: dict[tuple[int, int], set[Lengths]] = {}
    for pair in all_tried:
        for index in (0, 1):
            having.setdefault((index, pair[index]), set()).add(pair)
    deciding = {key: pairs for key, pairs in having.items() if pairs <= left}
    chosen: tuple[list[int], list[int]] = ([], [])
    while left and deciding:
        index, value = max(deciding, key=lambda key: (len(deciding[key] & left), key[0], -key[1]))
        if not deciding[index, value] & left:
            break
        chosen[index].append(value)
        left -= deciding.pop((index, value))
    if not left:
        return " or ".join(
            f"{name} = {', '.join(map(str, sorted(values)))}"
            for name, values in (("newer", chosen[1]), ("older", chosen[0]))
            if values
        )
    shown = ", ".join(f"{older}+{newer}" for older, newer in those[:6])
    return f"older+newer = {shown}" + (f" and {len(those) - 6} more" if len(those) > 6 else "")


def logs(length_max: int = LENGTH_MAX) -> Table:
    """Dump logs of every length, without and with wrap."""
    table = Table(
        f"Logs of 0 to {length_max} bytes, dumped, caught, compared and judged",
        ("ring", "logs", "with it", "what differs, and what is broken", "at"),
        "Every packet arrives.  `older` bytes stand before the end of the ring, `newer` behind it.",
    )
    dumps = Dumps()
    rings = {
        "not wrapped": list(unwrapped(length_max)),
        "wrapped": list(wrapped(length_max)),
        "full": list(full()),
    }
    for ring, lengths in rings.items():
        found = survey(lengths, dumps)
        table.add(ring, found.logs, found.differ(), "differ from the log", "")
        for what, pairs in (*found.faults.items(), *found.broken.items()):
            table.add(ring, found.logs, len(pairs), what, told(pairs, lengths))
    return table
