"""The odds of delivery: closed forms, every path of a small channel, and dumps drawn at random."""

import math
import random
from itertools import pairwise, product

import pytest

from netsim_models.wire.delivery import (
    ROUNDS_MAX,
    Channel,
    Delivery,
    bursts,
    delivery,
    independent,
)


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3, 0.9, 1.0])
@pytest.mark.parametrize(("packets", "rounds"), [(1, 1), (5, 1), (5, 3), (129, 3), (2, 6)])
def test_independent_losses_have_a_closed_form(loss: float, packets: int, rounds: int) -> None:
    found = delivery(independent(loss), packets, rounds, spacing=2, pause=5)

    assert found.whole == pytest.approx((1 - loss**rounds) ** packets, abs=1e-12)
    assert found.share == pytest.approx(1 - loss**rounds, abs=1e-12)
    assert found.any == pytest.approx(1 - loss ** (packets * rounds), abs=1e-12)


def moments(packets: int, rounds: int, spacing: int, pause: int) -> list[list[int]]:
    """When the copies of each packet are sent, by the words of the docstring."""
    times: list[list[int]] = [[] for _ in range(packets)]
    moment = 0
    for _ in range(rounds):
        for number in range(packets):
            times[number].append(moment)
            moment += spacing
        moment += pause
    return times


def by_every_path(channel: Channel, times: list[list[int]]) -> tuple[float, float, float]:
    """Sum over all states of all slots: exact, and exponential."""
    slots = max(moment for one in times for moment in one) + 1
    whole = share = some = 0.0
    good = channel.recovers / (channel.worsens + channel.recovers)
    loss = (channel.loss_good, channel.loss_bad)
    move = ((1 - channel.worsens, channel.worsens), (channel.recovers, 1 - channel.recovers))
    for path in product((0, 1), repeat=slots):
        odds = (good, 1 - good)[path[0]]
        for before, after in pairwise(path):
            odds *= move[before][after]
        lost = [math.prod(loss[path[moment]] for moment in one) for one in times]
        whole += odds * math.prod(1 - one for one in lost)
        share += odds * sum(1 - one for one in lost) / len(times)
        some += odds * (1 - math.prod(lost))
    return whole, share, some


@pytest.mark.parametrize(
    "channel",
    [
        Channel(0.1, 0.4),
        Channel(0.3, 0.2, 0.8, 0.05),
        Channel(1.0, 1.0, 0.9, 0.2),  # good and bad in turn
        Channel(0.9, 0.7, 1.0, 0.0),
        Channel(0.0, 0.5),  # good for ever
    ],
)
@pytest.mark.parametrize(
    ("packets", "rounds", "spacing", "pause"),
    [(3, 2, 1, 0), (2, 3, 2, 1), (4, 1, 3, 7), (1, 4, 2, 1), (3, 3, 1, 2), (2, 2, 1, 6)],
)
def test_every_path_of_a_small_channel(
    channel: Channel, packets: int, rounds: int, spacing: int, pause: int
) -> None:
    times = moments(packets, rounds, spacing, pause)
    found = delivery(channel, packets, rounds, spacing, pause)

    assert (found.whole, found.share, found.any) == pytest.approx(by_every_path(channel, times))
    assert found.slots == max(moment for one in times for moment in one) + 1


def drawn(
    channel: Channel, times: list[list[int]], dumps: int, source: random.Random
) -> tuple[float, float]:
    """Send so many dumps through a channel that is drawn slot by slot."""
    due = {moment: number for number, one in enumerate(times) for moment in one}
    whole, packets = 0, 0
    for _ in range(dumps):
        bad = source.random() < channel.worsens / (channel.worsens + channel.recovers)
        came = set()
        for moment in range(max(due) + 1):
            if moment in due:
                if source.random() >= (channel.loss_bad if bad else channel.loss_good):
                    came.add(due[moment])
            bad = source.random() >= channel.recovers if bad else source.random() < channel.worsens
        whole += len(came) == len(times)
        packets += len(came)
    return whole / dumps, packets / dumps / len(times)


@pytest.mark.parametrize(
    ("channel", "packets", "spacing", "pause"),
    [
        (bursts(0.3, 8), 12, 1, 0),
        (bursts(0.2, 15), 8, 2, 20),
        (Channel(0.05, 0.2, 0.7, 0.02), 9, 1, 5),
    ],
)
def test_dumps_drawn_at_random(channel: Channel, packets: int, spacing: int, pause: int) -> None:
    dumps = 3000
    times = moments(packets, 3, spacing, pause)
    whole, share = drawn(channel, times, dumps, random.Random(2010))
    found = delivery(channel, packets, 3, spacing, pause)

    error = math.sqrt(found.whole * (1 - found.whole) / dumps)
    assert abs(whole - found.whole) < 4 * error
    assert abs(share - found.share) < 4 * math.sqrt(found.share * (1 - found.share) / dumps)


def test_a_channel_by_its_bursts() -> None:
    channel = bursts(0.2, 10)

    assert channel.loss == pytest.approx(0.2)
    assert 1 / channel.recovers == 10
    # After a long time nothing of the beginning is left, after none all of it.
    assert channel.after(10_000)[0] == pytest.approx((0.8, 0.2))
    assert channel.after(0)[0] == pytest.approx((1.0, 0.0))
    assert channel.after(0)[1] == pytest.approx((0.0, 1.0))
    assert channel.after(1)[1] == pytest.approx((0.1, 0.9))


def test_what_rounds_and_spacing_are_good_for() -> None:
    """What the thread says of them: repetition helps, and against bursts time between does."""
    channel = bursts(0.1, 50)

    def whole(**values: int) -> float:
        return delivery(channel, 20, **values).whole

    assert whole(rounds=1) < whole(rounds=2) < whole(rounds=3)
    assert whole() < whole(pause=20) < whole(pause=200)
    assert whole() < whole(spacing=2) < whole(spacing=5)
    still = delivery(independent(0.1), 20)
    assert delivery(independent(0.1), 20, pause=1000).whole == pytest.approx(still.whole)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 3, 1, 0), "at least 1 packet"),
        ((1, 0, 1, 0), f"1 to {ROUNDS_MAX} rounds"),
        ((1, ROUNDS_MAX + 1, 1, 0), f"1 to {ROUNDS_MAX} rounds"),
        ((1, 3, 0, 0), "spacing of at least 1"),
        ((1, 3, 1, -1), "no negative pause"),
    ],
)
def test_counts_that_make_no_sense(values: tuple[int, int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        delivery(independent(0.1), *values)


def test_channels_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match=r"worsens must be from 0 to 1, found 1\.5"):
        Channel(1.5, 0.5)
    with pytest.raises(ValueError, match="a channel that changes"):
        Channel(0, 0)
    with pytest.raises(ValueError, match=r"bursts of 2 slots lose at most 0\.667"):
        bursts(0.9, 2)
    with pytest.raises(ValueError, match="at least 1 slot"):
        bursts(0.1, 0.5)


def test_the_result_is_a_value_to_plot() -> None:
    curve = [delivery(independent(loss / 10), 5) for loss in range(11)]
    assert curve[0] == Delivery(whole=1.0, share=1.0, any=1.0, slots=15)
    assert [one.whole for one in curve] == sorted((one.whole for one in curve), reverse=True)
