"""
lib/string.c of 2.6.36, on buffers: a pointer is an offset.

Each reads exactly the bytes that the kernel's function reads, so that a buffer notices those that
were never written.
"""

from __future__ import annotations

from netsim.core.buffer import Buffer
from netsim_models.lib.ctype import isspace


def strlen(s: Buffer, at: int = 0) -> int:
    """lib/string.c:strlen().  Context: any."""
    end = at
    while s[end]:
        end += 1
    return end - at


def strpbrk(cs: Buffer, at: int, ct: bytes) -> int | None:
    """lib/string.c:strpbrk(): where one of `ct` stands first.  Context: any."""
    while c := cs[at]:
        if c in ct:
            return at
        at += 1
    return None


def strsep(s: Buffer, at: int, ct: bytes) -> int | None:
    """
    lib/string.c:strsep(): ends the token that begins at `at`.

    Returns where the next one begins, or None (NULL) if this was the last.  Context: any.
    """
    end = strpbrk(s, at, ct)
    if end is None:
        return None
    s[end] = 0
    return end + 1


def strncmp(cs: Buffer, at: int, ct: bytes, count: int) -> int:
    """lib/string.c:strncmp(): of what stands at `at` and a text.  Context: any."""
    for index in range(count):
        c1, c2 = cs[at + index], ct[index] if index < len(ct) else 0
        if c1 != c2:
            return -1 if c1 < c2 else 1
        if not c1:
            break
    return 0


def strcmp(cs: Buffer, ct: bytes) -> int:
    """lib/string.c:strcmp(): of a buffer and a text.  Context: any."""
    return strncmp(cs, 0, ct, len(ct) + 1)


def skip_spaces(s: Buffer, at: int) -> int:
    """lib/string.c:skip_spaces(): where the first character stands that is none.  Context: any."""
    while isspace(s[at]):
        at += 1
    return at


def strncpy(src: bytes, count: int) -> bytes:
    """lib/string.c:strncpy(): what `count` bytes then hold: cut off, or filled with NULs."""
    return src.partition(b"\0")[0][:count].ljust(count, b"\0")
