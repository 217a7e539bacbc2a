"""A scenario on a design as a program: boot, run `{ }` to quiescence, stand the flows ready."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from netsim.checkers.ending import held_by_killed, judge_ending, unfinished
from netsim.core.access import Footprint, Key
from netsim.core.fault import Report
from netsim.core.op import Op
from netsim.core.raised import kind, own_frames, place, told
from netsim.core.sim import ModelError, Sim
from netsim.core.thread import Context, Life
from netsim.design import Design, System
from netsim.errors import NetsimError, UsageError
from netsim.notation import Call, Flow, Scenario
from netsim.results import Options
from netsim.run.boot import Boot, Boots
from netsim.run.flow import Bound, run_flow
from netsim.run.foreign import refuse_foreign
from netsim.sync.inside import Inside
from netsim.sync.interrupt import Cpu, Interruptible, Strike
from netsim.sync.uniprocessor import INTERRUPTS, OneCpu, OneStrike, Seat, interrupt, one_cpu

#: No initial part takes more steps than this; it would be a model that never comes to rest.
STEPS_MAX = 100_000

#: What the engine needs of a booted system.
_SYSTEM = ("sim", "dumps", "roots", "counts")


@attrs.define(eq=False)
class Run:
    """One machine with its system, and the results of its flows so far."""

    sim: Sim
    system: System
    results: dict[int, list[Any]]
    initial: tuple[Report, ...]
    #: Why the start was not reached; "" if it was.
    unreached: str = ""
    #: Results of the operations of `{ }`.
    first_results: tuple[Any, ...] = ()


class ScenarioProgram:
    """
    A program for the explorer; `run` is the machine of the latest start.

    With `halts_last`, a halt waits for what it cannot hide (`netsim.sync.halt`): for searches.
    With `tallied`, places that count are steps (`netsim.sync.tally`).

    Raises UsageError at once if the scenario does not fit the design.
    """

    def __init__(
        self,
        design: Design,
        scenario: Scenario,
        options: Options,
        *,
        sites: bool = False,
        boots: Boots | None = None,
        halts_last: bool = False,
        tallied: bool = False,
    ) -> None:
        self.design = design
        self.halts_last = halts_last
        self.tallied = tallied
        self.boots = boots or Boots()
        self.scenario = scenario
        self.options = options
        self.sites = sites
        self.contexts = _contexts(design, scenario)
        for call in scenario.initial:
            design.validate(call)
        calls = [call for flow in scenario.flows for call in flow.calls]
        #: Names of the operations of the flows, sorted, each once.
        self.names = tuple(sorted({call.name for call in calls}))
        #: What each strike may touch, as far as the explorer has seen it: where strikes from
        #: inside a step are offered.
        self.reach: Mapping[str, Footprint] = {}
        #: The flows that strike another on its CPU.
        self.striking = tuple(
            str(n) for n, flow in enumerate(scenario.flows, 1) if flow.strike is not None
        )
        #: Those of them that kill whom they strike, or panic if that is an interrupt.
        self.killers = tuple(
            str(n)
            for n, flow in enumerate(scenario.flows, 1)
            if flow.strike is not None and any(design.operations[c.name].dies for c in flow.calls)
        )
        if any(design.operations[call.name].halts for call in scenario.initial):
            raise UsageError("an operation that ends the machine cannot stand in { }")
        if options.faults < 0:
            raise UsageError(f"faults must be 0 or more, found {options.faults}")
        for what in options.choose:
            if what not in design.environment:
                may = ", ".join(design.environment) or "nothing but failures (--faults N)"
                raise UsageError(
                    f"--choose {what}: design {design.name} does not leave that to the environment"
                    f"\n  expected one of: {may}"
                )
        self.run: Run

    def with_flows_of(self, scenario: Scenario) -> ScenarioProgram:
        """Return a program that differs in its scenario; both share the booted machine."""
        return ScenarioProgram(
            self.design, scenario, self.options, sites=self.sites, boots=self.boots
        )

    def tallying(self) -> ScenarioProgram:
        """Return a program whose executions are counted; both share the booted machine."""
        return ScenarioProgram(
            self.design,
            self.scenario,
            self.options,
            boots=self.boots,
            halts_last=True,
            tallied=True,
        )

    def start(self) -> Sim:
        """Return the machine after `{ }`, with every flow before its first operation."""
        boot = self.boots.take(self.scenario.initial, self.sites, self._boot)
        sim, system = boot.sim, boot.system
        self.run = run = Run(sim, system, {}, boot.initial, boot.unreached, boot.results)
        if boot.unreached:
            return sim
        if self.design.foresee is not None:
            calls = [call for flow in self.scenario.flows for call in flow.calls]
            self.design.foresee(system, [(call.name, *call.arguments) for call in calls])
        sim.alone = False
        sim.tallied = self.tallied
        sim.faults = sim.fault_budget = self.options.faults
        one = one_cpu(sim)
        if one is None:
            sim.halts_last = self.halts_last
            self._spawn(run)
        else:  # whoever has begun to panic lets no other run
            self._spawn_on(one, run)
        sim.recording = True
        return sim

    def _spawn(self, run: Run) -> None:
        """Stand every flow before its first operation; those that can be struck on a `Cpu`."""
        flows = self.scenario.flows
        cpus: dict[int, Cpu] = {}
        if self.striking:
            cpus = {n: Cpu(n - 1) for n, flow in enumerate(flows, 1) if flow.strike is None}
        for number, flow in enumerate(flows, 1):
            results = run.results[number] = []
            bound = self._bind(run.system, flow.calls, self.contexts[number - 1])
            body = partial(run_flow, bound, results)
            coroutine: Coroutine[Op, Any, Any]
            if flow.strike is not None:
                coroutine = Strike(bound[0].context, self._struck(number, cpus)).run(body)
            elif number in cpus:
                coroutine = Interruptible(body(), cpus[number])
            else:
                coroutine = body()
            thread = run.sim.spawn(str(number), coroutine, flow=number, cpu=number - 1)
            if number in cpus:
                cpus[number].flow = thread
        if self.striking:
            strikes = [run.sim.by_name[name] for name in self.striking]
            Inside(run.sim, strikes, self.reach, self.killers)

    def _spawn_on(self, one: OneCpu, run: Run) -> None:
        """Stand every flow before its first operation on the one CPU."""
        flows = self.scenario.flows
        bounds = [
            self._bind(run.system, flow.calls, context)
            for flow, context in zip(flows, self.contexts, strict=True)
        ]
        one.contexts = tuple(
            context
            for context in INTERRUPTS
            if any(
                bound.context is context
                for flow, some in zip(flows, bounds, strict=True)
                for bound in some
                if flow.strike is None
            )
        )
        one.stops = any(self.design.operations[name].halts for name in self.names)
        if self.striking or one.contexts or self.options.faults:
            one.gate()
        seats: dict[int, Cpu] = {}
        if self.striking:
            seats = {n: Seat(one) for n, flow in enumerate(flows, 1) if flow.strike is None}
        for number, (flow, bound) in enumerate(zip(flows, bounds, strict=True), 1):
            results = run.results[number] = []
            coroutine: Coroutine[Op, Any, Any]
            if flow.strike is not None:
                strike = OneStrike(bound[0].context, self._struck(number, seats))
                coroutine = strike.run(partial(run_flow, bound, results))
            else:
                coroutine = _run_on(one, bound, results)
            thread = run.sim.spawn(str(number), coroutine, flow=number)
            if number in seats:
                seats[number].flow = thread
        if self.striking:
            strikes = [run.sim.by_name[name] for name in self.striking]
            Inside(run.sim, strikes, self.reach, self.killers)

    def _struck(self, number: int, cpus: dict[int, Cpu]) -> list[Cpu]:
        """Return the CPUs that the strike of flow `number` may take."""
        struck = self.scenario.flows[number - 1].strike
        return list(cpus.values()) if not struck else [cpus[struck]]

    def probe(self, text: str, name: str) -> Any:
        """Run one operation alone after quiescence; return its result, or why it never ended."""
        run = self.run
        sim = run.sim
        sim.recording = False
        sim.alone = True
        results: list[Any] = []
        call = Call(text, ())
        dead = held_by_killed(sim)
        if dead:
            sim.recording, sim.marks = True, {}
        thread = sim.spawn(name, run_flow(self._bind(run.system, (call,)), results))
        touched = settle(sim)
        met = [lock for key, lock in dead.items() if key in touched]
        if met:
            return Untold(", ".join(met))
        if results:
            return results[0]
        waits = thread.pending.waits_for(thread) if thread.pending is not None else "nothing"
        return Unfinished(waits)

    def _bind(
        self, system: System, calls: Sequence[Call], context: Context | None = None
    ) -> list[Bound]:
        return [
            Bound(
                str(call),
                self._call(system, call),
                context or self.design.operations[call.name].contexts[0],
            )
            for call in calls
        ]

    def _call(self, system: System, call: Call) -> Callable[[], Any]:
        operation = self.design.operations[call.name]

        def run() -> Any:
            made = operation.run(system, *call.arguments)
            if not hasattr(made, "__await__"):
                code = getattr(operation.run, "__code__", None)
                where = f"{place(code)}: " if code is not None else ""
                raise ModelError(
                    f"{where}operation '{call.name}' returned {kind(made)}; "
                    "expected an `async def` function, or what one returns"
                )
            return made

        return run

    def _boot(self) -> Boot:
        sim = Sim(sites=self.sites)
        sim.choices = frozenset(self.options.choose)
        sim.alone = True
        boot = Boot(sim, self._booted(sim))
        boot.unreached = self._initial(boot)
        boot.initial = tuple(sim.reports)
        sim.reports.clear()
        sim.steps = 0
        return boot

    def _booted(self, sim: Sim) -> System:
        try:
            system = self.design.boot(sim)
        except Exception as error:
            frames, ours = own_frames(error)
            if ours and not isinstance(error, NetsimError):
                raise
            where = f"{place(*frames[0])}: " if frames else ""
            text = str(error) if isinstance(error, NetsimError) else told(error)
            raise UsageError(f"{where}design {self.design.name} does not boot: {text}") from error
        self._check_system(system)
        return system

    def _check_system(self, system: Any) -> None:
        """Raise UsageError for what the engine could not look at when all is at rest."""
        code = getattr(self.design.boot, "__code__", None)
        where = f"{place(code)}: " if code is not None else ""
        of = f"{where}design {self.design.name}"
        missing = [name for name in _SYSTEM if not hasattr(system, name)]
        if missing:
            raise UsageError(
                f"{of}: boot returned {kind(system)} without {' and '.join(missing)}; expected a "
                f"system with {', '.join(_SYSTEM)}"
            )
        for name in _SYSTEM[1:]:
            found = getattr(system, name)()
            if not isinstance(found, Sequence) or isinstance(found, str):
                raise UsageError(
                    f"{of}: {name}() of {kind(system)} returned {kind(found)}; expected a list"
                )

    def _initial(self, boot: Boot) -> str:
        """Run `{ }`; return why its end was not reached, or ""."""
        sim = boot.sim
        results: list[Any] = []
        for number, call in enumerate(self.scenario.initial):
            # One thread each: what an operation leaves undone must not carry the next one off.
            sim.spawn(
                f"0.{number}" if number else "0",
                run_flow(self._bind(boot.system, (call,)), results),
            )
            settle(sim)
            results += [None] * (number + 1 - len(results))
            if sim.halted:
                return f"{call}: it ends the machine"
            if sim.reports:
                return f"{call}: {sim.reports[0].message}"
            if unfinished(sim):
                ending = judge_ending(sim)
                return f"{call}: {ending.reports[0].message}"
        boot.results = tuple(results)
        return ""


async def _run_on(one: OneCpu, bound: Sequence[Bound], results: list[Any]) -> None:
    """Run operations one after the other; those in an interrupt context come as interrupts."""
    for operation in bound:
        body = partial(run_flow, (operation,), results)
        if operation.context in INTERRUPTS:
            await interrupt(one, operation.context, body)
        else:
            await body()


@attrs.frozen
class Unfinished:
    """The result of an operation that never ended, and what it waits for."""

    waits: str


@attrs.frozen
class Untold:
    """The result of an operation that met a lock which a killed flow holds: what it would be."""

    locks: str


def settle(sim: Sim) -> dict[Key, None]:
    """
    Run every enabled thread as long as it can, oldest first, until none is.

    Returns the locations that were touched, or are waited for, if the machine records them.
    """
    try:
        return _settle(sim)
    except AttributeError:
        refuse_foreign(sim)
        raise


def _settle(sim: Sim) -> dict[Key, None]:
    touched: dict[Key, None] = {}
    steps = 0
    moved = True
    while moved:
        refuse_foreign(sim)
        moved = False
        for thread in sim.threads:
            while sim.is_enabled(thread):
                if footprint := sim.step(thread).footprint:
                    touched.update(dict.fromkeys(footprint))
                moved = True
                steps += 1
                if steps > STEPS_MAX:
                    raise UsageError(f"the model does not come to rest within {STEPS_MAX} steps")
            if moved:
                break  # what it did may have made an older one able to run
    for thread in sim.threads:
        if thread.pending is not None and thread.life is Life.LIVE:
            touched.update(dict.fromkeys(thread.pending.guard()))
    return touched


def _contexts(design: Design, scenario: Scenario) -> list[Context | None]:
    """Return the context of each flow; None leaves each operation its own."""
    for number, flow in enumerate(scenario.flows, 1):
        if flow.strike and scenario.flows[flow.strike - 1].strike is not None:
            raise UsageError(
                f"flow {number} strikes flow {flow.strike}, which is a strike itself: expected the "
                "flow whose CPU both take"
            )
    return [_context(design, flow) for flow in scenario.flows]


def _context(design: Design, flow: Flow) -> Context | None:
    operations = [design.validate(call) for call in flow.calls]
    context: Context | None
    if flow.context is not None:
        context = Context(flow.context)
    elif flow.strike is None:
        return None
    else:
        context = next((c for c in operations[0].contexts if c is not Context.PROCESS), None)
        if context is None:
            raise UsageError(
                f"operation '{operations[0].name}' cannot strike: it runs in process context only"
            )
    if flow.strike is not None and context is Context.PROCESS:
        raise UsageError("a strike runs in context softirq, hardirq or nmi, found process")
    for operation in operations:
        if context not in operation.contexts:
            allowed = ", ".join(c.value for c in operation.contexts)
            raise UsageError(
                f"operation '{operation.name}' does not run in context '{context.value}': "
                f"expected {allowed}"
            )
    return context
