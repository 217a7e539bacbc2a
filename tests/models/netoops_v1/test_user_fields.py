"""
/sys/kernel/netdump: netoops_show() and netoops_store() of patch 07, and sysfs under them.

The attributes are made with __ATTR(netoops_fw_version, ...), the functions compare with
"netdump_fw_version": none of them is ever asked for.
"""

import pytest

from netsim.core.buffer import Buffer
from netsim.results import Options, Verdict
from netsim.run import check
from netsim_models.fs.sysfs import PAGE_SIZE
from netsim_models.netoops_v1.driver import Netoops
from netsim_models.netoops_v1.sysfs import netoops_show, netoops_store
from tests.models.drive import Driven
from tests.models.netoops_v1.machine import packets, system
from tests.models.netoops_v1.writes import besides_promises, call, perform

FILES = ("fw-version", "board-name", "boot-number")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("text", "result"),
    [
        (b"7\n", "2"),
        (b"7", "1"),
        (b"x\0y", "3"),
        # fill_write_buffer(): PAGE_SIZE - 1 at most
        (b"7" * 4095, "4095"),
        (b"7" * 4096, "4095"),
        (b"7" * 5000, "4095"),
        # sysfs_write_file(): if (len > 0) flush_write_buffer()
        (b"", "0"),
    ],
)
def test_a_write_succeeds_and_stores_nothing(name: str, text: bytes, result: str) -> None:
    written = perform(call(name, text), "set 10.0.0.1")

    assert (written.result, written.found) == (result, ())


@pytest.mark.parametrize("name", FILES)
def test_a_read_gives_nothing(name: str) -> None:
    """strnlen() of a page that get_zeroed_page() made, and show() left alone."""
    for size in ("", " 0", " 100"):
        assert perform(f"read-{name}{size}", call(name, b"7\n")).result == repr("")


def test_nothing_of_it_is_sent() -> None:
    made = system("fw-version x; board-name y; boot-number 7; set 10.0.0.1; soft-dump")

    for payload in packets(made):
        assert payload[18:22] == bytes(4)  # blog_boot_id
        assert payload[89:217] == bytes(128)  # bios_version, motherboard_type


def test_no_file_without_the_module() -> None:
    for name in FILES:
        assert perform(f"{name} 7", "rmmod").result == "-ENOENT"
        assert perform(f"read-{name}", "rmmod").result == "-ENOENT"
        assert perform(f"{name} 7", "rmmod; insmod").result == "1"


@pytest.mark.parametrize("operation", ["fw-version x", "read-board-name"])
def test_unloading_waits_for_calls(operation: str) -> None:
    """sysfs_deactivate() waits for who is in show() or store(); later ones get -ENODEV."""
    result = check("netoops-v1", f"{operation} || rmmod")

    assert result.verdict is Verdict.HOLDS
    seen = {dict(o.observed)[f"flow 1: {operation}"] for o in result.outcomes}
    assert {"-ENOENT", "-ENODEV"} <= seen
    assert len(seen) == 3
    # The file goes before it is opened, before the call, during the call (which is waited for), or
    # after it.
    assert result.executions == 4


def test_memory_may_be_short() -> None:
    for operation, good in (("fw-version x", "1"), ("read-fw-version", "''")):
        result = check("netoops-v1", operation, options=Options(faults=1))
        seen = {dict(o.observed)[f"flow 1: {operation}"] for o in result.outcomes}
        assert seen == {good, "-ENOMEM"}
        assert besides_promises(result) == []


class TestUnwinding:
    """netoops_init(): cleanup_netdevice, cleanup_kmsg_dump, cleanup_sysfs_group, cleanup_kobj."""

    def test_each_failure_leaves_nothing(self) -> None:
        result = check(
            "netoops-v1", "{ rmmod } insmod; read; read-fw-version", options=Options(faults=1)
        )

        assert result.verdict is Verdict.HOLDS  # no memory, no reference is left
        seen = {
            tuple(value for what, value in o.observed if what.startswith("flow 1"))
            for o in result.outcomes
        }
        assert seen == {
            ("0", repr(",0x00000000,0x00000000\n"), repr("")),
            ("0", repr(",0x00000000,0x00000000\n"), "-ENOMEM"),  # of the last call
            ("-ENOMEM", "-ENOENT", "-ENOENT"),  # the kobject, or one of its files
            ("-EBUSY", "-ENOENT", "-ENOENT"),  # register_sysctl_table()
        }

    def test_it_can_be_tried_again(self) -> None:
        result = check("netoops-v1", "{ rmmod } insmod; insmod", options=Options(faults=1))

        assert result.findings == ()
        seen = {
            tuple(value for what, value in o.observed if what.startswith("flow 1"))
            for o in result.outcomes
        }
        assert seen == {("0", "-EEXIST"), ("-ENOMEM", "0"), ("-EBUSY", "0")}


class TestWithTheNamesThatTheyLookFor:
    """What the functions would do if the attributes were called as their text says."""

    def store(self, driver: Netoops, name: str, text: bytes) -> int:
        async def run() -> int:
            page = Buffer(driver.m.sim, "page", PAGE_SIZE)
            page.put(text + b"\0")
            return netoops_store(driver, name, page, len(text))

        return Driven(driver.m, run()).finish()

    def show(self, driver: Netoops, name: str) -> bytes:
        async def run() -> bytes:
            page = Buffer(driver.m.sim, "page", PAGE_SIZE)
            page.put(bytes(PAGE_SIZE))
            return page.get(netoops_show(driver, name, page))

        return Driven(driver.m, run()).finish()

    @pytest.mark.parametrize("name", ["netdump_fw_version", "netdump_board_name"])
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (b"1.2\n", b"1.2\n"),  # the newline of an echo is kept
            (b"a\0b", b"a"),  # strncpy()
            (b"x" * 79, b"x" * 79),
            (b"x" * 80, b"x" * 79),  # the last byte of the array is a NUL
            (b"x" * 200, b"x" * 79),
        ],
    )
    def test_texts(self, name: str, text: bytes, shown: bytes) -> None:
        driver = system().driver
        assert self.store(driver, name, text) == len(text)
        assert self.show(driver, name) == shown

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (b"12\n", b"12\n"),
            # ((char *)buf)[count - 1] = '\0' takes the last digit if there is no newline
            (b"12", b"1\n"),
            (b"7", b"0\n"),
            (b" -5 \n", b"-5\n"),
            (b"x\n", b"0\n"),  # sscanf() leaves it alone
            (b"12u\n", b"12\n"),
            (b"4294967295\n", b"-1\n"),
        ],
    )
    def test_number(self, text: bytes, shown: bytes) -> None:
        driver = system().driver
        assert self.store(driver, "netdump_boot_number", text) == len(text)
        assert self.show(driver, "netdump_boot_number") == shown

    def test_what_is_sent_then(self) -> None:
        """setup_packet_header(): strncpy() of 64 bytes, without a NUL if there is no room."""
        made = system("set 10.0.0.1")
        self.store(made.driver, "netdump_fw_version", b"f" * 79)
        self.store(made.driver, "netdump_board_name", b"board\n")
        self.store(made.driver, "netdump_boot_number", b"-1\n")
        for payload in packets(system("soft-dump", made)):
            assert payload[18:22] == b"\xff" * 4
            assert payload[89:153] == b"f" * 64
            assert payload[153:217] == b"board\n".ljust(64, b"\0")
