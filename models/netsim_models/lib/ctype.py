"""include/linux/ctype.h and lib/ctype.c of 2.6.36: classes of characters, which are Latin-1."""


def isspace(c: int) -> bool:
    """Tell whether `c` is a blank; so is a no-break space (0xA0)."""
    return 9 <= c <= 13 or c in (0x20, 0xA0)


def isdigit(c: int) -> bool:
    """Tell whether `c` is a decimal digit."""
    return 0x30 <= c <= 0x39


def isxdigit(c: int) -> bool:
    """Tell whether `c` is a hexadecimal digit."""
    return isdigit(c) or 0x41 <= c <= 0x46 or 0x61 <= c <= 0x66
