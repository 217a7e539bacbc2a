"""The simulated machine: threads, steps, footprints, shared memory.  Knows no primitive by name."""
