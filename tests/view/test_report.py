"""The report of a check: the verdict with its bounds, and findings as kernel people know them."""

import shlex
from collections.abc import Callable

import attrs
import pytest

from netsim.results import Bounds, Options, Site, Verdict
from netsim.view.report import check_report, finding_report, verdict_line
from tests.view.values import (
    DEADLOCK,
    RECURSION,
    SCHEDULE,
    UNSERIALISABLE,
    event,
    finding,
    replayed,
    result,
)


class TestVerdict:
    """The first paragraph says what is known, and under which bound."""

    def test_holds(self) -> None:
        text = verdict_line(result())

        assert text.startswith("HOLDS  toy: a || b\n")
        assert " ".join(text.split()).endswith(
            "no execution of this model violates a check: one of every class was run (12 "
            "executions), with no failures, sequentially consistent memory and no timer firing by "
            "itself."
        )

    def test_holds_with_faults_says_how_many(self) -> None:
        text = verdict_line(result(options=Options(faults=1)))

        assert "with up to 1 failure, sequentially" in " ".join(text.split())

    def test_what_was_left_to_the_environment_is_said(self) -> None:
        text = verdict_line(result(options=Options(choose=("stack",))))

        assert "no failures, stack left to the environment, sequentially" in " ".join(text.split())

    @pytest.mark.parametrize(
        ("cut_by", "bounds", "words"),
        [
            ("executions", Bounds(executions=1), "stopped by --max-executions 1 after"),
            ("steps", Bounds(steps=70), "stopped by --max-steps 70 after"),
            ("seconds", Bounds(seconds=1.5), "stopped by --timeout 1.5 after"),
            ("preemptions", Bounds(preemptions=2), "a bound of 2 preemptions"),
            ("interrupt", Bounds(), "stopped by an interrupt after"),
        ],
    )
    def test_a_bound_that_cut_is_named(self, cut_by: str, bounds: Bounds, words: str) -> None:
        cut = result(
            verdict=Verdict.UNKNOWN, complete=False, cut_by=cut_by, bounds=bounds, executions=1
        )
        text = verdict_line(cut)

        assert text.startswith("UNKNOWN  ")
        assert words in text
        assert "1 execution;" in text
        assert "nothing found so far" in text
        assert "no execution" not in text

    def test_what_is_left_is_an_estimate(self) -> None:
        cut = result(
            verdict=Verdict.UNKNOWN,
            complete=False,
            cut_by="interrupt",
            executions=40,
            estimate=(123, 4567),
        )
        text = " ".join(verdict_line(cut).split())

        assert "the rest is not known (estimated: 130 to 4600 executions in all)." in text

    def test_what_merges_states_speaks_of_states(self) -> None:
        text = verdict_line(result(covered="every state that can be reached"))

        assert "no state of this model violates a check" in text

    def test_a_complete_search_that_decides_nothing_does_not_claim_that_all_holds(self) -> None:
        text = " ".join(verdict_line(result(verdict=Verdict.UNKNOWN)).split())

        assert "not all that was predicted is decided" in text
        assert "no execution" not in text

    def test_first_is_named_too(self) -> None:
        first = result(verdict=Verdict.VIOLATED, complete=False, findings=(finding(),))

        assert "stopped by --first" in verdict_line(first)
        assert "nothing found" not in verdict_line(first)

    def test_a_start_that_is_not_reached(self) -> None:
        lost = result(verdict=Verdict.UNKNOWN, start="unreachable", complete=False)

        assert "the start is not reached" in verdict_line(lost)

    def test_colour_is_only_there_when_asked_for_and_changes_nothing_else(self) -> None:
        plain, coloured = verdict_line(result()), verdict_line(result(), colour=True)

        assert "\x1b" not in plain
        assert coloured.replace("\x1b[32m", "").replace("\x1b[0m", "") == plain


class TestFinding:
    """Each kind has the form that its readers expect."""

    def test_golden(self, golden: Callable[[str, str], None]) -> None:
        findings = (RECURSION, DEADLOCK, UNSERIALISABLE, finding())
        whole = result(verdict=Verdict.VIOLATED, findings=findings, notes=("something to know",))
        replay = replayed(event(1), event(2, "2"), event(3, findings=("use-after-free",)))

        golden("report.txt", check_report(whole, replays={findings[3].id: replay}) + "\n")

    def test_recursion_reads_in_the_order_of_lockdep(self) -> None:
        text = finding_report(RECURSION, 1, None)
        words = [
            "netsim: [ INFO: possible recursive locking detected ]",
            "flow 1 is trying to acquire lock:",
            "but task is already holding lock:",
            "other info that might help us debug this:",
            "lock(big_lock);",
            "*** DEADLOCK ***",
        ]

        assert [text.index(w) for w in words] == sorted(text.index(w) for w in words)
        # The usage bits of a class are not known, so nothing looks like them.
        assert "{" not in text.partition("netsim replay")[0]

    def test_deadlock_has_a_column_for_each_cpu_that_takes_part(self) -> None:
        lines = finding_report(DEADLOCK, 1, None).splitlines()
        head = next(line for line in lines if "CPU0" in line)
        locks = [line for line in lines if "lock(" in line]

        assert [line.strip() for line in locks] == ["lock(A);", "lock(B);", "lock(B);", "lock(A);"]
        right = head.index("CPU1")
        assert [line.index("lock(") == right for line in locks] == [False, True, False, True]
        assert "consequence: flow 3" in "\n".join(lines)

    @pytest.mark.parametrize("kind", ["recursive-lock", "deadlock", "leak", "no-such-kind"])
    def test_a_finding_without_sites_is_told_in_words(self, kind: str) -> None:
        assert "words" in finding_report(finding(kind=kind, sites=(), message="words"), 1, None)

    def test_a_prediction_says_what_became_of_it(self) -> None:
        text = finding_report(finding(kind="lock-order", status="undecided"), 1, None)

        assert "undecided: predicted" in text

    def test_only_what_may_still_happen_is_drawn_as_a_deadlock(self) -> None:
        sites = (
            Site("holds A since", "1", 0, "first", ""),
            Site("waits in flush_work(W)", "1", 0, "first", ""),
            Site("ends flush_work(W) by work_done", "W", 0, "", ""),
            Site("acquires A", "W", 0, "second", ""),
        )
        undecided = finding(kind="lock-order", status="undecided", sites=sites, schedule="")
        text = finding_report(undecided, 1, None)
        rows = [line.strip() for line in text.splitlines() if line.endswith(";")]
        refuted = finding_report(attrs.evolve(undecided, status="unreachable"), 1, None)

        assert "possible circular locking dependency detected" in text
        assert rows == ["lock(A);", "flush_work(W);", "lock(A);"]
        assert "DEADLOCK" not in refuted
        assert "flow 1 waits in flush_work(W) in first" in refuted
        assert "netsim replay" not in text + refuted

    def test_a_deadlock_names_the_order_that_it_confirms(self) -> None:
        text = finding_report(attrs.evolve(DEADLOCK, confirms=("A -> B -> A",)), 1, None)

        assert "confirms the lock order A -> B -> A" in text

        text = finding_report(attrs.evolve(DEADLOCK, confirms=("A",)), 1, None)

        assert "confirms the irq-lock-order of A" in text

    @pytest.mark.parametrize("scenario", ["a || !b", "{ i } !b || a", "!b || a"])
    def test_a_strike_has_no_cpu_of_its_own(self, scenario: str) -> None:
        schedule = f"netsim-schedule 1 toy 1*2,2*2 #00000000 -- {scenario}"
        text = finding_report(attrs.evolve(DEADLOCK, schedule=schedule), 1, None)

        assert "CPU" not in text
        assert text.count("lock(A);") == 2

    def test_what_was_refuted_is_counted_in_the_verdict_and_is_nothing_found(self) -> None:
        refuted = finding(kind="lock-order", status="unreachable")
        held = verdict_line(result(findings=(refuted,)))
        cut = verdict_line(
            result(
                verdict=Verdict.UNKNOWN,
                complete=False,
                findings=(attrs.evolve(refuted, status="undecided"),),
            )
        )

        assert "1 predicted deadlock refuted" in " ".join(held.split())
        assert "nothing found so far" in cut
        assert "refuted" not in cut

    def test_the_command_survives_a_shell_whatever_the_scenario_holds(self) -> None:
        hostile = SCHEDULE.replace("a ||", 'a "it\'s $HOME" ||')
        command = finding_report(finding(schedule=hostile), 1, None).splitlines()[-1]

        assert shlex.split(command) == ["netsim", "replay", hostile]

    def test_nothing_reaches_the_terminal_as_a_control_character(self) -> None:
        text = finding_report(
            finding(message="red \x1b[31m"), 1, replayed(event(1, call="\x1b[2J"))
        )

        assert "\x1b" not in text

    def test_only_the_command_to_copy_is_wider_than_a_hundred_columns(self) -> None:
        long = " ".join(["word"] * 60)
        flows = [str(n) for n in range(1, 9)]
        deadlock = finding(
            kind="deadlock",
            sites=tuple(
                Site(role, flow, 1, "take", "")
                for flow in flows
                for role in (f"acquires neigh(10.0.0.{flow})/0.1.lock", "holds rtnl_mutex since")
            ),
        )
        text = check_report(
            result(scenario=long, findings=(finding(message=long), deadlock), notes=(long,))
        )

        wide = [line for line in text.splitlines() if len(line) > 100]
        assert all(line.lstrip().startswith("netsim replay") for line in wide)
