"""Records and descriptors over SEQPACKET sockets, as lib/sys/ipc.h has them."""
import array
import base64
import os
import socket
import time


def record(proto, **attrs):
    """Text is said in UTF-8, bytes as they are, numbers in digits."""
    parts = [proto, '1'] + [x for kv in attrs.items() for x in kv]
    return b''.join((p if isinstance(p, bytes) else str(p).encode()) + b'\0' for p in parts)


def parse_bytes(rec):
    """A record's attributes, the first of them its protocol and version."""
    parts = rec.split(b'\0')[:-1]
    return {k.decode(): v for k, v in zip(parts[::2], parts[1::2])}


def parse(rec):
    return {k: v.decode() for k, v in parse_bytes(rec).items()}


def b64(s):
    return base64.b64encode(s if isinstance(s, bytes) else s.encode()).decode()


def listener(path, backlog=100):
    """A door: a socket that listens at path, in place of what is there."""
    if os.path.exists(path):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind(path)
    s.listen(backlog)
    return s


def connect(path, seconds=30):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(seconds)
    end = time.monotonic() + seconds
    while True:
        try:
            s.connect(path)
            return s
        except BlockingIOError:     # so many wait to be accepted already
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def pair(kind=socket.SOCK_SEQPACKET):
    return socket.socketpair(socket.AF_UNIX, kind)


def send_fds(s, rec, fds):
    s.sendmsg([rec], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))])


def recv_fds(s):
    """A record, and the descriptors that came with it."""
    rec, anc, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(16))
    fds = array.array('i')
    for level, kind, data in anc:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
    return rec, list(fds)
