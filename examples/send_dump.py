"""
A soft dump of the simulated netoops v1, sent over real UDP through a network that loses packets.

    netsim catch netoops-v1 --dumps 1 &
    python examples/send_dump.py 127.0.0.1:2004 --loss 0.3 --seed 1

What is sent are the payloads that the driver handed to netpoll_send_udp(), three rounds of them,
in its order; which of them get lost is drawn from the seed.
"""

from __future__ import annotations

import argparse
import random
import socket
from collections.abc import Iterator

from netsim.notation import parse
from netsim.results import Options
from netsim.run.program import ScenarioProgram, settle
from netsim.run.registry import load


def text(size: int) -> bytes:
    """Make a log in which every line is another one."""
    return b"".join(b"[%12d] netsim: a line of the log\n" % n for n in range(size // 40 + 1))[:size]


def driven(log: bytes) -> tuple[bytes, list[bytes]]:
    """Let the driver dump what is in its log once `log` is; return that, and its payloads."""
    design = load("netoops-v1")
    scenario = parse("{ set 10.0.0.1; neigh-reply 10.0.0.1 } soft-dump", design.operations)
    program = ScenarioProgram(design, scenario, Options())
    sim = program.start()
    machine = program.run.system.machine  # type: ignore[attr-defined]
    machine.log.emit(log)
    whole = machine.log.peek(0, machine.log.log_end)
    settle(sim)
    return whole, [sent.packet.payload for sent in machine.wire.sent]


def through(payloads: list[bytes], loss: float, seed: int) -> Iterator[bytes]:
    """Leave each payload out with this probability."""
    source = random.Random(seed)
    return (payload for payload in payloads if source.random() >= loss)


def send(payloads: Iterator[bytes], host: str, port: int) -> int:
    """Send from one socket; return how many there were."""
    count = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for payload in payloads:
            out.sendto(payload, (host, port))
            count += 1
    return count


def main() -> None:
    """Send one dump."""
    parser = argparse.ArgumentParser(description="Send a dump of the simulated driver over UDP.")
    parser.add_argument("address", help="HOST:PORT")
    parser.add_argument("--log", type=int, default=5000, help="bytes after the boot messages")
    parser.add_argument("--loss", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    host, _, port = options.address.rpartition(":")
    _, payloads = driven(text(options.log))
    count = send(through(payloads, options.loss, options.seed), host, int(port))
    print(f"{count} of {len(payloads)} packets were sent")


if __name__ == "__main__":
    main()
