"""Ports for servers of a test, below those that the kernel hands out to whoever connects.

One that bind() to 0 gave and that was closed again may be taken by any client before it is used.
"""
import random
import socket

FIRST, END = 11000, 31000
OFFSETS = (25, 143, 465, 587, 993)      # what is added to a port base


def is_free(address, port):
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as s:
                s.bind((address, port))
        return True
    except OSError:
        return False


def free_port(address='127.0.0.1'):
    """Free for TCP and UDP."""
    while True:
        port = random.randrange(FIRST, END)
        if is_free(address, port):
            return port


def free_base(*addresses):
    """A BASE (see quickstart and localserve) whose ports are free at all of these addresses."""
    while True:
        base = random.randrange(FIRST, END)
        if all(is_free(a, base + o) for a in addresses or ('127.0.0.1',) for o in OFFSETS):
            return base
