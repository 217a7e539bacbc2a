"""What the author wanted otherwise: the TODOs of patch 05, and packets spaced out."""

import pytest

from netsim.core.sim import Sim
from netsim.results import Result
from netsim.run import check, load
from netsim_models.netoops_v1.system import NetoopsSystem
from netsim_models.netoops_v1.variants import user_blob
from tests.models.drive import run
from tests.models.netoops_v1.machine import packets, system
from tests.models.policies.storms import dumps


def shown(result: Result) -> set[tuple[str, ...]]:
    """Return kind and objects of each finding."""
    return {(f.kind, *f.objects) for f in result.findings}


class TestMacCopy:
    """Patch 05: "it may not make sense to actually pin the neighbor"."""

    @pytest.mark.parametrize(
        ("scenario", "finding"),
        [
            (
                "{ set 10.0.0.1 } set 10.0.0.1 || unregister eth0",
                ("leak", "neigh(10.0.0.1)/0.1", "reference"),
            ),
            (
                "{ set 10.0.0.1 } neigh-reply 10.0.0.1 || soft-dump",
                ("data-race", "neigh(10.0.0.1)/0.1.ha"),
            ),
        ],
    )
    def test_what_a_pinned_neighbour_costs(self, scenario: str, finding: tuple[str, ...]) -> None:
        assert finding in shown(check("netoops-v1", scenario))
        assert finding not in shown(check("netoops-v1+mac-copy", scenario))

    def test_a_target_that_answered_is_reached(self) -> None:
        storm = "set 10.0.0.1; neigh-reply 10.0.0.1; set 10.0.0.1; soft-dump"
        (outcome,) = check("netoops-v1+mac-copy", storm).outcomes
        assert "at 02:00:0a:00:00:01" in dict(outcome.observed)["dumps"]

    def test_a_later_answer_is_not_seen(self) -> None:
        (outcome,) = check(
            "netoops-v1+mac-copy", "set 10.0.0.1; neigh-reply 10.0.0.1; soft-dump"
        ).outcomes
        assert "at 00:00:00:00:00:00" in dict(outcome.observed)["dumps"]


class TestPorts:
    """Patch 05: "UDP port numbers shouldn't be hardcoded like this"."""

    @pytest.mark.parametrize(
        ("storm", "where"),
        [
            ("set 10.0.0.1; soft-dump", "to 10.0.0.1 at"),
            ("ports 2004 6666; set 10.0.0.1; soft-dump", "to 10.0.0.1:6666 at"),
            ("set 10.0.0.1; ports 2004 6666; soft-dump", "to 10.0.0.1 at"),
        ],
    )
    def test_the_next_target_has_them(self, storm: str, where: str) -> None:
        (outcome,) = check("netoops-v1+ports", storm).outcomes
        assert where in dict(outcome.observed)["dumps"]

    def test_setting_them_is_no_race(self) -> None:
        result = check("netoops-v1+ports", "ports 2004 6666 || set 10.0.0.1")
        assert not [f for f in result.findings if f.kind == "data-race"]


class TestBlob:
    """Patch 07: "as long as it is delivered in each packet"."""

    @pytest.mark.parametrize(
        "blob", [b"", b"rack 7", b"a\0b" * 40, bytes(range(1, 129)), b"\xff" * 128]
    )
    def test_each_packet_has_it(self, blob: bytes) -> None:
        made = load("netoops-v1+blob").boot(Sim())
        assert isinstance(made, NetoopsSystem)
        made.sim.recording = True
        assert run(made.machine, user_blob(made, blob.decode("utf-8", "surrogateescape"))) == len(
            blob
        )
        sent = packets(system("set 10.0.0.1; log 3000; soft-dump", made))

        assert len(sent) == 3 * 4  # 296 and 3000 bytes of log, three rounds
        assert {one[89:217] for one in sent} == {blob.ljust(128, b"\0")}
        assert {one[18:22] for one in sent} == {bytes(4)}

    def test_one_that_is_too_large_is_refused_whole(self) -> None:
        (outcome,) = check("netoops-v1+blob", f"user-blob {'x' * 129}").outcomes
        assert dict(outcome.observed)[f"flow 1: user-blob {'x' * 129}"] == "-EFBIG"

    def test_a_dump_has_the_old_one_or_the_new_one(self) -> None:
        """Unlike the fields of patch 07, which a dump reads while they are written."""
        storm = "{ set 10.0.0.1 } %s || soft-dump"
        own = {f.kind for f in check("netoops-v1+blob", storm % "user-blob new").findings}
        assert "data-race" not in own
        assert "not-serialisable" not in own


class TestSpacing:
    """Mike Waychison, 2010-11-03 03:38: "to explicitly space out packets with delays"."""

    def test_the_same_is_sent(self) -> None:
        assert dumps("netoops-v1+every+spacing", "oops; oops; panic") == ["OOPS", "OOPS", "PANIC"]

    def test_time_passes_for_a_rate_limit_as_well(self) -> None:
        """Three packets of 10 ms each end more than 29 ms after the oops, not more than 30."""
        design = "netoops-v1+every+spacing+rate-limit"
        assert dumps(design, "oops; oops") == ["OOPS"]
        assert dumps(design, "oops; wait 60; oops") == ["OOPS", "OOPS"]
