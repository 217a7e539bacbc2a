"""The twelve patches one by one: what of each is modelled, where, and what is left out."""

from netsim.design import Part

PARTS = (
    Part(
        1,
        "Oops: Pass regs to oops_exit()",
        "registers go from die() through oops_exit() to the dump; in what order each architecture "
        "of the patch dumps, panics and exits is a table (docs/kernel.md): x86 here, the others in "
        "dumpers@arm to dumpers@sh, without netoops, which does not compile there",
        ("kernel/oops.py", "kernel/panic.py", "oops", "panic-on-oops", "pause-on-oops"),
        "values of registers (each tells its place), taint, notifiers that stop an oops",
    ),
    Part(
        2,
        "kmsg_dumper: Pass pt_regs along to dumpers.",
        "every dumper gets the registers: those of the oops; of crash_kexec() those that "
        "crash_setup_regs() made, since the dump now comes after it; none in a panic or a soft "
        "dump. ramoops and mtdoops, whose callbacks the patch changes, are neighbours in "
        "netoops-v1+neighbours",
        (
            "kernel/printk.py",
            "kernel/kexec.py",
            "drivers/ramoops.py",
            "drivers/mtdoops.py",
            "panic",
            "kexec-load",
            "kexec-unload",
            "kexec",
        ),
        "what a crash kernel does, and the notes that crash_save_vmcoreinfo() leaves for it",
    ),
    Part(
        3,
        "kmsg_dumper: Introduce a new 'SOFT' dump reason",
        "the reason, and those who do not know it: kmsg_to_str() says unknown, ramoops takes it "
        "for a panic, mtdoops writes it with panic_write() on a machine that goes on",
        ("kernel/printk.py", "drivers/ramoops.py", "drivers/mtdoops.py", "soft-dump"),
    ),
    Part(
        4,
        "sys-rq: Add option to soft dump",
        "key y, pressed or written to /proc/sysrq-trigger: the mask of kernel.sysrq, and "
        "sysrq_key_table_lock with irqs off around the whole dump",
        ("drivers/sysrq.py", "sysrq", "sysrq-trigger", "sysrq-mask"),
        "other keys than c and y, the help text, and sparc64, which has another use for y",
    ),
    Part(
        5,
        "netoops: add core functionality",
        "all of drivers/net/netoops.c: net_dump_device byte by byte, the target with its netpoll, "
        "route and neighbour, the notifier, the dump callback and its packets",
        (
            "netoops_v1/driver.py",
            "netoops_v1/proc.py",
            "netoops_v1/packet.py",
            "set",
            "off",
            "read",
            "write-device",
        ),
        "*ppos other than 0, namespaces other than init_net, the Kconfig text",
    ),
    Part(
        6,
        "netoops: Add x86 specific bits to packet headers",
        "family, model and stepping, and pt_regs of i386 (netoops-v1@i386) and x86_64, at their "
        "offsets in the packet",
        ("netoops_v1/packet.py", "x86.py", "wire/v1.py"),
        "processors other than one, CONFIG_UML",
    ),
    Part(
        7,
        "netoops: Add user programmable fields to the netoops packet.",
        "the three files in sysfs byte by byte, whose names (netoops_*) are not those that the "
        "code looks for (netdump_*), so that nothing is stored; and their fields in the packet",
        (
            "netoops_v1/sysfs.py",
            "fs/sysfs.py",
            "fw-version",
            "board-name",
            "boot-number",
            "read-fw-version",
            "read-board-name",
            "read-boot-number",
        ),
        "permissions: it is root who calls",
    ),
    Part(
        8,
        "netoops: Add one-shot mode",
        "the flag, its file byte by byte, and that each new target arms the driver again",
        (
            "netoops_v1/driver.py",
            "kernel/proc_dointvec.py",
            "one-shot",
            "write-one-shot",
            "read-one-shot",
        ),
    ),
    Part(
        9,
        "netoops: Add an interface to trigger various types of crashes.",
        "net_dump_now byte by byte: what is written is copied, cut off and compared as the code "
        "does it, and crashes accordingly",
        ("netoops_v1/proc.py", "crash", "read-crash"),
        "the difference between a NULL pointer and BUG(): both end in die()",
    ),
    Part(
        10,
        "kmsg_dump: Export symbol kmsg_dump() to GPL modules",
        "without it insmod names kmsg_dump, which patch 09 calls, and fails: netoops-v1-10",
        ("netoops_v1/symbols.py", "kernel/module.py", "insmod"),
    ),
    Part(
        11,
        "ipv4: Export arp_bind_neighbour() symbol to GPL modules",
        "without it insmod names arp_bind_neighbour, which patch 05 calls, and fails: "
        "netoops-v1-11",
        ("netoops_v1/symbols.py", "kernel/module.py", "insmod"),
    ),
    Part(
        12,
        "netoops: Allow the driver to be built as a module",
        "a module, loaded at boot, with netoops_init() and netoops_exit(); without the patch it is "
        "built in, has no file to load and cannot be unloaded: netoops-v1+built-in",
        ("netoops_v1/system.py", "kernel/module.py", "insmod", "rmmod"),
        "module parameters (it has none), forced unloading",
    ),
)
