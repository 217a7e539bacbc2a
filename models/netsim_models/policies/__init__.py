"""Ideas of the thread about which dumps leave the machine, as policies that any design can have."""
