"""Labels of objects: what tells instances of one class apart, and the class without it."""

import re

#: The part of a label that tells instances of one kind apart.
_INSTANCE = re.compile(r"/[A-Za-z0-9_.]+?\.\d+|#\d+|\(\d+\.\d+\.\d+\.\d+\)")


def class_of(label: str) -> str:
    """Return the label without its instance: `arp/eth0.1.lock` and `arp/eth1.1.lock` are one."""
    return _INSTANCE.sub("", label)
