"""The part of Linux 2.6.36 that is not networking: printk, kmsg_dump, oops and panic."""
