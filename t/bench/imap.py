"""A reader that times one command: raw bytes, no parsing that would be measured too."""
import socket, time


class Imap:
    def __init__(self, port, user='user@localhost', password='posthorn'):
        self.sock = socket.create_connection(('127.0.0.1', port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b''
        self.until(b'\r\n')
        self.command('LOGIN %s %s' % (user, password))

    def until(self, mark):
        data = self.rest
        while mark not in data[-65536 * 2:]:
            got = self.sock.recv(1 << 20)
            if not got:
                raise SystemExit('the server closed: %r' % data[-200:])
            data += got
        return data

    def command(self, line):
        """(seconds, answer) of one command; anything but OK ends the run."""
        begin = time.perf_counter()
        self.sock.sendall(b'x ' + line.encode() + b'\r\n')
        chunks, tail = [], b'\r\n'
        while True:
            got = self.sock.recv(1 << 20)
            if not got:
                raise SystemExit('the server closed during ' + line)
            chunks.append(got)
            tail = (tail + got)[-8192:]
            if tail.endswith(b'\r\n') and tail.rsplit(b'\r\n', 2)[-2].startswith(b'x '):
                break
        took = time.perf_counter() - begin
        if b'\r\nx OK' not in tail:
            raise SystemExit('%s: %r' % (line, tail))
        return took, b''.join(chunks)

    def close(self):
        self.sock.close()
