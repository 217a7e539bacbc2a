"""
`struct pt_regs` of x86, kernel side: arch/x86/include/asm/ptrace.h of 2.6.36 (as in 2.6.32).

All members are `unsigned long`: 17 words of 4 bytes on i386, 21 of 8 on x86_64.  The patches say
"regs is 60 or 168 bytes"; 60 was right for i386 before `fs` (2.6.20) and `gs` (2.6.30) were saved.
What `memcpy()` takes there is `sizeof`, so 68 bytes go out.  A trap from kernel mode saves neither
`sp` nor `ss` on i386: these two words are then whatever stood below on the stack.
"""

I386 = (
    "bx", "cx", "dx", "si", "di", "bp", "ax", "ds", "es", "fs", "gs",
    "orig_ax", "ip", "cs", "flags", "sp", "ss",
)  # fmt: skip
X86_64 = (
    "r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di",
    "orig_ax", "ip", "cs", "flags", "sp", "ss",
)  # fmt: skip

#: The machine: (names, format of all words).
PT_REGS = {"i386": (I386, "17I"), "x86_64": (X86_64, "21Q")}
