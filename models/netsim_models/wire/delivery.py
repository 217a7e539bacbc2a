"""
The odds that a dump arrives, exactly, for a channel that loses packets alone or in bursts.

Time is counted in slots: one is what a packet takes when the next follows at once.  The channel is
that of Gilbert and Elliott: a Markov chain of two states, good and bad, that moves once a slot,
with a probability of loss in each (Gilbert 1960, "Capacity of a burst-noise channel"; Elliott 1963,
"Estimates of error rates for codes on burst-noise channels").  A dump begins at a moment that has
nothing to do with the channel: in the stationary distribution.
"""

from __future__ import annotations

from itertools import product
from typing import TypeAlias

import attrs

from netsim_models.wire.segments import ROUNDS

#: The work grows as 4 to the number of rounds.
ROUNDS_MAX = 6
_STATES = (0, 1)  # good, bad
_Pair: TypeAlias = tuple[float, float]
_Matrix: TypeAlias = tuple[_Pair, _Pair]


def _probability(instance: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{attribute.name} must be from 0 to 1, found {value}")


@attrs.frozen
class Channel:
    """
    A channel of Gilbert and Elliott.

    `worsens` and `recovers` are the probabilities that it goes from good to bad, and back, in a
    slot; `loss_good` and `loss_bad` those that a packet is lost.  Raises ValueError for what is no
    probability, and if the two states never change into each other (what it begins in is then
    undefined).
    """

    worsens: float = attrs.field(validator=_probability)
    recovers: float = attrs.field(validator=_probability)
    loss_bad: float = attrs.field(default=1.0, validator=_probability)
    loss_good: float = attrs.field(default=0.0, validator=_probability)

    def __attrs_post_init__(self) -> None:
        if not self.worsens + self.recovers:
            raise ValueError("worsens and recovers are both 0: expected a channel that changes")

    @property
    def bad(self) -> float:
        """The share of time that it is bad."""
        return self.worsens / (self.worsens + self.recovers)

    @property
    def loss(self) -> float:
        """The share of packets that are lost."""
        return self.bad * self.loss_bad + (1 - self.bad) * self.loss_good

    def after(self, slots: int) -> _Matrix:
        """Return the probabilities [from][to] of its states `slots` later."""
        kept = (1 - self.worsens - self.recovers) ** slots
        bad, good = self.bad, 1 - self.bad
        return ((good + bad * kept, bad - bad * kept), (good - good * kept, bad + good * kept))


def independent(loss: float) -> Channel:
    """Return a channel that loses each packet with this probability, whatever became of others."""
    return Channel(0.5, 0.5, loss, loss)


def bursts(loss: float, length: float) -> Channel:
    """
    Return a channel that loses this share of packets, in bursts of so many slots on average.

    Raises ValueError if such bursts cannot make up that share, or are shorter than one slot.
    """
    if not 0 <= loss < 1 or length < 1:
        raise ValueError(
            f"expected a loss from 0 to less than 1 in bursts of at least 1 slot, found {loss} and "
            f"{length}"
        )
    worsens = loss / (1 - loss) / length
    if worsens > 1:
        raise ValueError(
            f"bursts of {length} slots lose at most {length / (length + 1):.3f} of all packets, "
            f"expected {loss}"
        )
    return Channel(worsens, 1 / length)


@attrs.frozen
class Delivery:
    """
    What arrives of a dump.

    `whole` is the probability that each of its packets arrives at least once; `share` the expected
    share of its packets that do; `any` the probability that at least one packet arrives: that the
    crash is seen at all; `slots` how long the dump takes.
    """

    whole: float
    share: float
    any: float
    slots: int


def delivery(
    channel: Channel, packets: int, rounds: int = ROUNDS, spacing: int = 1, pause: int = 0
) -> Delivery:
    """
    Compute what arrives of a dump of `packets`, all sent once a round, in the same order.

    From one packet to the next pass `spacing` slots, and `pause` more between rounds.  Exact: the
    rounds are walked side by side, packet by packet, with the states of the channel in all of them,
    conditional on the states in which they begin; the end of each round then leads to the beginning
    of the next.  Raises ValueError for counts that make no sense.
    """
    if packets < 1 or not 1 <= rounds <= ROUNDS_MAX or spacing < 1 or pause < 0:
        raise ValueError(
            f"expected at least 1 packet, 1 to {ROUNDS_MAX} rounds, a spacing of at least 1 slot "
            f"and no negative pause; found {packets}, {rounds}, {spacing}, {pause}"
        )
    start = (1 - channel.bad, channel.bad)
    loss = (channel.loss_good, channel.loss_bad)
    step, gap = channel.after(spacing), channel.after(spacing + pause)
    lost_once = _lost(start, loss, channel.after(packets * spacing + pause), rounds)
    lost_all = _all_lost(start, loss, step, gap, packets, rounds)
    return Delivery(
        whole=_whole(start, loss, step, gap, packets, rounds),
        share=1 - lost_once,
        any=1 - lost_all,
        slots=rounds * packets * spacing + (rounds - 1) * pause - (spacing - 1),
    )


def _lost(start: _Pair, loss: _Pair, lap: _Matrix, rounds: int) -> float:
    """Return the probability that one packet is lost in each round."""
    good, bad = start[0] * loss[0], start[1] * loss[1]
    for _ in range(rounds - 1):
        good, bad = (
            (good * lap[0][0] + bad * lap[1][0]) * loss[0],
            (good * lap[0][1] + bad * lap[1][1]) * loss[1],
        )
    return good + bad


def _all_lost(
    start: _Pair, loss: _Pair, step: _Matrix, gap: _Matrix, packets: int, rounds: int
) -> float:
    """Return the probability that every copy of every packet is lost."""
    good, bad = start
    for number in range(packets * rounds):
        if number:
            move = step if number % packets else gap
            good, bad = (
                good * move[0][0] + bad * move[1][0],
                good * move[0][1] + bad * move[1][1],
            )
        good, bad = good * loss[0], bad * loss[1]
    return good + bad


def _whole(
    start: _Pair, loss: _Pair, step: _Matrix, gap: _Matrix, packets: int, rounds: int
) -> float:
    """Return the probability that each packet arrives in some round."""
    tuples = list(product(_STATES, repeat=rounds))
    arrives = []
    for states in tuples:
        lost = 1.0
        for state in states:
            lost *= loss[state]
        arrives.append(1 - lost)
    total = 0.0
    for first, begin in enumerate(tuples):
        weights = [0.0] * len(tuples)
        weights[first] = arrives[first]
        for _ in range(packets - 1):
            for axis in range(rounds):
                weights = _moved(weights, step, 1 << (rounds - 1 - axis))
            weights = [weight * odds for weight, odds in zip(weights, arrives, strict=True)]
        for end, weight in zip(tuples, weights, strict=True):
            odds = start[begin[0]]
            for before, after in zip(end, begin[1:], strict=False):
                odds *= gap[before][after]
            total += weight * odds
    return total


def _moved(weights: list[float], move: _Matrix, bit: int) -> list[float]:
    """Move the state of one round; `bit` is its place in the index."""
    moved = [0.0] * len(weights)
    for index, weight in enumerate(weights):
        was = 1 if index & bit else 0
        moved[index & ~bit] += weight * move[was][0]
        moved[index | bit] += weight * move[was][1]
    return moved
