"""Files in /proc/sys and /sys of Linux 2.6.36: what stands between a system call and a driver."""
