"""
Packets written by hand, byte by byte, from the declarations of the patches.

Every struct is packed, so that each offset is the sum of the sizes before it; x86 writes the low
byte of an integer first.
"""

DATA = bytes(range(256)) * 4  # 1024 bytes, NETOOPS_DATA_BYTES


def text(value: bytes, size: int) -> bytes:
    """What strncpy() leaves in a zeroed array."""
    return value + bytes(size - len(value))


V1_CORE = (
    b"\x02\x00"  # 0: version, NETOOPS_VERSION 0x0002
    b"\xd9\x00"  # 2: header_size 217 = 0xd9: 5 * 2 + 3 * 4 + 3 * 1 + 3 * 64
    b"\x02\x00"  # 4: arch, NETOOPS_ARCH 2 on both machines
    b"\x34\x12"  # 6: dump_id 0x1234; BUILD_BUG_ON says offset 6
    b"\x01\x00"  # 8: type 1, a crash
    b"\x05\x03\x02\x01"  # 10, not 12: packet_count 0x01020305
    b"\x04\x03\x02\x01"  # 14: packet_no 0x01020304
    b"\x00\x00\x00\x00"  # 18: __reserved1
    b"\x00\x00\x00"  # 22, 23, 24: __reserved2, 3, 4
    + text(b"2.6.36", 64)  # 25: kernel_version
    + bytes(64)  # 89: __reserved5
    + bytes(64)  # 153: __reserved6
    + DATA  # 217; ends at 1241
)

#: x86 bits and user fields; `regs` follows at 217.
V1_USER_HEAD = (
    b"\x02\x00"  # 0: version
    b"%b"  # 2: header_size
    b"\x02\x00"  # 4: arch
    b"\xff\xff"  # 6: dump_id 65535
    b"\x03\x00"  # 8: type 3, a soft dump
    b"\x02\x00\x00\x00"  # 10: packet_count 2
    b"\x01\x00\x00\x00"  # 14: packet_no 1
    b"\x78\x56\x34\x12"  # 18: blog_boot_id 0x12345678
    b"\x06\x17\x0a"  # 22: x86_family 6, x86_model 23, x86_stepping 10
)
V1_USER_TEXTS = (
    b"k" * 64  # 25: kernel_version, as long as the field: no NUL
    + text(b"BIOS 1.0", 64)  # 89: bios_version
    + text(b"Board", 64)  # 153: motherboard_type
)

#: 17 words of 4 bytes: bx 1, cx 2 ... ss 17.  At 217; 217 + 68 = 285.
I386_REGS = b"".join(bytes([n, 0, 0, 0x80]) for n in range(1, 18))
I386_VALUES = tuple(0x80000000 + n for n in range(1, 18))
#: 21 words of 8 bytes: r15 1, r14 2 ... ss 21.  At 217; 217 + 168 = 385.
X86_64_REGS = b"".join(bytes([n, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF]) for n in range(1, 22))
X86_64_VALUES = tuple(0xFFFFFF0000000000 + n for n in range(1, 22))

V1_USER_I386 = (V1_USER_HEAD % b"\x1d\x01") + V1_USER_TEXTS + I386_REGS + DATA  # 285 = 0x011d
V1_USER_X86_64 = (V1_USER_HEAD % b"\x81\x01") + V1_USER_TEXTS + X86_64_REGS + DATA  # 385 = 0x0181

V3_FIRST = (
    b"\x03\x00"  # 0: version 3
    b"\x34\x12"  # 2: dump_id
    b"\x54\x00"  # 4: data_offset 84
    b"\x02\x00"  # 6: arch
    b"\x54\x00"  # 8: arch_offset 84: the struct at it is empty, 0 bytes in GNU C
    b"\x01\x00"  # 10: type
    b"\x05\x00\x00\x00"  # 12: packet_count
    b"\x04\x00\x00\x00"  # 16: packet_no
    + text(b"2.6.37-rc3", 64)  # 20: kernel_version
    + DATA  # 84; ends at 1108
)


def v3(data_offset: bytes, arch_offset: bytes, blob: bytes, regs: bytes) -> bytes:
    """A packet of v3 with a boot id."""
    return (
        b"\x03\x00"  # 0: version
        b"\x34\x12"  # 2: dump_id
        + data_offset  # 4
        + b"\x02\x00"  # 6: arch
        + arch_offset  # 8
        + b"\x03\x00"  # 10: type
        b"\x05\x00\x00\x00"  # 12: packet_count
        b"\x00\x00\x00\x00"  # 16: packet_no
        b"\xef\xbe\xad\xde"  # 20: boot_id 0xdeadbeef
        + text(b"2.6.37", 64)  # 24: kernel_version
        + blob  # 88: nothing, or 128 bytes
        + b"\x02\x06\x17\x0a"  # 88 or 216: x86_vendor, x86_family, x86_model, x86_stepping
        + regs  # 92 or 220
        + DATA
    )


BLOB = text(b"\x00rack 7\xff", 128)
V3_I386 = v3(b"\xa0\x00", b"\x58\x00", b"", I386_REGS)  # 92 + 68 = 160; 88
V3_X86_64 = v3(b"\x04\x01", b"\x58\x00", b"", X86_64_REGS)  # 92 + 168 = 260
V3_BLOB_I386 = v3(b"\x20\x01", b"\xd8\x00", BLOB, I386_REGS)  # 220 + 68 = 288; 216
V3_BLOB_X86_64 = v3(b"\x84\x01", b"\xd8\x00", BLOB, X86_64_REGS)  # 220 + 168 = 388
