"""
Benchmarks: what exploring costs, side by side in one run; `python -m benchmarks` from a checkout.

Not part of the distribution.  Here, and nowhere below `netsim.run`, a clock may be read.
"""
