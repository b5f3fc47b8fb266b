"""Real name servers on loopback, for tests.

    with Nsd({'example.': zone('''mx 60 A 127.0.0.1
                                  @ 60 MX 10 mx''')}, sign=['example.']) as n:
        n.addr               '127.0.0.1@PORT', for stubs and forwarders
        n.anchor['example.'] the DS record of a signed zone, as a trust anchor

NSD serves what it is given, and nothing else: it is an authoritative server that takes
the part of all servers. FakeDns answers each question as a function says.
"""
import atexit
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from ports import free_port

SBIN = os.environ.get('PATH', '') + ':/usr/sbin:/sbin:/usr/local/sbin'


def have(tool):
    return shutil.which(tool, path=SBIN)


def zone(records, origin='example.', soa=True):
    """A zone file's text: records (one a line, "@" and relative names allowed) behind SOA and NS."""
    lines = ['$ORIGIN %s' % origin, '$TTL 60']
    if soa:
        lines += ['@ IN SOA ns hostmaster 1 3600 600 86400 60', '@ IN NS ns', 'ns IN A 127.0.0.1']
    return '\n'.join(lines + [r.strip() for r in records.strip().splitlines()]) + '\n'


def run(argv, cwd):
    r = subprocess.run(argv, cwd=cwd, capture_output=True, text=True)
    if r.returncode != 0:
        raise RuntimeError('%s: %s' % (' '.join(argv), r.stdout + r.stderr))
    return r.stdout.strip()


class Nsd:
    """NSD with zones {name: text}; sign: those to be signed; expired: signed, but in the past."""

    def __init__(self, zones, sign=(), expired=(), address='127.0.0.1', port=None, start=True):
        self.dir = tempfile.mkdtemp(prefix='posthorn-nsd-')
        self.address, self.port = address, port or free_port(address)
        self.addr = '%s@%d' % (self.address, self.port)
        self.anchor, self.zones, self.proc = {}, {}, None
        atexit.register(self.close)     # also when the test breaks off
        for name, text in zones.items():
            self.write(name, text)
            if name in sign or name in expired:
                self.sign(name, name in expired)
        if start:
            self.start()

    def path(self, name):
        return os.path.join(self.dir, (name.rstrip('.') or 'root') + '.zone')

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        self.zones[name] = self.path(name)

    def sign(self, name, expired=False):
        """Sign with one ECDSA key, made at the first time; the anchor is its DS record."""
        key = os.path.join(self.dir, 'K' + (name.rstrip('.') or 'root'))
        if not os.path.exists(key + '.name'):
            made = run([have('ldns-keygen'), '-a', 'ECDSAP256SHA256', '-k', '-r', '/dev/urandom', name], self.dir)
            with open(key + '.name', 'w') as f:
                f.write(made)
            with open(os.path.join(self.dir, made + '.ds')) as f:
                self.anchor[name] = ' '.join(f.read().split())
        made = open(key + '.name').read()
        dates = ['-i', '20200101000000', '-e', '20200201000000'] if expired else []
        run([have('ldns-signzone'), *dates, '-f', self.path(name) + '.signed', self.path(name), made], self.dir)
        self.zones[name] = self.path(name) + '.signed'

    def tamper(self, name, old, new):
        """Change the text of a signed zone behind its signatures."""
        with open(self.zones[name]) as f:
            text = f.read()
        if old not in text:
            raise RuntimeError('nothing to tamper with: ' + old)
        with open(self.zones[name], 'w') as f:
            f.write(text.replace(old, new))

    def configure(self):
        conf = os.path.join(self.dir, 'nsd.conf')
        with open(conf, 'w') as f:
            f.write('server:\n\tip-address: %s\n\tport: %d\n\tserver-count: 1\n\tusername: ""\n\tchroot: ""\n'
                    '\tzonesdir: "%s"\n\tdatabase: ""\n\tpidfile: ""\n\txfrdfile: "%s/xfrd.state"\n'
                    '\txfrdir: "%s"\n\tzonelistfile: "%s/zone.list"\n\trrl-ratelimit: 0\n\tverbosity: 1\n'
                    '\thide-version: yes\nremote-control:\n\tcontrol-enable: no\n'
                    % (self.address, self.port, *[self.dir] * 4))
            for name, path in self.zones.items():
                f.write('zone:\n\tname: "%s"\n\tzonefile: "%s"\n' % (name, path))
        return conf

    def start(self):
        log = open(os.path.join(self.dir, 'log'), 'a')
        self.proc = subprocess.Popen([have('nsd'), '-d', '-c', self.configure()], stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log, start_new_session=True)
        log.close()
        end = time.time() + 30
        name = next(iter(self.zones), 'example.')
        while time.time() < end and self.proc.poll() is None:
            if ask(self.address, self.port, name, 6, 0.3):
                return self
        text = open(os.path.join(self.dir, 'log')).read()
        self.stop()
        raise RuntimeError('nsd does not answer: ' + text)

    def stop(self):
        """It is one process group, and all of it is ours."""
        if self.proc is not None:
            try:
                os.killpg(self.proc.pid, signal.SIGTERM)
                self.proc.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
            try:
                os.killpg(self.proc.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.proc.wait()
            self.proc = None

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


# --- the wire

def wire_name(name):
    return b''.join(bytes([len(l)]) + l.encode() for l in name.rstrip('.').split('.') if l) + b'\0'


def question(name, kind, ident):
    return struct.pack('>HHHHHH', ident, 0x0100, 1, 0, 0, 0) + wire_name(name) + struct.pack('>HH', kind, 1)


def ask(address, port, name, kind, seconds):
    """The answer to one question over UDP, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        try:
            s.connect((address, port))
            s.send(question(name, kind, random.randrange(65536)))
            return s.recv(65536)
        except OSError:
            return None


class Query:
    def __init__(self, data, tcp):
        self.data, self.tcp = data, tcp
        self.id = data[:2]
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode('latin-1').lower())
            at += 1 + data[at]
        self.name = '.'.join(labels) + '.'
        self.kind = struct.unpack('>H', data[at + 1:at + 3])[0]
        self.question = data[12:at + 5]

    def answer(self, *records, rcode=0, flags=0x8580, ident=None, question=None):
        """records: (name or None for the asked one, type, ttl, data as bytes)"""
        body = b''.join((wire_name(n) if n is not None else b'\xc0\x0c') + struct.pack('>HHIH', k, 1, ttl, len(d)) + d
                        for n, k, ttl, d in records)
        return (ident or self.id) + struct.pack('>HHHHH', flags | rcode, 1, len(records), 0, 0) + \
            (question or self.question) + body


class FakeDns:
    """answer(Query) gives bytes, a list of them, or None for silence; what it did not expect fails. Both UDP and TCP."""

    def __init__(self, answer, address='127.0.0.1', port=None):
        self.answer, self.seen = answer, []
        self.address, self.port = address, port or free_port(address)
        self.addr = '%s@%d' % (self.address, self.port)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, self.port))
        self.tcp.listen(50)
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def answers(self, data, tcp):
        try:
            q = Query(data, tcp)
        except IndexError:
            return []
        self.seen.append((q.name, q.kind, tcp))
        try:
            a = self.answer(q)
        except Exception:
            a = q.answer(rcode=2)
        return [] if a is None else a if isinstance(a, list) else [a]

    def serve_udp(self):
        while True:
            try:
                data, peer = self.udp.recvfrom(65536)
                for a in self.answers(data, False):
                    self.udp.sendto(a, peer)
            except OSError:
                return

    def serve_tcp(self):
        while True:
            try:
                c, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_one, args=(c,), daemon=True).start()

    def serve_one(self, c):
        try:
            with c, c.makefile('rb') as f:
                while True:
                    head = f.read(2)
                    if len(head) < 2:
                        return
                    for a in self.answers(f.read(struct.unpack('>H', head)[0]), True):
                        c.sendall(struct.pack('>H', len(a)) + a)
        except OSError:
            pass

    def close(self):
        self.udp.close()
        self.tcp.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


class Dnsd:
    """A real dnsd with options, or with the configuration of a var directory; ask() asks it."""

    def __init__(self, *options, path=None, env=None, log=None):
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        from ipc import listener
        from tap import BUILD
        self.dir = tempfile.mkdtemp(prefix='posthorn-dnsd-')
        self.path = path or os.path.join(self.dir, 'dnsd')
        self.logname = os.path.join(self.dir, 'log')
        self.sock = listener(self.path)
        self.program = os.path.join(BUILD, 'libexec/dnsd/dnsd')
        self.options, self.env = options, dict(os.environ, **(env or {}))
        atexit.register(self.close)
        self.start()

    def start(self):
        fd = self.sock.fileno()

        def pass_it():
            os.dup2(fd, 3)
            os.set_inheritable(3, True)
        with open(self.logname, 'a') as log:
            self.proc = subprocess.Popen(
                ['/bin/sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=dnsd exec "$0" "$@"', self.program,
                 *self.options], preexec_fn=pass_it, close_fds=False, stderr=log, env=self.env)

    def log(self):
        return open(self.logname, errors='replace').read()

    def client(self):
        return Client(self.path)

    def ask(self, kind, name, ms=20000):
        with self.client() as c:
            return c.ask(kind, name, ms)

    def stop(self):
        if self.proc.poll() is None:
            self.proc.terminate()
        return self.proc.wait(30)

    def close(self):
        code = self.stop()
        self.sock.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


class Answer:
    """got, secure, canonical, why, ttl, rr (list of bytes), id, raw (the attributes)"""

    def __init__(self, rec):
        import base64
        parts = rec.split(b'\0')
        pairs = [(parts[i].decode(), parts[i + 1]) for i in range(0, len(parts) - 1, 2)]
        self.raw = pairs
        one = dict(pairs)
        self.id = one.get('id', b'').decode()
        self.got = one.get('got', b'').decode()
        self.secure = one.get('secure') == b'1'
        self.canonical = one.get('canonical', b'').decode()
        self.why = one.get('why', b'').decode()
        self.ttl = int(one.get('ttl', b'0'))
        self.rr = sorted(base64.b64decode(v) for k, v in pairs if k == 'rr')

    def __repr__(self):
        return '<%s%s %s rr=%r why=%r>' % (self.got, ' secure' if self.secure else '', self.canonical, self.rr, self.why)


class Client:
    def __init__(self, path, seconds=60):
        from ipc import connect
        self.s = connect(path, seconds)

    def send(self, kind, name, ident='0', ms=20000):
        if isinstance(name, str):
            name = name.encode()
        self.s.send(b'dns\x001\0id\0%s\0type\0%s\0name\0%s\0ms\0%d\0' % (ident.encode(), kind.encode(), name, ms))

    def receive(self):
        rec = self.s.recv(65536)
        return Answer(rec) if rec else None

    def ask(self, kind, name, ms=20000):
        self.send(kind, name, ms=ms)
        return self.receive()

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
