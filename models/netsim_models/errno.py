"""Error numbers of the kernel, as negative results of operations show them."""

from typing import Final

EPERM: Final = 1
ENOENT: Final = 2
ESRCH: Final = 3
EIO: Final = 5
ENOMEM: Final = 12
EBUSY: Final = 16
EEXIST: Final = 17
ENODEV: Final = 19
EINVAL: Final = 22
EFBIG: Final = 27
ENOSYS: Final = 38
EDESTADDRREQ: Final = 89
ENETDOWN: Final = 100
ENETUNREACH: Final = 101
ENOBUFS: Final = 105
EHOSTUNREACH: Final = 113
ENOTSUPP: Final = 524

NAMES: Final = {
    number: name for name, number in sorted(globals().items()) if name.isupper() and name[0] == "E"
}


def name(result: int) -> str:
    """Return the name of a negative result, e.g. "-ENODEV", or the number itself."""
    return f"-{NAMES[-result]}" if -result in NAMES else str(result)
