"""Drivers of 2.6.36 that are neighbours of netoops: on the list of dumpers, or callers of it."""
