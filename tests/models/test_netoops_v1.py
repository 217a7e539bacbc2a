"""netoops v1 on its kernels: what the patch set shows, and where the designs differ."""

import pytest

from netsim.core.thread import Life
from netsim.notation import Call
from netsim.results import Options, Result, Verdict
from netsim.run import check
from netsim_models.kernel.oops import bug_on
from netsim_models.machine import Machine
from netsim_models.netoops_v1 import NETOOPS_V1
from tests.models.drive import Driven


def kinds(result: Result) -> set[str]:
    """Return the kinds of all findings."""
    return {finding.kind for finding in result.findings}


class TestRecursiveRtnl:
    """The deadlock that the thread suspects: netpoll_cleanup() takes rtnl in a notifier."""

    def test_unregister_of_the_armed_device(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1 } unregister eth0")

        assert result.verdict is Verdict.VIOLATED
        (finding,) = result.findings
        assert finding.kind == "recursive-lock"
        assert finding.objects == ("rtnl_mutex",)
        assert finding.flows == ("1",)
        acquires, holds = finding.sites
        assert "netpoll_cleanup < save_and_disable_netoops" in acquires.function
        assert "unregister" in holds.function

    @pytest.mark.parametrize(
        ("design", "scenario"),
        [
            ("netoops-v1", "unregister eth0"),
            ("netoops-v1", "{ set 10.0.0.1 } unregister eth1"),
            ("netoops-v1@2.6.35", "{ set 10.0.0.1 } unregister eth0"),
            ("netoops-v1+unlocked", "{ set 10.0.0.1 } unregister eth0"),
        ],
    )
    def test_silent_where_nothing_recurses(self, design: str, scenario: str) -> None:
        result = check(design, scenario)

        assert result.findings == ()
        assert result.verdict is Verdict.HOLDS

    def test_a_link_that_comes_back_recurses_in_the_worker(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1; carrier-off eth0 } carrier-on eth0")

        recursion = next(f for f in result.findings if f.kind == "recursive-lock")
        assert recursion.flows == ("linkwatch_event",)
        assert "restore_netoops" in "".join(s.function for s in recursion.sites) or (
            "netpoll_setup" in recursion.sites[0].function
        )


class TestLoopback:
    """An address of our own is reached through lo, whose driver has no ndo_poll_controller."""

    @pytest.mark.parametrize("design", ["netoops-v1", "netoops-v1@2.6.35"])
    def test_it_is_no_target(self, design: str) -> None:
        result = check(design, "set 10.0.0.100; read; soft-dump")

        (outcome,) = result.outcomes
        told = dict(outcome.observed)
        assert told["flow 1: read"] == r"',0x00000000,0x00000000\n'"  # __netpoll_setup(): -ENOTSUPP
        assert told["dumps"] == "none"

    @pytest.mark.parametrize("design", ["netoops-v1", "netoops-v1@2.6.35"])
    def test_the_neighbour_stays_referenced(self, design: str) -> None:
        findings = check(design, "set 10.0.0.100").findings

        # enable_netoops() returns without neigh_release() of the clone that it was given.
        (leak,) = (finding for finding in findings if finding.kind == "leak")
        assert leak.objects == ("neigh(0.0.0.0)/1.1", "reference")

    def test_the_target_before_it_is_gone(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1 } set 10.0.0.100; read")

        # ... and on that path it calls disable_netoops().
        (outcome,) = result.outcomes
        assert dict(outcome.observed)["flow 1: read"] == r"',0x00000000,0x00000000\n'"


class TestLostOff:
    """An off between the halves of save_and_disable_netoops() is undone."""

    SCENARIO = "{ set 10.0.0.1 } off || unregister eth0"

    @pytest.mark.parametrize("design", ["netoops-v1@2.6.35", "netoops-v1+unlocked"])
    def test_configuration_comes_back(self, design: str) -> None:
        result = check(design, self.SCENARIO)

        assert result.verdict is Verdict.VIOLATED
        lost = next(f for f in result.findings if f.kind == "not-serialisable")
        assert "off succeeded" in lost.message
        assert "the configuration is back" in lost.message
        assert lost.nearest is not None
        (difference,) = lost.nearest.differs
        assert difference.what == "then read"

    def test_no_off_is_lost_alone(self) -> None:
        result = check("netoops-v1@2.6.35", "{ set 10.0.0.1 } off")

        assert result.verdict is Verdict.HOLDS


class TestReaders:
    """Reading takes netoops_lock and changes nothing."""

    @pytest.mark.parametrize("scenario", ["read || read", "off || read"])
    def test_hold(self, scenario: str) -> None:
        result = check("netoops-v1", f"{{ set 10.0.0.1 }} {scenario}")

        assert result.verdict is Verdict.HOLDS
        assert result.complete
        assert result.executions > 1


class TestDump:
    """What the callback sends, and what makes it silent."""

    def dumps(self, scenario: str) -> set[str]:
        result = check("netoops-v1", scenario)
        return {dict(outcome.observed)["dumps"] for outcome in result.outcomes}

    def test_an_unanswered_neighbour_gets_no_mac(self) -> None:
        assert self.dumps("{ set 10.0.0.1 } oops") == {
            "OOPS dump to 10.0.0.1 at 00:00:00:00:00:00 through eth0: delivered to nobody"
        }

    def test_an_answered_neighbour_gets_its_own(self) -> None:
        (dump,) = self.dumps("{ set 10.0.0.1; neigh-reply 10.0.0.1 02:00:00:00:00:42 } oops")
        assert "at 02:00:00:00:00:42" in dump

    def test_one_shot_is_spent_by_an_oops_and_not_by_a_soft_dump(self) -> None:
        assert self.dumps("{ set 10.0.0.1; oops } oops") == {
            "OOPS dump to 10.0.0.1 at 00:00:00:00:00:00 through eth0: delivered to nobody"
        }
        (dumps,) = self.dumps("{ set 10.0.0.1; soft-dump } oops")
        assert "OOPS dump" in dumps

    def test_one_shot_off_dumps_again(self) -> None:
        (dumps,) = self.dumps("{ set 10.0.0.1; one-shot 0; oops } oops")
        assert dumps.count("OOPS dump") == 2

    def test_off_is_silent(self) -> None:
        assert self.dumps("oops") == {"none"}

    def test_a_reader_on_another_cpu_costs_the_dump(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1 } read || oops")

        lost = next(f for f in result.findings if f.kind == "not-serialisable")
        assert lost.nearest is not None
        assert any(d.what == "dumps" and d.found == "none" for d in lost.nearest.differs)

    def test_panic_stops_the_machine(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1 } panic")

        (outcome,) = result.outcomes
        assert dict(outcome.observed)["machine"] == "stopped"
        assert dict(outcome.observed)["dumps"].startswith("PANIC dump to 10.0.0.1")


class TestModule:
    """Loading and unloading."""

    def test_files_are_gone_without_the_module(self) -> None:
        result = check("netoops-v1", "rmmod; read")

        (outcome,) = result.outcomes
        assert dict(outcome.observed)["flow 1: read"] == "-ENOENT"

    @pytest.mark.parametrize(
        "scenario",
        ["rmmod || rmmod", "rmmod || insmod", "{ set 10.0.0.1 } rmmod || read"],
    )
    def test_hold(self, scenario: str) -> None:
        result = check("netoops-v1", scenario)

        assert result.findings == ()
        assert result.verdict is Verdict.HOLDS

    def test_loading_twice_is_refused(self) -> None:
        (outcome,) = check("netoops-v1", "insmod").outcomes
        assert dict(outcome.observed)["flow 1: insmod"] == "-EEXIST"

    def test_a_load_that_fails_half_way_leaves_nothing(self) -> None:
        result = check("netoops-v1", "{ rmmod } insmod; read; oops", options=Options(faults=1))

        failed = [o for o in result.outcomes if ("flow 1: insmod", "-EBUSY") in o.observed]
        assert len(failed) == 1
        assert dict(failed[0].observed)["flow 1: read"] == "-ENOENT"
        assert result.verdict is Verdict.HOLDS


def test_arguments_for_surveys_of_one_flow_are_acceptable() -> None:
    operations = NETOOPS_V1.operations
    calls = [Call(o.name, list_) for o in operations.values() for list_ in o.alone]

    assert [NETOOPS_V1.validate(call).name for call in calls] == [call.name for call in calls]
    assert {"write-device", "write-one-shot", "crash", "boot-number"} <= {c.name for c in calls}


class TestBug:
    """BUG_ON: the task dies with its locks held, and the oops dumps."""

    def test_dies_after_its_dump(self, m: Machine) -> None:
        async def broken() -> None:
            async with m.rtnl.held():
                await bug_on(m, False, "never", ())
                await bug_on(m, True, "saved_np->dev != NULL", ("netpoll",))

        task = Driven(m, broken())
        while task.thread.pending is not None:
            task.step()

        (report,) = m.sim.reports
        m.sim.reports.clear()
        assert (report.kind, report.message) == ("bug-on", "BUG_ON(saved_np->dev != NULL)")
        assert report.fatal
        assert [lock.name for lock, _ in task.thread.held] == ["rtnl_mutex"]
        assert task.thread.life is Life.STOPPED
        assert b"BUG: unable to handle" in m.log.peek(0, 1 << 17)


class TestFaults:
    """Failures of the environment: the neighbour of a failed set is never released."""

    def test_a_failed_allocation_leaks_the_neighbour(self) -> None:
        result = check("netoops-v1", "set 10.0.0.1", options=Options(faults=1))

        assert "leak" in kinds(result)
        assert check("netoops-v1", "set 10.0.0.1").verdict is Verdict.HOLDS


class TestStart:
    """A start that does not come to rest is no verdict on what would follow."""

    def test_unreachable(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1; unregister eth0 } read")

        assert result.start == "unreachable"
        assert result.verdict is Verdict.UNKNOWN
        assert result.executions == 0
        assert [f.where for f in result.findings] == ["initial"]
        assert "waits for rtnl_mutex" in result.notes[0]
