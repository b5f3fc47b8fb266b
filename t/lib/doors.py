"""Daemons of a test's own behind a socket: each connection in a thread."""
import os
import socket
import threading

from ipc import listener, parse_bytes, record, recv_fds


class Door:
    """A socket at path; what comes is given to serve(), which closes it."""

    def __init__(self, path):
        self.connections = 0
        self.sock = listener(path)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class Deliverd(Door):
    """Answers as `answer` says: a function of the request, None for silence, an exception to die."""

    def __init__(self, path):
        self.got = []           # the requests, each with its message
        self.leave = False      # close behind each answer
        self.answer = lambda q: record('delivered', result='ok', status='2.0.0', text='ok', id='x')
        super().__init__(path)

    def serve(self, c):
        while True:
            rec, fds = recv_fds(c)
            if not rec:
                return c.close()
            q = parse_bytes(rec)
            size = int(q.get('size', os.fstat(fds[0]).st_size))     # or all of the file
            q['message'] = os.pread(fds[0], size, int(q.get('offset', 0)))
            for f in fds:
                os.close(f)
            self.got.append(q)
            try:
                a = self.answer(q)
            except Exception:
                return c.close()
            if a is None:
                continue
            c.send(a)
            if self.leave:
                return c.close()
