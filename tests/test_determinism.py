"""The same bytes, whatever the hash seed."""

import os
import subprocess
import sys

SCRIPT = """
import attrs
from netsim.run import check, load, matrix
from netsim.trace.documents import dump_check, dump_matrix

print(dump_check(check("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0")))
design = load("netoops-v1")
shown = ("off", "read", "oops", "unregister", "carrier-on")
small = attrs.evolve(
    design,
    operations={
        name: operation if name in shown else attrs.evolve(operation, samples=())
        for name, operation in design.operations.items()
    },
    starts=[start for start in design.starts if start.name in ("set", "no-carrier")],
)
print(dump_matrix(matrix([small])))
"""


def test_check_and_matrix_give_the_same_bytes() -> None:
    outputs = set()
    for seed in ("0", "1", "2", "3", "random"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        )
        outputs.add(done.stdout)

    assert len(outputs) == 1
    assert '"not-serialisable"' in outputs.pop()
