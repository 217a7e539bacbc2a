"""Strategy, checkers and bounds together: check, matrix and replay."""

from netsim.run.check import check
from netsim.run.matrix import matrix
from netsim.run.registry import available, load
from netsim.run.replay import replay
from netsim.run.walk import Progress

__all__ = ["Progress", "available", "check", "load", "matrix", "replay"]
