"""Strategy, checkers and bounds together: check, matrix and replay."""

from netsim.run.check import Progress, check
from netsim.run.matrix import matrix
from netsim.run.registry import available, load
from netsim.run.replay import replay

__all__ = ["Progress", "available", "check", "load", "matrix", "replay"]
