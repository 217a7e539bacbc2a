"""
Serialisability: the outcomes of all sequential orders, and whether one explains an outcome.

In a sequential order control passes only when no operation or work item is under way, or the
one under way is blocked until another acts.  A queued work item is a block of its own, anywhere
after its cause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import attrs

from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import SimThread
from netsim.explorer.loop import execute
from netsim.notation import Flow, Scenario
from netsim.results import Difference, Nearest
from netsim.run.outcome import Observed, observe
from netsim.run.program import ScenarioProgram
from netsim.sync.interrupt import struck_by
from netsim.sync.timer import spent

#: Sequential orders beyond this number are not walked: the verdict is then UNKNOWN.
ORDERS_MAX = 20_000
#: An execution that takes more steps is taken for one that never ends.  Looking for the races of a
#: step takes the longer, the more there are before it: some seconds for so many.
STEPS_MAX = 10_000

Faults = tuple[tuple[str, int, int], ...]
"""What the environment chose in an execution, sorted; see `Sim.chosen`."""


@attrs.frozen
class Order:
    """One sequential order: its operations in order of their begin, and its outcome."""

    begins: tuple[str, ...]
    observed: Observed
    faults: Faults


class SequentialOrders:
    """
    A strategy that walks through all sequential orders, depth first.

    `branches` is the path: at each point where control may pass, how many ways there are and
    which one is taken.
    """

    def __init__(self) -> None:
        self.branches: list[list[int]] = []
        self.begins: list[str] = []
        self._depth = 0
        self._current: SimThread | None = None

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start the next order."""
        self._depth = 0
        self._current = None
        self.begins = []
        return ()

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        """Nothing is known without looking at what is enabled."""
        return None

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Go on with what is under way; branch where control may pass."""
        current = self._current
        if current is None or not _under_way(current) or current not in enabled:
            ways = _passable(enabled)
            current = ways[self._branch(len(ways))]
        self._current = current
        assert current.pending is not None
        options = current.pending.options(sim)
        value = 0
        if current.pending.name == "choose":
            value = self._branch(options)
        return current, value

    def stepped(self, sim: Sim, step: Step) -> None:
        """Note what has begun."""
        for op in (step.op, *(following.op for following in step.follows)):
            if op.name == "begin":
                self.begins.append(f"{step.thread}: {op.label()}")

    def more(self) -> bool:
        """Move to the next order; False if all have been walked."""
        del self.branches[self._depth :]
        while self.branches:
            self.branches[-1][1] += 1
            if self.branches[-1][1] < self.branches[-1][0]:
                return True
            self.branches.pop()
        return False

    def _branch(self, ways: int) -> int:
        if ways <= 1:
            return 0
        if self._depth == len(self.branches):
            self.branches.append([ways, 0])
        taken = self.branches[self._depth][1]
        self._depth += 1
        return taken


def _under_way(thread: SimThread | None) -> bool:
    return thread is not None and (bool(thread.operation) or thread.interrupts is not None)


def _passable(enabled: Sequence[SimThread]) -> Sequence[SimThread]:
    """Leave out strikes amid an operation, unless it waits and nothing else can go on."""
    ways = [thread for thread in enabled if not _under_way(struck_by(thread.pending))]
    return ways or enabled


def faults_of(sim: Sim) -> Faults:
    """Return what the environment chose, in an order that no schedule changes."""
    return tuple(sorted(sim.chosen))


@attrs.frozen
class Orders:
    """
    The sequential orders of a scenario; `complete` is False if a bound cut the walk.

    `endless` tells that it did so because one order did not end.
    """

    orders: tuple[Order, ...]
    complete: bool
    steps: int
    endless: bool = False


def sequential_orders(
    program: ScenarioProgram,
    orders_max: int,
    steps_max: int,
    late: Callable[[], bool] | None = None,
) -> Orders:
    """
    Run every sequential order of the program's scenario, at most `orders_max` of them.

    Stops early once `late` says so, and at an order that takes more than `steps_max` steps.
    """
    strategy = SequentialOrders()
    #: Strikes inside steps need to know what the step touches.
    observers = () if program.striking else (_Unrecorded(),)
    seen: dict[Order, None] = {}
    steps = 0
    count = 0
    rested = True
    while True:
        execution = execute(program, strategy, observers, steps_max)
        count += 1
        steps += len(execution.schedule)
        if execution.complete and spent(execution.sim):
            rested = False
        elif execution.complete:
            seen.setdefault(
                Order(tuple(strategy.begins), observe(program), faults_of(execution.sim))
            )
        if execution.cut:
            return Orders(tuple(seen), False, steps, endless=True)
        if not strategy.more():
            return Orders(tuple(seen), rested, steps)
        if count >= orders_max or (late is not None and late()):
            return Orders(tuple(seen), False, steps)


class _Unrecorded:
    """An observer that has nothing recorded: of an order only the outcome counts."""

    def begin(self, sim: Sim, kept: int) -> None:
        """Stop to record, but where steps of several operations need to know what they touch."""
        sim.recording = sim.cpu is not None

    def stepped(self, sim: Sim, step: Step) -> None:
        """Nothing to learn."""


class SerialReference:
    """The sequential side of one scenario; orders without failed operations are made on demand."""

    def __init__(
        self,
        program: ScenarioProgram,
        orders_max: int,
        steps_max: int,
        late: Callable[[], bool] | None = None,
    ) -> None:
        self._program = program.with_flows_of(program.scenario)
        self._late = late
        self._orders_max = orders_max
        self._steps_max = steps_max
        self.all = sequential_orders(self._program, orders_max, steps_max, late)
        self.complete = self.all.complete
        self.endless = self.all.endless
        self._without: dict[tuple[int, ...], list[Observed]] = {}

    def refutes(self, observed: Observed, faults: Faults) -> bool:
        """Tell whether no sequential order explains the outcome, walked or not."""
        return not self.explains(observed, faults) and self.complete

    def explains(self, observed: Observed, faults: Faults) -> bool:
        """Tell whether some sequential order explains the outcome."""
        orders = [o.observed for o in self.all.orders if o.faults == faults]
        if observed.halted:
            return any(self._explains_halt(observed.dumps, order) for order in orders)
        if observed.stranded:
            return observed.undone or self._explains_stranded(observed)
        if any(observed.agrees(order) for order in orders):
            return True
        if observed.hung:
            return self._explains_hang(observed, orders)
        return bool(observed.failed) and self._explains_failure(observed, faults)

    def _explains_halt(self, dumps: tuple[str, ...], order: Observed) -> bool:
        """
        Compare what left the machine.

        That a strike ends the machine hangs on its place, in interrupt context; the panic may add
        a dump to those that an order shows, in which it does not.
        """
        if order.halted or not self._program.killers:
            return order.halted and order.dumps == dumps
        return dumps == order.dumps or (bool(order.dumps) and dumps[:-1] == order.dumps)

    def _explains_hang(self, observed: Observed, orders: list[Observed]) -> bool:
        hung = set(observed.hung)
        same = [o for o in orders if set(o.hung) == hung]
        if same:
            finished = [r for r in observed.results if r[0] not in hung]
            return any(
                [r for r in o.results if r[0] not in hung] == finished
                and o.probes == observed.probes
                for o in same
            )
        return any(set(o.hung) > hung for o in orders)

    def _explains_stranded(self, observed: Observed) -> bool:
        """
        Compare what others got and what left the machine, if flows wait for whom a strike killed.

        The operation that such a flow is in may have had its effect or not, as the killed one, and
        some of what it sends may have left before; what follows in that flow has not begun.  Probes
        tell nothing, since they may meet what it holds.  What the environment chose is not
        compared: what it would have chosen later nobody knows.
        """
        under_way, never = observed.unended()
        least = self._orders_without((*under_way, *never))
        for failed in dict.fromkeys(((), observed.failed)):
            for size in range(len(under_way) + 1):
                for gone in combinations(under_way, size):
                    left_out = tuple(sorted({*gone, *never, *failed}))
                    untold = [i for i in under_way if i not in gone]
                    for order in self._orders_without(left_out):
                        if (
                            not order.halted
                            and observed.same_results(order.results, left_out, untold)
                            and _partly(observed.dumps, order.dumps)
                            and any(_partly(o.dumps, observed.dumps) for o in (order, *least))
                        ):
                            return True
        return False

    def _explains_failure(self, observed: Observed, faults: Faults) -> bool:
        """Operations that failed must have had no effect: compare with orders of the others."""
        failed = observed.failed
        return any(
            not outcome.halted
            and observed.same_results(outcome.results, failed)
            and outcome.dumps == observed.dumps
            and observed.same_probes(outcome)
            for outcome in self._orders_without(failed)
        )

    def _orders_without(self, left_out: tuple[int, ...]) -> list[Observed]:
        """Return the outcomes of the orders of all operations but these."""
        if not left_out:
            return [order.observed for order in self.all.orders]
        outcomes = self._without.get(left_out)
        if outcomes is None:
            outcomes = self._without[left_out] = self._walked_without(left_out)
        return outcomes

    def _walked_without(self, failed: tuple[int, ...]) -> list[Observed]:
        scenario = _without(self._program, failed)
        if scenario is None:  # everything failed: nothing must have happened
            self._program.start()
            return [attrs.evolve(observe(self._program), results=(), hung=())]
        orders = sequential_orders(
            self._program.with_flows_of(scenario), self._orders_max, self._steps_max, self._late
        )
        self.complete = self.complete and orders.complete
        self.endless = self.endless or orders.endless
        return [order.observed for order in orders.orders]

    def nearest(self, observed: Observed) -> Nearest | None:
        """Return the order that differs in fewest places, and the places; the first of equals."""
        silent = observed.silent()
        mine = [line for line in observed.lines() if line[0] not in silent]
        best: Nearest | None = None
        for order in self.all.orders:
            theirs = dict(order.observed.lines())
            differs = tuple(
                Difference(what, theirs.get(what, "nothing"), value)
                for what, value in mine
                if theirs.get(what) != value
            )
            if best is None or len(differs) < len(best.differs):
                best = Nearest(order.begins, differs)
        return best


def _partly(some: Sequence[str], all_: Sequence[str]) -> bool:
    """Tell whether `some` are left of `all_` when others are dropped."""
    rest = iter(all_)
    return all(one in rest for one in some)


def _without(program: ScenarioProgram, failed: tuple[int, ...]) -> Scenario | None:
    """
    Drop the operations with these numbers (counted over all flows); None if a rest is empty.

    A strike whose flows are all gone runs alone, in its context.
    """
    kept: dict[int, Flow] = {}
    operation = 0
    for number, flow in enumerate(program.scenario.flows, 1):
        calls = []
        for call in flow.calls:
            if operation not in failed:
                calls.append(call)
            operation += 1
        if calls:
            kept[number] = attrs.evolve(flow, calls=tuple(calls))
    places = {number: place for place, number in enumerate(kept, 1)}
    flows: list[Flow] = []
    for number, flow in kept.items():
        if flow.strike:
            flow = attrs.evolve(flow, strike=places.get(flow.strike))
        elif flow.strike is not None and all(f.strike is not None for f in kept.values()):
            flow = attrs.evolve(flow, strike=None)
        if flow.strike is None and program.scenario.flows[number - 1].strike is not None:
            context = program.contexts[number - 1]
            assert context is not None
            flow = attrs.evolve(flow, context=context.value)
        flows.append(flow)
    return attrs.evolve(program.scenario, flows=tuple(flows)) if flows else None
