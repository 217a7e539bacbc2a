"""
An example of a race test with nothing but the Python API: copy it, and change the scenario.

All schedules are explored; the test fails with the smallest one that breaks something.
"""

import pytest

import netsim


def test_reading_is_safe_while_the_target_is_turned_off() -> None:
    netsim.check("netoops-v1", "{ set 10.0.0.1 } off || read").assert_holds()


def test_an_off_can_be_lost_on_2_6_35() -> None:
    result = netsim.check("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0")

    with pytest.raises(netsim.CounterexampleFound, match="not-serialisable"):
        result.assert_holds()
