#!/usr/bin/env python3
"""smtpd asks dnsd whether the sender's domain takes mail: a real smtpd and a real
dnsd, before a name server that says what each domain needs."""
import os, shutil, socket, struct, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from ipc import pair
from nsd import Dnsd, FakeDns, wire_name
from tap import BUILD, Tap

tap = Tap()
ok = tap.ok
A, MX, AAAA = 1, 15, 28
mx = lambda name: struct.pack('>H', 10) + wire_name(name)

ZONE = {
    ('mx.test.', MX): [mx('in.mx.test')],
    ('null.test.', MX): [mx('.')],
    ('badmx.test.', MX): [mx('192.0.2.1')],
    ('a.test.', A): [b'\xc0\0\2\1'],
    ('aaaa.test.', AAAA): [bytes(15) + b'\1'],
    ('xn--bcher-kva.test.', MX): [mx('in.mx.test')],
}


def answer(q):
    if q.name.endswith('silent.test.'):
        return None
    if q.name.endswith('fails.test.'):
        return q.answer(rcode=2)
    rr = [(None, q.kind, 60, d) for d in ZONE.get((q.name, q.kind), [])]
    if not rr and not any(n == q.name for n, k in ZONE) and not q.name.startswith('nothing.'):
        return q.answer(rcode=3)
    return q.answer(*rr)


class Session:
    def __init__(self, *args, **env):
        ours, theirs = socket.socketpair()
        control, theirs3 = pair()
        e = dict(os.environ, POSTHORN_VAR=var, PEER_ID='cid', PEER_SERVICE='smtp', PEER_LISTENER='local', PEER_RIP='192.0.2.9', **env)
        fd, cfd = theirs.fileno(), theirs3.fileno()

        def pass_it():
            a, b = os.dup(fd), os.dup(cfd)
            os.dup2(a, 0)
            os.dup2(a, 1)
            os.dup2(b, 3)
            os.set_inheritable(3, True)
        self.p = subprocess.Popen([os.path.join(BUILD, 'libexec/smtpd/smtpd'), '-p', '10', *args], preexec_fn=pass_it,
                                  close_fds=False, env=e, stderr=log)
        theirs.close()
        theirs3.close()
        self.s, self.control = ours, control
        self.f = ours.makefile('rb')
        ours.settimeout(60)
        self.reply()
        self.cmd('EHLO there.test')

    def reply(self):
        while True:
            line = self.f.readline().decode()
            if line[3:4] != '-':
                return line.rstrip()

    def cmd(self, text):
        self.s.sendall(text.encode() + b'\r\n')
        return self.reply()

    def mail(self, path, more=''):
        self.cmd('RSET')
        return self.cmd('MAIL FROM:<%s>%s' % (path, more))

    def close(self):
        self.f.close()
        self.s.close()
        self.control.close()
        return self.p.wait(30)


def configure(localserve):
    with open(top + '/etc/posthorn.conf', 'w') as f:
        f.write('hostname = mx.example.org\nlocalserve = %s\nlistener local { address = 127.0.0.1\n smtp = 1025 }\n' % localserve)
    r = subprocess.run([os.path.join(BUILD, 'libexec/verbs/config'), 'build'], capture_output=True, text=True,
                       env=dict(os.environ, POSTHORN_ETC=top + '/etc', POSTHORN_VAR=var))
    if r.returncode != 0:
        print('Bail out! ' + r.stdout + r.stderr)
        sys.exit(1)


top = tempfile.mkdtemp(prefix='sender.')
var = top + '/var'
for d in ('var/run', 'var/tmp', 'etc/domains', 'etc/accounts'):
    os.makedirs(os.path.join(top, d))
with open(top + '/etc/accounts/joe.conf', 'w') as f:
    f.write('address joe@ours.test { }\n')
open(top + '/etc/domains/ours.test.conf', 'w').close()
log = open(top + '/log', 'w+b')
configure('false')
fake = FakeDns(answer)
dnsd = Dnsd('-f', fake.addr, path=var + '/run/dnsd')

s = Session('-s', '4000')
for path, want, what in (
        ('a@mx.test', '250', 'a domain with MX'),
        ('a@MX.Test', '250', 'in any case'),
        ('a@a.test', '250', 'one with A alone'),
        ('a@aaaa.test', '250', 'one with AAAA alone'),
        ('a@nowhere.test', '550 5.7.27', 'one that does not exist'),
        ('a@nothing.mx.test', '550 5.7.27', 'one with neither MX nor address'),
        ('a@null.test', '550 5.7.27', 'a null MX'),
        ('a@badmx.test', '550 5.7.27', 'an MX that names no host'),
        ('a@fails.test', '451 4.4.0', 'servers that fail'),
        ('a@silent.test', '451 4.4.0', 'servers that are silent'),
        ('a@ours.test', '250', 'a domain of ours, which DNS does not know'),
        ('a@[192.0.2.9]', '550 5.7.0', 'an address literal'),
        ('', '250', 'the null sender')):
    r = s.mail(path)
    ok(r.startswith(want), 'MAIL FROM %s: %s' % (what, want), r)
r = s.mail('a@bücher.test', ' SMTPUTF8')
ok(r.startswith('250'), 'a domain in U-labels', r)
dnsd.stop()
dnsd.sock.close()
os.unlink(var + '/run/dnsd')
r = s.mail('a@mx.test')
ok(r.startswith('451 4.4.0'), 'without dnsd: 451', r)
ok(s.mail('').startswith('250'), 'and the session goes on')
s.close()
s = Session(PEER_TRUSTED='1')
ok(s.mail('a@nowhere.test').startswith('250'), 'a trusted peer is not asked about')
s.close()
configure('true')
s = Session()
ok(s.mail('a@nowhere.test').startswith('250'), 'in a test system nothing is looked up')
s.close()
log.seek(0)
text = log.read().decode()
ok('sender-refused conn=cid domain=nowhere.test why=' in text and 'sender-deferred conn=cid domain=silent.test why=' in text, 'the log tells why', text)
dnsd.close()
fake.close()
shutil.rmtree(top)
tap.done()
