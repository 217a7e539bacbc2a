"""net_dump_now: proc_netoops_now() of patch 09."""

import pytest

from netsim.results import Options, Verdict
from netsim.run import check
from tests.models.netoops_v1.writes import besides_promises, call, only, perform

ARMED = "set 10.0.0.1"


def sent(dumps: str) -> str:
    """Return the reason of the only dump, or "none"."""
    assert ";" not in dumps
    return dumps.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    ("token", "result", "dump"),
    [
        # magic[min(*lenp, sizeof(magic))-1] = 0: the last byte is lost, whatever it is.
        (b"pmuD\n", "5", "SOFT"),
        (b"pmuD\0", "5", "SOFT"),
        (b"pmuDx", "5", "SOFT"),
        (b"pmuD", "4", "none"),
        (b"elgooG", "6", "none"),
        (b"guB", "3", "none"),
        (b"cinaP", "5", "none"),
        # A NULL pointer is written through; BUG(): the task dies, and returns nothing.
        (b"elgooG\n", "done", "OOPS"),
        (b"guB\n", "done", "OOPS"),
        # strcmp() stops at the first NUL; 20 bytes are copied.
        (b"pmuD\0and what follows it", "24", "SOFT"),
        (b"elgooG" + b"\0" * 30, "done", "OOPS"),
        (b"pmuD\n\n", "6", "none"),
        (b" pmuD\n", "6", "none"),
        (b"PMUD\n", "5", "none"),
        (b"y" * 20, "20", "none"),
        (b"y" * 21, "21", "none"),
        (b"\n", "1", "none"),
    ],
)
def test_token(token: bytes, result: str, dump: str) -> None:
    done = perform(call("crash", token), ARMED)

    assert done.result == result
    assert sent(done.then["dumps"]) == dump
    assert done.found == ()  # a crash that is asked for is no finding


def test_panic() -> None:
    result = check("netoops-v1", f'{{ {ARMED} }} crash "cinaP\\n"; read')

    assert result.verdict is Verdict.HOLDS
    observed = only(result)
    assert observed["machine"] == "stopped"
    assert sent(observed["dumps"]) == "PANIC"


def test_nothing_can_start_behind_a_panic() -> None:
    result = check("netoops-v1", '{ crash "cinaP\\n" } read')

    assert (result.start, result.verdict) == ("unreachable", Verdict.UNKNOWN)


def test_no_bytes_write_before_the_array() -> None:
    """*lenp is 0: magic[-1] = 0, and strcmp() reads what nothing was copied to."""
    done = perform('crash ""', ARMED)

    assert (done.result, sent(done.then["dumps"])) == ("0", "none")
    assert done.found == (("out-of-bounds", "magic"), ("uninitialised", "magic"))


def test_no_value_of_the_stack_makes_a_token_of_nothing() -> None:
    result = check("netoops-v1", f'{{ {ARMED} }} crash ""', options=Options(choose=("stack",)))

    assert result.executions == 2
    assert only(result)['flow 1: crash ""'] == "0"


@pytest.mark.parametrize("size", ["", " 1", " 4096"])
def test_read(size: str) -> None:
    """*lenp = 0."""
    assert perform(f"read-crash{size}", ARMED).result == repr("")


def test_who_dies_in_the_file_never_lets_it_go() -> None:
    """sysctl_head_finish() is not reached: unregister_sysctl_table() waits for ever."""
    result = check("netoops-v1", 'crash "elgooG\\n"; rmmod')

    (finding,) = result.findings
    assert finding.kind == "hung"
    assert "rmmod) waits for the users of net_dump_device" in finding.message
    # A task that dies elsewhere holds nothing of it, nor one that only dumps.
    for other in ("oops", 'crash "pmuD\\n"', "crash elgooG"):
        assert besides_promises(check("netoops-v1", f"{other}; rmmod")) == []


def test_it_is_spent_like_any_crash() -> None:
    """Patch 08: a soft dump does not disable, an oops does."""
    for first, dumps in (('crash "pmuD\\n"', ["SOFT", "OOPS"]), ('crash "guB\\n"', ["OOPS"])):
        result = check("netoops-v1", f"{{ {ARMED} }} {first}; oops")
        told = only(result)["dumps"].split("; ")
        assert [line.split()[0] for line in told] == dumps
