"""The JSON document of a catch: its schema, and that nothing is lost in it."""

import base64
import json
from pathlib import Path
from typing import Any

import jsonschema

import netsim
from netsim.catch.document import dump_catch
from netsim.caught import Catch, Datagram
from netsim_models.wire import v1
from netsim_models.wire.catcher import Catcher
from netsim_models.wire.packet import Packet, encode
from netsim_models.wire.segments import cut

SCHEMA = Path(netsim.__file__).parent / "schemas" / "catch.schema.json"
LOG = b"caf\xc3\xa9 \xff\x1b[2J\n" * 300


def caught() -> Catch:
    """A dump with a hole, in bytes that are no text, among other things."""
    catcher = Catcher(v1.LAYOUTS)
    data = cut(b"", LOG)
    for number in (0, 2, 3):
        packet = Packet(
            layout=v1.USER_I386,
            packet_no=number,
            packet_count=len(data),
            data=data[number],
            kernel_version=b"\xff\n",
            registers=(1,) * 17,
        )
        catcher.feed(Datagram("10.0.0.100:2004", encode(packet)))
    catcher.feed(Datagram("10.0.0.100:2004", b"x"))
    return catcher.caught()


def valid(document: str) -> Any:
    data = json.loads(document)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(data)
    assert json.dumps(data, indent=2, sort_keys=True) + "\n" == document
    return data


def test_nothing_is_lost() -> None:
    data = valid(dump_catch("netoops-v1", caught()))

    assert (data["format"], data["version"], data["whole"]) == ("netsim-catch", 1, False)
    (dump,) = data["dumps"]
    assert dump["missing"] == [[1, 1]]
    assert dump["gaps"] == [{"start": 2048, "end": 3072, "packets": [1, 1], "why": "missing"}]
    log = bytearray(len(LOG))
    for piece in dump["pieces"]:
        part = base64.b64decode(piece["base64"])
        log[piece["start"] : piece["start"] + len(part)] = part
    assert log == LOG[:2048] + bytes(1024) + LOG[3072:]
    assert dump["about"]["kernel"] == "\\xff\n"
    assert dump["about"]["registers"].startswith("bx=1 cx=1 dx=1")


def test_nothing_caught() -> None:
    data = valid(dump_catch("netoops-v1", Catcher(v1.LAYOUTS).caught()))

    assert (data["dumps"], data["whole"]) == ([], False)
