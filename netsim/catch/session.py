"""One run of a catcher, over a capture file or a socket, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import attrs

from netsim.catch.pcap import Capture, Writer
from netsim.catch.udp import Receiver
from netsim.caught import Catch, Catching


def catch_file(catching: Catching, path: Path) -> Catch:
    """
    Catch what a capture file holds.

    Raises FileError if it cannot be read, or is no capture.
    """
    catcher = catching.make()
    capture = Capture(path)
    for datagram in capture.datagrams():
        catcher.feed(datagram)
    skipped = (f"{count} records skipped: {why}" for why, count in sorted(capture.skipped.items()))
    caught = catcher.caught()
    return attrs.evolve(caught, notes=(*caught.notes, *capture.notes, *skipped))


def catch_udp(
    catching: Catching,
    receiver: Receiver,
    *,
    seconds: float | None = None,
    dumps: int | None = None,
    record: Path | None = None,
    progress: Callable[[int, int], None] = lambda _datagrams, _complete: None,
) -> Catch:
    """
    Catch what a socket receives, for so many seconds, or until so many dumps are complete.

    An interrupt ends it, too, and loses nothing.  `record` gets all that was received, as a
    capture; `progress` the number of datagrams, and of complete dumps.
    """
    catcher = catching.make()
    datagrams = 0
    with Writer(record) if record is not None else nullcontext() as writer:
        try:
            for datagram in receiver.datagrams(seconds):
                if datagram is not None:
                    datagrams += 1
                    if writer is not None:
                        writer.write(datagram)
                    catcher.feed(datagram)
                progress(datagrams, catcher.complete)
                if dumps is not None and catcher.complete >= dumps:
                    break
        except KeyboardInterrupt:
            pass
    return catcher.caught()
