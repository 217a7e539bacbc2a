"""
Console messages streamed to the target: what leaves the machine, and what it costs a dump.

The flag is Mike Waychison's, the level Bruno Prémont's, the marks Randy Dunlap's and Joe Perches';
`+every` turns off patch 08's own one-shot.
"""

from __future__ import annotations

import pytest

from netsim.core.sim import Sim
from netsim.errors import UsageError
from netsim.notation import parse
from netsim.results import Options, Verdict
from netsim.run import check
from netsim.run.program import ScenarioProgram, settle
from netsim.run.registry import load
from netsim_models.drivers.mem import kmsg_write
from netsim_models.kernel.oops import bug_on, die
from netsim_models.netoops_v1.system import NetoopsSystem
from tests.models.drive import Driven
from tests.models.policies.storms import READY, between, compared

STREAM = "netoops-v1+every+stream"
#: Mike Waychison's defaults: streaming is on, dumps are off.
ONLY_STREAM = "netoops-v1+every+dump-flag+stream"
LEVELS = f"{STREAM}+console-level"


def streamed(design: str, operations: str, initial: str = READY) -> list[bytes]:
    """Run operations one after the other; return the payloads of what was streamed."""
    scenario = parse(f"{{ {initial} }} {operations}")
    program = ScenarioProgram(load(design), scenario, Options())
    settle(program.start())
    assert not program.run.unreached
    system = program.run.system
    assert isinstance(system, NetoopsSystem)
    packets = [sent.packet for sent in system.machine.wire.sent]
    return [packet.payload for packet in packets if packet.streamed is not None]


class TestStream:
    """write_msg() of netconsole, on the one target of netoops."""

    def test_a_message_leaves_without_its_tag(self) -> None:
        assert streamed(STREAM, r'kmsg "<3>one\ntwo\n"') == [b"one\n", b"two\n"]

    def test_in_pieces_of_max_print_chunk(self) -> None:
        text = "x" * 1005
        assert streamed(STREAM, rf'kmsg "<3>{text}\n"') == [b"x" * 1000, b"xxxxx\n"]

    def test_console_loglevel_decides(self) -> None:
        """7, until an oops calls console_verbose()."""
        assert streamed(STREAM, r'kmsg "<7>debug\n"') == []
        *_, last = streamed(STREAM, r'oops; kmsg "<7>debug\n"')
        assert last == b"debug\n"

    def test_an_oops_is_told_as_it_is_printed(self) -> None:
        bug, end = streamed(STREAM, "oops")
        assert bug == b"BUG: unable to handle kernel NULL pointer dereference at (null)\n"
        assert end == b"---[ end trace 0000000000000000 ]---\n"

    def test_the_flag_is_on_at_first(self) -> None:
        storm = r'kmsg "<3>one\n"; stream 0; kmsg "<3>two\n"; stream 1; kmsg "<3>three\n"'
        assert streamed(STREAM, storm) == [b"one\n", b"three\n"]

    def test_its_flag_and_that_of_dumps_are_two(self) -> None:
        for flags, dumps, texts in (
            ("dump-flag 0", 0, 2),
            ("dump-flag 1", 1, 2),
            ("stream 0; dump-flag 1", 1, 0),
            ("stream 0", 0, 0),
        ):
            cell = compared(ONLY_STREAM, f"{{ {READY} }} {flags}; oops")
            assert between(cell, "dumps delivered whole") == (dumps, dumps)
            assert len(streamed(ONLY_STREAM, f"{flags}; oops")) == texts
            assert between(cell, "crashes nobody hears of")[0] == (0 if dumps or texts else 1)

    def test_without_a_target_nothing_is_sent(self) -> None:
        assert streamed(STREAM, r'kmsg "<3>one\n"; off; kmsg "<3>two\n"') == [b"one\n"]
        assert streamed(STREAM, r'down eth0; kmsg "<3>one\n"') == []  # !netif_running()

    def test_one_shot_is_about_dumps(self) -> None:
        assert len(streamed("netoops-v1+stream", "oops; oops")) == 4

    def test_the_console_comes_and_goes_with_the_module(self) -> None:
        storm = rf'rmmod; kmsg "<3>one\n"; insmod; {READY}; kmsg "<3>two\n"'
        assert streamed(STREAM, storm) == [b"two\n"]

    def test_the_flag_is_read_by_marked_accesses(self) -> None:
        result = check(STREAM, rf'{{ {READY} }} stream 0 || kmsg "<3>one\n"')
        assert result.verdict is Verdict.HOLDS

    def test_a_design_without_targets_is_refused(self) -> None:
        design = load("netoops-v1+every")
        (variant,) = [one for one in design.variants if one.name == "stream"]
        with pytest.raises(UsageError, match="it has no targets to stream to"):
            variant.apply(load("dumpers@arm"))


class TestLocks:
    """The stream waits for netoops_lock, which the callback of the dumper only tries."""

    def test_an_oops_in_its_holder_never_comes_to_its_dump(self) -> None:
        """die() prints before oops_exit() dumps; without the stream it dies, and says so."""
        storm = f"{{ {READY} }} off || !oops"
        assert check("netoops-v1", storm).verdict is Verdict.HOLDS
        result = check("netoops-v1+stream", storm)

        (finding,) = result.findings
        assert (finding.kind, finding.objects) == ("deadlock", ("netoops_lock",))
        acquires = next(site for site in finding.sites if "write_msg" in site.function)
        assert acquires.flow == "2"

    def test_a_machine_that_was_to_panic_hangs(self) -> None:
        """It keeps die_lock and console_sem: nobody else oopses to an end, or is printed."""
        storm = f"{{ {READY} }} off || !oops"
        kinds = {f.kind for f in check("netoops-v1+panic-on-oops", storm).findings}
        assert "deadlock" not in kinds
        result = check("netoops-v1+panic-on-oops+stream", storm)
        assert "deadlock" in {f.kind for f in result.findings}

    def test_a_bug_on_under_the_lock(self) -> None:
        """save_and_disable_netoops() asserts with netoops_lock held."""
        system = load("netoops-v1+stream").boot(Sim())
        assert isinstance(system, NetoopsSystem)
        system.sim.recording = True

        async def broken() -> None:
            async with system.driver.netoops_lock.irqsave():
                await bug_on(system.machine, True, "saved_np->dev != NULL", ())

        task = Driven(system.machine, broken())
        while task.thread.pending is not None:
            task.step()
        (report,) = system.sim.reports
        assert (report.kind, report.objects) == ("recursive-lock", ("netoops_lock",))

        # It spins with die_lock and console_sem: no other CPU oopses to an end, or is printed.
        other = Driven(system.machine, die(system.machine)).until_blocked()
        assert other.waits_for().startswith("die_lock")
        log, unprinted = system.machine.log, system.machine.log.consoles.con_start
        Driven(system.machine, kmsg_write(system.machine, "<0>text\n")).finish()
        assert log.consoles.con_start == unprinted < log.log_end

    def test_a_message_elsewhere_may_cost_a_dump(self) -> None:
        """Who streams holds netoops_lock, so that the callback gives up."""
        storm = rf'{{ {READY} }} oops || kmsg "<3>one\n"'
        without = compared("netoops-v1+every+mark-crit", storm)
        cell = compared(STREAM, storm)

        assert between(without, "dumps begun") == (1, 1)
        assert between(cell, "dumps begun") == (0, 1)
        assert between(cell, "crashes nobody hears of") == (0, 0)  # its text was streamed

    def test_an_oops_in_who_prints_is_left_to_the_dead(self) -> None:
        """console_sem is his for ever; zap_locks() is for who is inside logbuf_lock."""
        storm = rf'{{ {READY}; dump-flag 1 }} kmsg "<3>one\n" || !oops'
        cell = compared(ONLY_STREAM, storm)
        assert between(cell, "bytes of log streamed")[0] == 0

        silent = compared(ONLY_STREAM, storm.replace("; dump-flag 1", ""))
        assert between(silent, "crashes nobody hears of") == (0, 1)


class TestLevel:
    """A level of the target in place of console_loglevel; dumps are whole."""

    STORM = r'kmsg "<2>crit\n"; kmsg "<3>err\n"; kmsg "<7>debug\n"'

    @pytest.mark.parametrize(
        ("level", "texts"),
        [
            ("0", []),
            ("2", []),
            ("3", [b"crit\n"]),
            ("7", [b"crit\n", b"err\n"]),
            ("8", [b"crit\n", b"err\n", b"debug\n"]),  # "more verbosity"
        ],
    )
    def test_messages_below_it(self, level: str, texts: list[bytes]) -> None:
        assert streamed(LEVELS, f"console-level {level}; {self.STORM}") == texts

    def test_at_first_it_is_that_of_consoles(self) -> None:
        assert streamed(LEVELS, self.STORM) == streamed(STREAM, self.STORM)

    def test_an_oops_does_not_change_it(self) -> None:
        """BUG is KERN_ALERT, the end marker KERN_WARNING, and console_verbose() is for others."""
        texts = streamed(LEVELS, r'console-level 3; oops; kmsg "<7>debug\n"')
        assert [text[:4] for text in texts] == [b"BUG:"]

    def test_a_dump_is_the_whole_log(self) -> None:
        cell = compared(LEVELS, f"{{ {READY} }} console-level 0; {self.STORM}; oops")
        assert between(cell, "dumps delivered whole") == (1, 1)
        assert between(cell, "bytes of log streamed") == (0, 0)

    def test_without_a_stream_it_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"\+stream before it, such as netoops-v1\+stream"):
            load("netoops-v1+console-level")


STRINGS = (
    "BUG", "panic", "MCE", "NMI", "error:", "Oops", "Bad", "Fatal", "Unrecoverable", "Unhandled",
    "Weird",
)  # fmt: skip


class TestMarks:
    """The strings of Randy Dunlap's mail, as KERN_CRIT."""

    @pytest.mark.parametrize("begin", STRINGS)
    def test_a_critical_message_passes_a_strict_level(self, begin: str) -> None:
        storm = rf'console-level 3; kmsg "<6>{begin} x\n"; kmsg "<6>not {begin}\n"'
        assert streamed(f"{LEVELS}+mark-crit", storm) == [f"{begin} x\n".encode()]
        assert streamed(LEVELS, storm) == []

    def test_what_is_higher_stays_so(self) -> None:
        storm = r'console-level 1; kmsg "<0>BUG x\n"; kmsg "<1>BUG y\n"'
        assert streamed(f"{LEVELS}+mark-crit", storm) == [b"BUG x\n"]
