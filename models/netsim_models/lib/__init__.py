"""Library functions of Linux 2.6.36 that simulated code calls: strings and numbers, on buffers."""
