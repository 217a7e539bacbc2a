"""
What netoops sends, as bytes: packets of each stage, dumps put together, the odds of delivery.

Shared by the designs that send such packets.  Everything here takes and returns plain values and
knows nothing of the simulated machine; `docs/wire.md` has the tables of offsets.
"""
