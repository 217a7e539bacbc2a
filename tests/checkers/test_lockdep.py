"""Lock orders: what is predicted, what of it is reached, and what must not be predicted."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from netsim.checkers.ending import judge_ending
from netsim.checkers.lockdep import LockDep
from netsim.checkers.lockorder import Prediction
from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.explorer.loop import execute
from netsim.explorer.optimal import OptimalDpor
from netsim.sync.completion import Completion
from netsim.sync.halt import halt
from netsim.sync.interrupt import Cpu, Interruptible, Strike
from netsim.sync.mutex import Mutex
from netsim.sync.rcu import Rcu
from netsim.sync.refcount import RefCount
from netsim.sync.rwlock import RwLock
from netsim.sync.spinlock import SpinLock
from netsim.sync.timer import Timer
from netsim.sync.wait import wait_for_change
from netsim.sync.waitqueue import WaitQueue
from netsim.sync.workqueue import Work

Body = Coroutine[Any, Any, None]
Threads = Callable[[Sim], Sequence[Body | tuple[Body, Context]]]


class Program:
    """A program from a function that makes its threads; each may say its context."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads

    def start(self) -> Sim:
        sim = Sim()
        sim.recording = True
        for number, thread in enumerate(self.threads(sim), 1):
            body, context = thread if isinstance(thread, tuple) else (thread, Context.PROCESS)
            sim.spawn(str(number), body, flow=number, context=context, cpu=number - 1)
        return sim


class Searched:
    """Every class of executions of a program, its predictions, and how they were decided."""

    def __init__(
        self,
        threads: Threads | Program,
        executions_max: int | None = None,
        contexts: Sequence[Context] = (Context.HARDIRQ,),
    ) -> None:
        program = threads if isinstance(threads, Program) else Program(threads)
        strategy, self.lockdep = OptimalDpor(program), LockDep(contexts)
        self.executions = self.deadlocks = 0
        self.complete = False
        while not self.complete:
            execution = execute(program, strategy, (self.lockdep,))
            if execution.complete:
                self.executions += 1
                strategy.finish(execution.sim)
                self.lockdep.finish(execution.sim)
                self.deadlocks += judge_ending(execution.sim).stuck
            self.complete = not strategy.more()
            if executions_max is not None and self.executions >= executions_max:
                break

    def decided(self, strikers: Sequence[str] = ()) -> dict[str, str]:
        """Return the status of each order predicted."""
        return {
            p.path(): self.lockdep.decide(p, complete=self.complete, strikers=strikers)
            for p in self.lockdep.predictions()
        }

    def only(self) -> Prediction:
        """Return the one prediction."""
        (prediction,) = self.lockdep.predictions()
        return prediction


def taking(*orders: Sequence[str], kind: Any = Mutex) -> Threads:
    """Each thread takes the locks named, one inside the other, then lets go of all."""

    def threads(sim: Sim) -> list[Body]:
        names = sorted({name for order in orders for name in order})
        locks = {name: kind(sim, name) for name in names}

        async def nested(order: Sequence[str]) -> None:
            if order:
                async with locks[order[0]].held():
                    await nested(order[1:])

        return [nested(order) for order in orders]

    return threads


class TestInversion:
    """Two or more locks in different orders."""

    def test_one_that_can_happen_is_predicted_and_confirmed(self) -> None:
        searched = Searched(taking("ab", "ba"))

        assert searched.decided() == {"a -> b -> a": "reached"}
        assert searched.deadlocks == 1
        assert searched.only().words() == "flow 1 holds a and wants b; flow 2 holds b and wants a"
        assert [(s.role, s.thread) for s in searched.only().sites] == [
            ("holds a since", "1"),
            ("acquires b", "1"),
            ("holds b since", "2"),
            ("acquires a", "2"),
        ]

    def test_one_under_a_gate_lock_is_predicted_and_refuted_naming_the_gate(self) -> None:
        searched = Searched(taking("gab", "gba"))

        assert searched.decided() == {"a -> b -> a": "unreachable"}
        assert searched.deadlocks == 0
        assert searched.only().gate == "g"
        assert "only under g" in searched.only().words()

    def test_a_gate_of_one_side_only_is_none(self) -> None:
        searched = Searched(taking("gab", "ba"))

        assert searched.decided() == {"a -> b -> a": "reached"}
        assert searched.only().gate == ""

    def test_a_lock_taken_inside_the_first_is_no_gate(self) -> None:
        searched = Searched(taking("agb", "bga"))

        assert searched.decided() == {
            "a -> b -> a": "unreachable",  # both want g first, and there they meet
            "a -> g -> a": "reached",
            "b -> g -> b": "reached",
        }
        assert {p.gate for p in searched.lockdep.predictions()} == {""}

    def test_what_only_order_excludes_is_refuted_without_a_gate(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            a, b, done = Mutex(sim, "a"), Mutex(sim, "b"), Completion(sim, "done")

            async def first() -> None:
                async with a.held(), b.held():
                    pass
                await done.complete()

            async def second() -> None:
                await done.wait_for_completion()
                async with b.held(), a.held():
                    pass

            return [first(), second()]

        searched = Searched(threads)

        assert searched.decided() == {"a -> b -> a": "unreachable"}
        assert searched.only().gate == ""

    def test_a_cut_search_leaves_it_undecided(self) -> None:
        searched = Searched(taking("ab", "ba"), executions_max=1)

        assert searched.decided() == {"a -> b -> a": "undecided"}

    def test_three_philosophers(self) -> None:
        searched = Searched(taking("ab", "bc", "ca"))

        assert searched.decided() == {"a -> b -> c -> a": "reached"}
        assert Searched(taking("ab", "bc", "ac")).decided() == {}

    def test_a_deadlock_in_every_execution_is_predicted_from_what_was_wanted(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            a, b = Mutex(sim, "a"), Mutex(sim, "b")
            holds = [Completion(sim, "one"), Completion(sim, "two")]

            async def take(me: int, first: Mutex, second: Mutex) -> None:
                await first.mutex_lock()
                await holds[me].complete()
                await holds[1 - me].wait_for_completion()
                await second.mutex_lock()  # nobody ever gets this far

            return [take(0, a, b), take(1, b, a)]

        assert Searched(threads).decided()["a -> b -> a"] == "reached"

    def test_instances_of_one_class_are_one(self) -> None:
        nested = Searched(taking(["n/1.1.lock", "n/1.2.lock"], ["n/1.2.lock", "n/1.1.lock"]))
        in_order = Searched(taking(["n/1.1.lock", "n/1.2.lock"], ["n/1.1.lock", "n/1.2.lock"]))

        assert nested.decided() == {"n.lock -> n.lock": "reached"}
        assert in_order.decided() == {"n.lock -> n.lock": "unreachable"}


class TestNoFalseAlarm:
    """Close to a deadlock, and none."""

    @pytest.mark.parametrize("kind", [Mutex, SpinLock])
    def test_one_order(self, kind: Any) -> None:
        assert Searched(taking("abc", "ac", "bc", kind=kind)).decided() == {}

    def test_disjoint_sections_are_not_nested_ones(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            a, b = Mutex(sim, "a"), Mutex(sim, "b")

            async def one_by_one(*locks: Mutex) -> None:
                for lock in locks:
                    async with lock.held():
                        pass

            return [one_by_one(a, b), one_by_one(b, a)]

        assert Searched(threads).decided() == {}

    @pytest.mark.parametrize("other", ["ac", "ab"])
    def test_one_thread_in_both_orders(self, other: str) -> None:
        def threads(sim: Sim) -> list[Body]:
            locks = {name: Mutex(sim, name) for name in "abc"}

            async def nested(*orders: str) -> None:
                for order in orders:
                    async with locks[order[0]].held(), locks[order[1]].held():
                        pass

            return [nested("ab", "ba"), nested(other)]

        assert Searched(threads).decided() == ({"a -> b -> a": "reached"} if other == "ab" else {})

    def test_waits_for_each_other_without_a_lock_are_no_order(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            lock, one, two = Mutex(sim, "lock"), Completion(sim, "one"), Completion(sim, "two")

            async def holds() -> None:
                async with lock.held():
                    await one.wait_for_completion()

            async def passes(first: Completion, second: Completion) -> None:
                await first.wait_for_completion()
                await second.complete()

            async def completes() -> None:
                await one.complete()
                await one.complete()

            return [holds(), passes(two, one), passes(one, two), completes()]

        assert Searched(threads).decided() == {}

    def test_trying_is_not_waiting(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            a, b = SpinLock(sim, "a"), SpinLock(sim, "b")

            async def blocks() -> None:
                async with a.held(), b.held():
                    pass

            async def tries() -> None:
                async with b.held():
                    if await a.spin_trylock():
                        await a.spin_unlock()

            return [blocks(), tries()]

        searched = Searched(threads)

        assert searched.decided() == {}
        assert searched.deadlocks == 0

    def test_what_was_tried_is_held_all_the_same(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            a, b = SpinLock(sim, "a"), SpinLock(sim, "b")

            async def blocks() -> None:
                async with a.held(), b.held():
                    pass

            async def tries() -> None:
                if await b.spin_trylock():
                    async with a.held():
                        pass
                    await b.spin_unlock()

            return [blocks(), tries()]

        assert Searched(threads).decided() == {"a -> b -> a": "reached"}

    def test_a_reader_may_come_again(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            lock = RwLock(sim, "lock")

            async def reads() -> None:
                async with lock.reading(), lock.reading():
                    pass

            return [reads(), reads()]

        assert Searched(threads).decided() == {}

    def test_recursion_is_told_when_it_happens_not_predicted(self) -> None:
        assert Searched(taking("aa", "aa")).decided() == {}

    def test_idle_workers_wait_for_nobody(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            lock = Mutex(sim, "lock")

            async def work() -> None:
                async with lock.held():
                    pass

            item = Work(sim, "item", work)

            async def queue() -> None:
                async with lock.held():
                    await item.schedule_work()

            return [queue(), queue()]

        searched = Searched(threads)

        assert searched.decided() == {}
        assert searched.deadlocks == 0


class TestReaders:
    """A reader waits for a writer only."""

    @staticmethod
    def orders(*orders: str) -> Threads:
        """Each thread takes locks, nested: `aB` reads a, then writes b."""

        def threads(sim: Sim) -> list[Body]:
            locks = {name: RwLock(sim, name) for name in "ab"}

            async def nested(order: str) -> None:
                if order:
                    lock = locks[order[0].lower()]
                    async with lock.reading() if order[0].islower() else lock.writing():
                        await nested(order[1:])

            return [nested(order) for order in orders]

        return threads

    @pytest.mark.parametrize(
        ("orders", "status"),
        [
            (("ab", "ba"), None),  # readers everywhere: nobody ever waits
            (("AB", "BA"), "reached"),
            (("Ab", "Ba"), "reached"),  # each reads what the other writes
            (("aB", "bA"), "reached"),  # each writes what the other reads
            (("ab", "bA"), None),  # flow 1 only reads b, which flow 2 only reads
            (("aB", "Ba"), None),
        ],
    )
    def test_two_orders(self, orders: tuple[str, str], status: str | None) -> None:
        searched = Searched(self.orders(*orders))

        assert searched.decided() == ({"a -> b -> a": status} if status else {})
        assert bool(searched.deadlocks) == (status == "reached")

    def test_readers_under_a_shared_gate_are_not_kept_apart(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            gate, a, b = RwLock(sim, "gate"), SpinLock(sim, "a"), SpinLock(sim, "b")

            async def take(one: SpinLock, other: SpinLock) -> None:
                async with gate.reading(), one.held(), other.held():
                    pass

            return [take(a, b), take(b, a)]

        searched = Searched(threads)

        assert searched.decided() == {"a -> b -> a": "reached"}
        assert searched.only().gate == ""


def flushing(*, wait: str, holds: bool = True, queues_first: bool = True) -> Threads:
    """Flow 1 waits for a work item, maybe with the lock that its function takes."""

    def threads(sim: Sim) -> list[Body]:
        lock = Mutex(sim, "lock")

        async def work() -> None:
            async with lock.held():
                pass

        item = Work(sim, "item", work)

        async def waits() -> None:
            if queues_first:
                await item.schedule_work()
            if holds:
                await lock.mutex_lock()
            await getattr(item, wait)()
            if holds:
                await lock.mutex_unlock()

        return [waits()]

    return threads


class TestWaits:
    """A thread that holds a lock waits for another's doing, which needs the lock."""

    @pytest.mark.parametrize("wait", ["flush_work", "cancel_work_sync"])
    def test_for_work(self, wait: str) -> None:
        searched = Searched(flushing(wait=wait))
        (path,) = searched.decided()

        assert searched.decided() == {path: "reached"}
        assert path.startswith("lock -> wait_")
        assert path.endswith("(item) -> lock")
        assert Searched(flushing(wait=wait, holds=False)).decided() == {}

    def test_for_work_that_ends_in_no_execution(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            lock = Mutex(sim, "lock")

            async def work() -> None:
                async with lock.held():
                    pass

            item = Work(sim, "item", work)

            async def waits() -> None:
                async with lock.held():
                    await item.schedule_work()
                    await item.flush_work()

            return [waits()]

        searched = Searched(threads)

        assert searched.decided() == {"lock -> wait_for_work(item) -> lock": "reached"}
        assert searched.deadlocks == searched.executions

    def test_for_work_whose_function_sleeps_on_a_completion_lockdep_has_no_edge_for(self) -> None:
        """lock -> flush(item) -> completion -> lock: the completion closes the cycle."""

        def threads(sim: Sim) -> list[Body]:
            lock, done = Mutex(sim, "lock"), Completion(sim, "done")

            async def work() -> None:
                await done.wait_for_completion()

            item = Work(sim, "item", work)

            async def flushes() -> None:
                await item.schedule_work()
                async with lock.held():
                    await item.flush_work()

            async def completes() -> None:
                async with lock.held():
                    pass
                await done.complete()

            return [flushes(), completes()]

        path = "lock -> wait_for_work(item) -> wait_for_completion(done) -> lock"

        assert Searched(threads).decided() == {path: "reached"}

    def test_for_work_that_the_scenario_excludes(self) -> None:
        """The work item has run before the lock is taken, and is queued no more."""

        def threads(sim: Sim) -> list[Body]:
            lock = Mutex(sim, "lock")

            async def work() -> None:
                async with lock.held():
                    pass

            item = Work(sim, "item", work)

            async def waits() -> None:
                await item.schedule_work()
                await item.flush_work()
                async with lock.held():
                    await item.flush_work()

            return [waits()]

        searched = Searched(threads)

        assert searched.decided() == {"lock -> wait_for_work(item) -> lock": "unreachable"}
        assert searched.deadlocks == 0

    @pytest.mark.parametrize("under", [True, False])
    def test_for_a_completion(self, under: bool) -> None:
        def threads(sim: Sim) -> list[Body]:
            lock, done = Mutex(sim, "lock"), Completion(sim, "done")

            async def waits() -> None:
                async with lock.held():
                    await done.wait_for_completion()

            async def completes() -> None:
                if under:
                    async with lock.held():
                        pass
                await done.complete()
                async with lock.held():  # after: nobody waits for this
                    pass

            return [waits(), completes()]

        path = "lock -> wait_for_completion(done) -> lock"

        assert Searched(threads).decided() == ({path: "reached"} if under else {})

    @pytest.mark.parametrize("inside", [True, False])
    def test_for_a_grace_period(self, inside: bool) -> None:
        def threads(sim: Sim) -> list[Body]:
            lock, rcu = Mutex(sim, "lock"), Rcu(sim, "rcu")

            async def waits() -> None:
                async with lock.held():
                    await rcu.synchronize()

            async def reads(*, inside: bool) -> None:
                if not inside:
                    async with lock.held():  # before the section: no grace period waits for it
                        pass
                async with rcu.reading():
                    if inside:
                        async with lock.held():
                            pass

            return [waits(), reads(inside=inside), reads(inside=False)]

        path = "lock -> synchronize_rcu(rcu) -> lock"

        assert Searched(threads).decided() == ({path: "reached"} if inside else {})

    def test_for_a_timer_handler(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            lock, timer = SpinLock(sim, "lock"), Timer(sim, "timer")

            async def deletes() -> None:
                await timer.mod_timer(1)
                async with lock.held():
                    await timer.del_timer_sync()

            async def fires() -> None:
                if await timer.expire():
                    async with lock.held():
                        pass
                    await timer.done()

            return [deletes(), fires()]

        assert Searched(threads).decided() == {"lock -> del_timer_sync(timer) -> lock": "reached"}

    def test_for_a_wake_up(self) -> None:
        def threads(sim: Sim) -> list[Body]:
            lock, queue = Mutex(sim, "lock"), WaitQueue(sim, "queue")

            async def sleeps() -> None:
                await queue.prepare_to_wait()
                async with lock.held():
                    await queue.schedule()

            async def wakes() -> None:
                async with lock.held():
                    pass
                await queue.wake_up()

            return [sleeps(), wakes()]

        assert Searched(threads).decided() == {"lock -> schedule(queue) -> lock": "reached"}

    @pytest.mark.parametrize("needs", [True, False])
    def test_for_references(self, needs: bool) -> None:
        """As unregister with rtnl held would wait for who needs rtnl to drop its reference."""

        def threads(sim: Sim) -> list[Body]:
            rtnl, refs = Mutex(sim, "rtnl"), RefCount(sim, "dev", ("user",))
            looked = Completion(sim, "looked")

            async def unregisters() -> None:
                async with rtnl.held():
                    while True:
                        seen = sim.begin_round()
                        zero = await refs.is_zero()
                        sim.end_round()
                        await looked.complete()
                        if zero:
                            return
                        await wait_for_change("dev", seen, lambda: "dev to become free")

            async def drops() -> None:
                if needs:
                    async with rtnl.held():
                        pass
                await refs.put("user")

            async def bystander() -> None:
                async with rtnl.held():
                    pass
                await looked.wait_for_completion()
                await refs.read()  # during the wait, but it ends nothing

            return [unregisters(), drops(), bystander()]

        searched = Searched(threads)
        path = "rtnl -> wait_for_change(dev) -> rtnl"

        assert searched.decided() == ({path: "reached"} if needs else {})
        assert bool(searched.deadlocks) is needs


@pytest.mark.parametrize("halts_last", [True, False])
class TestHalts:
    """A wait of which nobody ever learns how it would have ended, for the machine is halted."""

    PATH = "lock -> wait_for_completion(done) -> lock"

    @staticmethod
    def threads(*, halts_last: bool, settled: bool, completes: bool = False) -> Threads:
        """Flow 2 needs the lock before it completes; if `settled`, flow 1 takes it after that."""

        def made(sim: Sim) -> list[Body]:
            sim.halts_last = halts_last
            lock, done, first = Mutex(sim, "lock"), Completion(sim, "done"), Completion(sim, "1st")

            async def waits() -> None:
                if settled:
                    await first.wait_for_completion()
                async with lock.held():
                    await done.wait_for_completion()

            async def ends() -> None:
                async with lock.held():
                    pass
                await first.complete()
                await done.complete()

            async def halts() -> None:
                if completes:
                    await done.complete()
                await halt("panic")

            return [waits(), ends(), halts()]

        return made

    def test_what_cannot_happen_is_refuted(self, halts_last: bool) -> None:
        searched = Searched(self.threads(halts_last=halts_last, settled=True))

        assert searched.deadlocks == 0
        assert searched.decided() == {self.PATH: "unreachable"}

    def test_what_somebody_always_ends_in_time_is_refuted(self, halts_last: bool) -> None:
        """Flow 3 completes before it halts, so that flow 1 goes on wherever the others stand."""
        searched = Searched(self.threads(halts_last=halts_last, settled=False, completes=True))

        assert searched.decided() == {self.PATH: "unreachable"}

    def test_what_a_halt_may_hide_is_not(self, halts_last: bool) -> None:
        """Each execution is halted, so that none shows whether somebody ends the wait."""
        searched = Searched(self.threads(halts_last=halts_last, settled=False))

        assert searched.deadlocks == 0
        assert searched.decided() == {self.PATH: "undecided"}


class _Struck(Program):
    """A flow that panics with a lock held, on a CPU that an interrupt strikes to take it, too."""

    def __init__(self) -> None:
        super().__init__(lambda _: ())

    def start(self) -> Sim:
        sim, cpu = Sim(), Cpu(0)
        sim.recording = True
        lock = SpinLock(sim, "a")

        async def panics() -> None:
            await lock.spin_lock()
            await halt("panic")

        async def handler() -> None:
            async with lock.held():
                pass

        cpu.flow = sim.spawn("1", Interruptible(panics(), cpu), flow=1)
        strike = Strike(Context.HARDIRQ, [cpu])
        sim.spawn("2", strike.run(handler), flow=2, context=Context.HARDIRQ)
        return sim


def test_a_halt_waits_for_nobody_and_nobody_for_it() -> None:
    """That the flow that would halt never goes on is a deadlock over the lock, and no order."""
    searched = Searched(_Struck())

    assert searched.deadlocks == 1
    assert [(p.kind, p.path()) for p in searched.lockdep.predictions()] == [("irq-lock-order", "a")]
    assert searched.decided(strikers=["2"]) == {"a": "reached"}


class TestIrqs:
    """A lock that an interrupt takes, and that is taken elsewhere with the interrupt enabled."""

    @staticmethod
    def threads(*, irqsave: bool, inner: bool = False, tries: bool = False) -> Threads:
        def made(sim: Sim) -> list[Any]:
            a, b = SpinLock(sim, "a"), SpinLock(sim, "b")

            async def handler() -> None:
                async with a.held():
                    pass

            async def process() -> None:
                lock = b if inner else a
                if tries:
                    if await lock.spin_trylock():
                        await lock.spin_unlock()
                    return
                async with lock.irqsave() if irqsave else lock.held():
                    pass

            async def nests() -> None:
                if inner:
                    async with a.irqsave(), b.held():
                        pass

            return [(handler(), Context.HARDIRQ), process(), nests()]

        return made

    def test_unsafe(self) -> None:
        searched = Searched(self.threads(irqsave=False))

        assert searched.only().kind == "irq-lock-order"
        assert searched.decided() == {"a": "undecided"}
        assert searched.decided(strikers=["1"]) == {"a": "unreachable"}  # flow 1 has its own CPU
        assert (
            searched.only()
            .words()
            .startswith("inconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage of a: ")
        )

    def test_safe(self) -> None:
        assert Searched(self.threads(irqsave=True)).decided() == {}

    def test_tried_with_irqs_on_is_held_with_irqs_on(self) -> None:
        assert Searched(self.threads(irqsave=False, tries=True)).decided() == {"a": "undecided"}

    def test_an_interrupt_that_only_tries_waits_for_nobody(self) -> None:
        def threads(sim: Sim) -> list[Any]:
            a = SpinLock(sim, "a")

            async def handler() -> None:
                if await a.spin_trylock():
                    await a.spin_unlock()

            async def process() -> None:
                async with a.held():
                    pass

            return [(handler(), Context.HARDIRQ), process()]

        assert Searched(threads).decided() == {}

    def test_held_beyond_the_section_that_had_irqs_off(self) -> None:
        def threads(sim: Sim) -> list[Any]:
            a, b = SpinLock(sim, "a"), SpinLock(sim, "b")

            async def handler() -> None:
                async with a.held():
                    pass

            async def process() -> None:
                await b.spin_lock_irqsave()
                await a.spin_lock()
                await b.spin_unlock_irqrestore()  # from here on the handler may strike
                await a.spin_unlock()

            return [(handler(), Context.HARDIRQ), process()]

        assert Searched(threads).decided() == {"a": "undecided"}

    @pytest.mark.parametrize(
        ("context", "predicted"),
        [
            (Context.PROCESS, True),
            (Context.SOFTIRQ, True),
            (Context.HARDIRQ, False),  # hardirqs do not strike each other here
            (Context.NMI, False),  # nothing strikes an NMI
        ],
    )
    def test_who_may_be_struck(self, context: Context, predicted: bool) -> None:
        def threads(sim: Sim) -> list[Any]:
            a = SpinLock(sim, "a")

            async def take() -> None:
                async with a.held():
                    pass

            return [(take(), Context.HARDIRQ), (take(), context)]

        assert Searched(threads).decided() == ({"a": "undecided"} if predicted else {})

    def test_through_another_lock(self) -> None:
        assert Searched(self.threads(irqsave=False, inner=True)).decided() == {
            "a -> b": "undecided"
        }
        assert Searched(self.threads(irqsave=True, inner=True)).decided() == {}

    def test_what_an_interrupt_nests_is_taken_in_the_interrupt(self) -> None:
        def threads(sim: Sim) -> list[Any]:
            a, b = SpinLock(sim, "a"), SpinLock(sim, "b")

            async def handler() -> None:
                async with a.held(), b.held():
                    pass

            async def process() -> None:
                async with b.held():
                    pass

            return [(handler(), Context.HARDIRQ), process()]

        assert Searched(threads).decided() == {"b": "undecided"}

    @pytest.mark.parametrize("writes", [False, True])
    def test_through_a_lock_that_is_read_by_both(self, writes: bool) -> None:
        def threads(sim: Sim) -> list[Any]:
            lock, b = RwLock(sim, "lock"), SpinLock(sim, "b")

            async def handler() -> None:
                async with lock.reading():
                    pass

            async def nests() -> None:
                await b.spin_lock_irqsave()  # so that all that follows is done with irqs off
                await b.spin_unlock()
                async with lock.writing() if writes else lock.reading(), b.held():
                    pass

            async def process() -> None:
                async with b.held():
                    pass

            return [(handler(), Context.HARDIRQ), nests(), process()]

        assert Searched(threads).decided() == ({"lock -> b": "undecided"} if writes else {})

    def test_softirqs_are_judged_only_where_asked_for(self) -> None:
        def threads(sim: Sim) -> list[Any]:
            a = SpinLock(sim, "a")

            async def take() -> None:
                async with a.held():
                    pass

            return [(take(), Context.SOFTIRQ), take()]

        assert Searched(threads).decided() == {}
        assert Searched(threads, contexts=[Context.SOFTIRQ]).decided() == {"a": "undecided"}

    def test_readers_on_both_sides(self) -> None:
        def threads(sim: Sim) -> list[Any]:
            lock = RwLock(sim, "lock")

            async def reads() -> None:
                async with lock.reading():
                    pass

            async def writes() -> None:
                async with lock.writing():
                    pass

            return [(reads(), Context.HARDIRQ), writes() if self.writes else reads()]

        self.writes = False
        assert Searched(threads).decided() == {}
        self.writes = True
        assert Searched(threads).decided() == {"lock": "undecided"}

    def test_an_interrupt_that_waits_for_what_it_struck_is_reached(self) -> None:
        """The struck thread cannot move; stopped by hand here, since nothing strikes yet."""

        def threads(sim: Sim) -> list[Any]:
            lock, never = SpinLock(sim, "lock"), Completion(sim, "never")

            async def process() -> None:
                async with lock.held():
                    await never.wait_for_completion()

            async def handler() -> None:
                async with lock.held():
                    pass

            return [process(), (handler(), Context.HARDIRQ)]

        class OneCpu(Program):
            def start(self) -> Sim:
                sim = super().start()
                sim.by_name["2"].cpu = 0
                return sim

        program = OneCpu(threads)
        lockdep, strategy = LockDep(), OptimalDpor(program)
        while True:
            execution = execute(program, strategy, (lockdep,))
            strategy.finish(execution.sim)
            lockdep.finish(execution.sim)
            if not strategy.more():
                break
        (prediction,) = lockdep.predictions()

        assert prediction.kind == "irq-lock-order"
        assert lockdep.decide(prediction, complete=True) == "reached"
