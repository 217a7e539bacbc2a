"""A UDP socket of IPv4 that receives: the one place that has a network and a clock."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from netsim.caught import Datagram
from netsim.errors import UsageError

#: Room for a burst while Python is busy; the system gives what it allows (net.core.rmem_max).
_BUFFER = 8 << 20
#: How long a wait is, so that time limits and interrupts are seen.
_WAIT = 0.1


def parse_address(text: str, port: int) -> tuple[str, int]:
    """
    Return the address and port that `text` names, "ADDRESS", "ADDRESS:PORT" or ":PORT".

    `port` is used if there is none; 0 lets the system choose.  Raises UsageError.
    """
    expected = f"--bind: expected ADDRESS:PORT, such as 127.0.0.1:{port}"
    address, colon, number = text.partition(":")
    try:
        shown = str(ipaddress.IPv4Address(address or "127.0.0.1"))
    except ValueError:
        raise UsageError(f"{expected}, with an IPv4 address; found {text!r}") from None
    if colon:
        if not (number.isascii() and number.isdigit() and len(number) <= 5 and int(number) < 65536):
            raise UsageError(f"{expected}, with a port from 0 to 65535; found {text!r}")
        port = int(number)
    return shown, port


class Receiver:
    """A bound socket; use it with `with`.  Raises UsageError if it cannot be bound."""

    def __init__(self, address: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with suppress(OSError):  # some systems refuse what they do not allow, instead of less
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        try:
            self._socket.bind((address, port))
        except OSError as error:
            self._socket.close()
            raise UsageError(
                f"--bind: cannot receive at {address}:{port}: {error.strerror or error}"
            ) from error
        host, number = self._socket.getsockname()
        #: Where it listens, "address:port".
        self.address = f"{host}:{number}"
        self._socket.settimeout(_WAIT)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def datagrams(self, seconds: float | None) -> Iterator[Datagram | None]:
        """Yield each datagram, and None now and then while there is none, for so many seconds."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            try:
                payload, (host, port) = self._socket.recvfrom(65_535)
            except TimeoutError:
                yield None
                continue
            yield Datagram(f"{host}:{port}", payload, time.time(), self.address)
