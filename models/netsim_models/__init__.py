"""
Models of kernel target managers and of the kernel around them, as designs for netsim.

Everything here is written from published sources; each function cites file and function of the
release it models, and no kernel source is copied.
"""
