"""`netsim catch` as a user runs it: over real UDP on loopback, from files, and with mistakes."""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from netsim.catch.pcap import Writer
from netsim.caught import Datagram
from netsim.errors import UsageError
from netsim.run.vet import vet
from netsim_models.netoops_v1 import NETOOPS_V1
from tests.test_cli import netsim

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "send_dump.py"
DESIGN = "netoops-v1"


@contextmanager
def receiving(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run `netsim catch` on a port that the system chooses; yield it, and where it listens."""
    command = [sys.executable, "-m", "netsim", "catch", DESIGN, "--bind", "127.0.0.1:0", *arguments]
    pipe = subprocess.PIPE
    # Whoever runs the tests in the background may ignore interrupts, which is inherited.
    usual = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command,
        stdout=pipe,
        stderr=pipe,
        text=True,
        env=dict(os.environ),
        preexec_fn=usual,  # noqa: PLW1509 - there are no threads here
    ) as running:
        assert running.stderr is not None
        line = running.stderr.readline()
        assert line.startswith("receiving at 127.0.0.1:"), line
        try:
            yield running, line.split()[-1]
        finally:
            running.kill()


def send(address: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), address, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_dump_of_the_simulated_driver_through_30_percent_loss(tmp_path: Path) -> None:
    capture, document = tmp_path / "a.pcap", tmp_path / "a.json"
    with receiving("--dumps", "1", "--seconds", "60", "--write", str(capture), "--json") as found:
        running, address = found
        assert send(address, "--loss", "0.3", "--seed", "1") == "12 of 18 packets were sent\n"
        out, err = running.communicate(timeout=60)

    assert (running.returncode, err) == (0, "")
    (dump,) = json.loads(out)["dumps"]
    assert (dump["packets"], dump["received"], dump["whole"]) == (6, 6, True)

    again = netsim("catch", DESIGN, "--read", str(capture), "-o", str(document))
    assert again.returncode == 0
    assert "[1] WHOLE" in again.stdout
    assert json.loads(document.read_text()) == json.loads(out)


def test_an_interrupt_ends_with_a_report() -> None:
    """Whether it comes before or after the packets; `test_udp` says that these are not lost."""
    with receiving() as (running, address):
        send(address, "--loss", "0.3", "--seed", "6")
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)

    assert running.returncode == 3
    assert "Traceback" not in err
    assert out.startswith("netoops-v1: ")


def test_a_file_with_a_hole(tmp_path: Path) -> None:
    example = runpy.run_path(str(EXAMPLE), run_name="send_dump")
    log, payloads = example["driven"](example["text"](3000))
    path = tmp_path / "a.pcap"
    with Writer(path) as writer:
        for payload in payloads[:2]:  # packets 0 and 1 of 4
            writer.write(Datagram("10.0.0.100:2004", payload, 0.0, "10.0.0.1:2004"))
    done = netsim("catch", DESIGN, "--read", str(path))

    assert done.returncode == 3
    assert "[1] INCOMPLETE  from 10.0.0.100:2004: 2 of 4 packets" in done.stdout
    assert "packets 2 to 3 did not come: about bytes 0 to 2047 of the log" in done.stdout
    assert log[2048:].decode().splitlines()[-1] in done.stdout


def test_a_design_that_cannot_be_caught_as_it_says() -> None:
    port: Any = 2004
    with pytest.raises(UsageError, match="catching is an int; expected Catching or None"):
        vet(attrs.evolve(NETOOPS_V1, catching=port))


def test_nothing_is_unknown_not_green() -> None:
    assert netsim("catch", DESIGN, "--bind", ":0", "--seconds", "0.01").returncode == 3


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("--bind: expected ADDRESS:PORT", [DESIGN, "--bind", "localhost:1"]),
        ("--seconds must be more than 0, and finite", [DESIGN, "--seconds", "nan"]),
        ("--dumps must be more than 0", [DESIGN, "--dumps", "0"]),
        ("--read takes no --bind", [DESIGN, "--read", "x", "--dumps", "1"]),
        ("cannot be read: No such file", [DESIGN, "--read", "no.pcap"]),
        ("expected a pcap file", [DESIGN, "--read", str(EXAMPLE)]),
        ("cannot be written", [DESIGN, "--bind", ":0", "--seconds", "9", "--write", "/no/a.pcap"]),
        ("there is no such folder", [DESIGN, "-o", "/no/a.json"]),
        ("did you mean 'netoops-v1'", ["netoops-v2"]),
        ("does not say how what it sends is caught", [str(ROOT / "examples" / "my_driver.py")]),
    ],
)
def test_mistakes(words: str, arguments: list[str]) -> None:
    done = netsim("catch", *arguments)

    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
