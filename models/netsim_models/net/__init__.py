"""The network core of Linux 2.6.36, as far as a netpoll client can observe it."""
