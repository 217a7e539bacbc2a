"""
Findings as the simulated machine meets them: a record of what is wrong, and how threads stop.

`Report` is data.  `Stop` is control flow inside simulated code only: it ends the thread that
made a fatal finding, with its locks held, and never leaves the machine.
"""

import attrs


@attrs.frozen
class Site:
    """One place of the simulated kernel that takes part in a finding."""

    #: What the place is to the finding: "acquires", "holds since", "reads", "writes", "frees" ...
    role: str
    #: Name of the thread.
    thread: str
    #: Step of the execution, 1-based; 0 where no step belongs to it.
    step: int
    #: Simulated kernel function, innermost.
    function: str
    #: Where the kernel has it, as the docstring of the function cites it.
    source: str


@attrs.frozen
class Report:
    """One rule broken in one execution."""

    #: Stable name of the rule, e.g. "recursive-lock".
    kind: str
    message: str
    #: Labels of the objects concerned.
    objects: tuple[str, ...]
    sites: tuple[Site, ...]
    #: Name of the thread that broke it.
    thread: str
    #: The operation under way in that thread, canonical text ("" outside operations).
    operation: str
    #: Step of the execution at which it was noticed, 1-based.
    step: int
    #: True if the thread stopped there.
    fatal: bool


class Stop(BaseException):
    """The running thread ends here, its locks held.  Raised after the report was filed."""


class Halt(BaseException):
    """The whole machine ends here: panic or kexec."""
