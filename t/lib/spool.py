"""Files of the queue, as posthorn-queue(5) tells them, without the programs."""
import os
import zlib


def pairs(*items):
    return b''.join(str(x).encode() + b'\0' for kv in items for x in kv)


def envelope(items):
    """items: (name, value) in order, recipients with what is told of them last."""
    rest = pairs(*items)
    head = len(pairs(('queue', 1), ('envelope', '0' * 10)))
    return pairs(('queue', 1), ('envelope', '%010d' % (head + len(rest)))) + rest


class Spool:
    """queue/ below a var directory."""

    def __init__(self, var):
        self.dir = os.path.join(var, 'queue')
        for d in ('', 'tmp', 'msg', 'log'):
            os.makedirs(os.path.join(self.dir, d), 0o700, exist_ok=True)

    def put(self, ident, rcpts, message=b'Subject: x\r\n\r\nhello\r\n', **values):
        """rcpts: addresses, or lists of (name, value) that begin with an address."""
        values.setdefault('queued', 1700000000)
        items = [('id', ident)] + [(k.replace('_', '-'), v) for k, v in values.items()]
        for r in rcpts:
            items += [('rcpt', r)] if isinstance(r, str) else [('rcpt', r[0])] + list(r[1:])
        with open(os.path.join(self.dir, 'msg', ident), 'wb') as f:
            f.write(envelope(items) + message)

    def note(self, ident, event, rcpt, at, **values):
        rest = pairs(('event', event), ('at', at), ('rcpt', rcpt), *values.items())
        with open(os.path.join(self.dir, 'log', ident), 'ab') as f:
            f.write(b'\x1e' + pairs(('log', 1), ('sum', '%08x' % zlib.crc32(rest))) + rest)

    def ids(self):
        return sorted(os.listdir(os.path.join(self.dir, 'msg')))
