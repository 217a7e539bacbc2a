"""The door for datagrams: a UDP socket, and capture files.  Their payloads are for catchers."""
