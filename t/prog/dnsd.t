#!/usr/bin/env python3
"""dnsd through its socket, before real name servers (NSD) and ones that lie."""
import os, re, signal, shutil, struct, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from ipc import record
from nsd import Dnsd, FakeDns, Nsd, have, wire_name, zone
from tap import BUILD, Tap, skip_all

for tool in ('nsd', 'ldns-keygen', 'ldns-signzone'):
    if not have(tool):
        skip_all('no ' + tool)

tap = Tap()
ok, eq = tap.ok, tap.eq
n4 = lambda s: bytes(int(x) for x in s.split('.'))
mx = lambda pref, name: struct.pack('>H', pref) + wire_name(name)

ZONE = zone('''
@ MX 10 mx
@ MX 20 mx2.other.example.
mx A 192.0.2.1
mx A 192.0.2.2
mx AAAA 2001:db8::1
www CNAME alias
alias CNAME mx
dangling CNAME nowhere
txt TXT "v=spf1 " "-all"
txt TXT "two"
_25._tcp.mx TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000001
_imap._tcp SRV 0 1 143 mx
1.2.0.192 PTR mx
null MX 0 .
*.wild A 192.0.2.7
xn--bcher-kva A 192.0.2.9
''')


def finished(d, what):
    bare = []
    for task in os.listdir('/proc/%d/task' % d.proc.pid):
        with open('/proc/%d/task/%s/status' % (d.proc.pid, task)) as f:
            if not re.search(r'^Seccomp:\s+2', f.read(), re.M):
                bare.append(task)
    if 'unconfined' not in d.log():
        tap.none(bare, 'each of its threads is confined (%s)' % what)
    eq(d.stop(), 0, 'dnsd ends with 0 (%s)' % what)
    bad = [l for l in d.log().splitlines() if re.search('unconfined|Sanitizer|runtime error|libunbound', l)]
    tap.none([l for l in bad if 'built with sanitizers' not in l], 'and there was nothing wrong with it (%s)' % what)


# --- every type, every kind of answer; insecure, secure, bogus

TYPES = [
    ('MX', 'example', 'ok', 'example', [mx(10, 'mx.example'), mx(20, 'mx2.other.example')]),
    ('MX', 'EXAMPLE.', 'ok', 'example', [mx(10, 'mx.example'), mx(20, 'mx2.other.example')]),
    ('A', 'mx.example', 'ok', 'mx.example', [n4('192.0.2.1'), n4('192.0.2.2')]),
    ('a', 'mx.example', 'ok', 'mx.example', [n4('192.0.2.1'), n4('192.0.2.2')]),
    ('AAAA', 'mx.example', 'ok', 'mx.example', [b'\x20\x01\x0d\xb8' + bytes(11) + b'\x01']),
    ('A', 'www.example', 'ok', 'mx.example', [n4('192.0.2.1'), n4('192.0.2.2')]),
    ('CNAME', 'www.example', 'ok', 'www.example', [wire_name('alias.example')]),
    ('A', 'dangling.example', 'nxdomain', 'nowhere.example', []),
    ('MX', 'www.example', 'nodata', 'mx.example', []),
    ('TXT', 'txt.example', 'ok', 'txt.example', [b'\x03two', b'\x07v=spf1 \x04-all']),
    ('TLSA', '_25._tcp.mx.example', 'ok', '_25._tcp.mx.example', [b'\3\1\1' + bytes(31) + b'\1']),
    ('SRV', '_imap._tcp.example', 'ok', '_imap._tcp.example', [b'\0\0\0\1\0\x8f' + wire_name('mx.example')]),
    ('PTR', '1.2.0.192.example', 'ok', '1.2.0.192.example', [wire_name('mx.example')]),
    ('NS', 'example', 'ok', 'example', [wire_name('ns.example')]),
    ('MX', 'null.example', 'ok', 'null.example', [b'\0\0\0']),
    ('A', 'any.thing.wild.example', 'ok', 'any.thing.wild.example', [n4('192.0.2.7')]),
    ('A', 'nowhere.example', 'nxdomain', 'nowhere.example', []),
    ('SRV', 'mx.example', 'nodata', 'mx.example', []),
    ('A', 'bücher.example', 'ok', 'xn--bcher-kva.example', [n4('192.0.2.9')]),
    ('A', 'BÜCHER.example', 'ok', 'xn--bcher-kva.example', [n4('192.0.2.9')]),
    ('A', 'xn--bcher-kva.example', 'ok', 'xn--bcher-kva.example', [n4('192.0.2.9')]),
    ('TXT', r't\120t.example', 'ok', 'txt.example', [b'\x03two', b'\x07v=spf1 \x04-all']),
    ('A', 'a b.example', 'nxdomain', None, []),
]


def all_types(d, secure, what):
    bad = []
    with d.client() as c:
        for kind, name, got, canonical, rr in TYPES:
            a = c.ask(kind, name)
            if (a.got, a.rr, a.secure) != (got, sorted(rr), secure) or (canonical and a.canonical != canonical) \
                    or (got == 'ok' and not 0 < a.ttl <= 60):
                bad.append('%s %s: %r' % (kind, name, a))
        a = c.ask('SOA', 'example')
        if a.got != 'ok' or not a.rr[0].startswith(wire_name('ns.example') + wire_name('hostmaster.example')):
            bad.append('SOA: %r' % a)
    tap.none(bad, 'all types and kinds of answer: ' + what)


signed = Nsd({'example.': ZONE, 'bad.example.': zone('a A 192.0.2.1\nb A 192.0.2.2', 'bad.example.'),
              'old.example.': zone('a A 192.0.2.1', 'old.example.'), 'test.': zone('a A 192.0.2.5', 'test.')},
             sign=['example.', 'bad.example.', 'old.example.'], expired=['old.example.'], start=False)
signed.tamper('bad.example.', '192.0.2.1', '192.0.2.66')
signed.start()
plain = Nsd({'example.': ZONE, 'test.': zone('a A 192.0.2.5', 'test.'),
             '2.0.192.in-addr.arpa.': zone('1 PTR mx.example.', '2.0.192.in-addr.arpa.')})
anchors = [x for z in ('example.', 'bad.example.', 'old.example.') for x in ('-a', signed.anchor[z])]

with Dnsd('-s', 'example. ' + plain.addr) as d:
    all_types(d, False, 'an unsigned stub zone')
    eq(d.ask('A', 'a.test').got, 'nxdomain', 'test. does not exist when nobody says so')
    eq(d.ask('PTR', '1.2.0.192.in-addr.arpa').got, 'nxdomain', 'nor do the reverse zones of private addresses')
    finished(d, 'stub')

with Dnsd('-s', 'example. ' + signed.addr, *anchors) as d:
    all_types(d, True, 'a signed stub zone below a trust anchor')
    a = d.ask('A', 'a.bad.example')
    ok(a.got == 'bogus' and not a.rr and not a.secure and a.why, 'a record that was tampered with is bogus, without data', a)
    a = d.ask('A', 'b.bad.example')
    ok(a.got == 'ok' and a.secure, 'its neighbour is not', a)
    a = d.ask('A', 'a.old.example')
    ok(a.got == 'bogus' and 'expired' in a.why, 'signatures that are over are bogus, and why is told', a)
    ok('bogus name=a.bad.example. type=A why=' in d.log(), 'the log tells of it', d.log())
    finished(d, 'signed')

with Dnsd('-s', 'example. ' + signed.addr) as d:
    a = d.ask('A', 'a.bad.example')
    ok(a.got == 'ok' and not a.secure, 'without an anchor of its own a stub zone is insecure, whatever the root says', a)

with Dnsd('-s', 'example. ' + plain.addr, '-a', signed.anchor['example.']) as d:
    eq(d.ask('A', 'mx.example').got, 'bogus', 'an unsigned zone below an anchor is bogus: signatures cannot be left out')

with Dnsd('-f', plain.addr) as d:
    all_types(d, False, 'a forwarder')
    eq(d.ask('A', 'a.test').rr, [n4('192.0.2.5')], 'a forwarder is asked about test.')
    eq(d.ask('PTR', '1.2.0.192.in-addr.arpa').rr, [wire_name('mx.example')], 'and about private addresses')
    finished(d, 'forwarder')

with Dnsd('-f', signed.addr, *anchors) as d:
    all_types(d, True, 'a forwarder, and a trust anchor')
    a = d.ask('A', 'a.test')
    ok(a.got == 'ok' and not a.secure, 'what is not below the anchor is insecure', a)

root = Nsd({'.': zone('a.root A 192.0.2.8\nexample NS ns.example\nexample DS %s\nns.example A 127.0.0.1'
                      % signed.anchor['example.'].split(' DS ')[1], '.').replace('ns hostmaster', 'ns.root. h.root.').replace('NS ns\nns IN', 'NS ns.root.\nns.root. IN')},
           sign=['.'])
with Dnsd('-f', root.addr, '-r', root.anchor['.']) as d:
    a = d.ask('A', 'a.root')
    ok(a.got == 'ok' and a.secure, 'a forwarder that can prove the root: all is validated', a, d.log())
    ok(' validating forwarder=' in d.log(), 'and the log says so', d.log())
    a = d.ask('A', 'nowhere')
    ok(a.got == 'nxdomain' and a.secure, 'what is not there is proven too', a)
    finished(d, 'proving forwarder')
with Dnsd('-f', root.addr) as d:
    a = d.ask('A', 'a.root')
    ok(a.got == 'ok' and not a.secure and 'not-validating' in d.log(), 'one that cannot is not held to it', a, d.log())
    finished(d, 'forwarder without proof')
root.close()

with Dnsd('-s', 'test. ' + plain.addr, '-s', '2.0.192.in-addr.arpa. ' + plain.addr) as d:
    eq(d.ask('A', 'a.test').rr, [n4('192.0.2.5')], 'a stub zone at test. is asked')
    eq(d.ask('PTR', '1.2.0.192.in-addr.arpa').rr, [wire_name('mx.example')], 'and a reverse one')

with Dnsd('-z', plain.path('example.'), '-z', plain.path('test.')) as d:
    all_types(d, False, 'a zone file')
    eq(d.ask('A', 'a.test').rr, [n4('192.0.2.5')], 'a zone file below test.')
    finished(d, 'zone file')

with Dnsd('-z', signed.zones['example.'], '-a', signed.anchor['example.']) as d:
    all_types(d, True, 'a signed zone file')

# --- servers that are slow, lie or loop

with FakeDns(lambda q: None) as f, Dnsd('-f', f.addr) as d:
    t = time.time()
    a = d.ask('MX', 'silent.example', ms=700)
    took = time.time() - t
    ok(a.got == 'temp' and a.why and 0.6 < took < 5, 'a silent server: the deadline holds', a, took)
    with d.client() as c:
        for i in range(20):
            c.send('A', 'silent%d.example' % i, str(i), ms=100 + 20 * i)
        order = [c.receive() for i in range(20)]
    ok([a.id for a in order] == [str(i) for i in range(20)] and all(a.got == 'temp' for a in order), 'each question has its own', order)
    finished(d, 'silent')


def one(q, n=b'\xc0\x00\x02\x01', **kw):
    return q.answer((None, 1, 60, n), **kw) if q.kind == 1 else q.answer(**kw)


def back_soon(d, name):
    """The same question until it is answered."""
    end = time.time() + 60
    while time.time() < end:
        a = d.ask('A', name, ms=1000)
        if a.got == 'ok':
            return a
    return a


silent = [True]
with FakeDns(lambda q: None if silent[0] else one(q)) as f, Dnsd('-f', f.addr) as d:
    eq(d.ask('A', 'a.example', ms=300).got, 'temp', 'silent at first')
    silent[0] = False
    t = time.time()
    a = back_soon(d, 'a.example')
    ok(a.got == 'ok' and time.time() - t < 30, 'when it speaks again it is heard', a, time.time() - t)

with FakeDns(lambda q: [one(q, n4('192.0.2.66'), ident=b'xx'), one(q, n4('192.0.2.66'), question=wire_name('evil.example') + b'\0\1\0\1'),
                        one(q, n4('192.0.2.1'))]) as f, Dnsd('-f', f.addr) as d:
    a = d.ask('A', 'a.example')
    ok(a.got in ('ok', 'temp') and a.rr in ([], [n4('192.0.2.1')]), 'answers with another id or question are not taken', a)

with FakeDns(lambda q: None if silent[0] else one(q)) as f, Dnsd('-f', f.addr) as d:
    eq(d.ask('A', 'a.example').got, 'ok', 'a forwarder that answers')
    silent[0] = True
    end = time.time() + 8           # until it counts as down
    asked = [d.ask('A', 'b%d.example' % i, ms=1000).got for i in range(1000) if time.time() < end and not time.sleep(0.1)]
    eq(set(asked), {'temp'}, 'is silent for a while')
    silent[0] = False
    back = time.time()
    while d.ask('A', 'c%f.example' % time.time(), ms=5000).got != 'ok' and time.time() < back + 30:
        time.sleep(0.1)
    took = time.time() - back
    ok(took < 5, 'and is asked again soon after it is back', '%.1f s' % took)     # two seconds and what a busy machine takes
    while d.ask('A', 'b0.example').got != 'ok' and time.time() < back + 30:
        time.sleep(0.1)
    took = time.time() - back
    ok(took < 10, 'what it was asked in vain is asked again after five seconds', '%.1f s' % took)
    finished(d, 'back')

with FakeDns(lambda q: None) as f, Dnsd('-f', f.addr, '-f', plain.addr) as d:
    t = time.time()
    bad = [a for a in (d.ask('A', 'mx.example', ms=10000), d.ask('MX', 'example', ms=10000), d.ask('TXT', 'txt.example', ms=10000)) if a.got != 'ok']
    tap.none(bad, 'one of two forwarders is silent: the other one answers')
    tap.note('three answers took %.1f s' % (time.time() - t))

with FakeDns(lambda q: q.answer(rcode=5)) as f, Dnsd('-f', f.addr) as d:
    eq(d.ask('A', 'a.example').got, 'temp', 'a server that refuses: temporary')

with FakeDns(lambda q: one(q) if q.tcp else q.answer(flags=0x8780)) as f, Dnsd('-f', f.addr) as d:
    a = d.ask('A', 'a.example')
    ok(a.got == 'ok' and (('a.example.', 1, True) in f.seen), 'a truncated answer is asked for again over TCP', a, f.seen)

with FakeDns(lambda q: b'\xff' * 40) as f, Dnsd('-f', f.addr) as d:
    eq(d.ask('A', 'a.example', ms=1000).got, 'temp', 'bytes without sense: temporary')


def loop(q):
    a, b = ('a', 'b') if q.name.startswith('a') else ('b', 'a')
    return q.answer((None, 5, 60, wire_name(b + '.example')))


with FakeDns(loop) as f, Dnsd('-f', f.addr) as d:
    a = d.ask('A', 'a.example')
    ok(a.got in ('temp', 'nodata', 'nxdomain') and not a.rr, 'a loop of CNAMEs ends', a)


def chain(q):
    n = int(q.name.split('.')[0][1:])
    return one(q) if n == 40 else q.answer((None, 5, 60, wire_name('c%d.example' % (n + 1))))


with FakeDns(chain) as f, Dnsd('-f', f.addr) as d:
    a = d.ask('A', 'c0.example')
    ok(a.got == 'temp', 'so does a long chain', a)
    eq(d.ask('A', 'c36.example').rr, [n4('192.0.2.1')], 'a short one is followed')


def huge(q):
    if not q.tcp:
        return q.answer(flags=0x8780)
    if q.name.startswith('m'):
        return q.answer(*[(None, 15, 60, struct.pack('>H', i) + b'\x3f' + b'%063d' % i + b'\0') for i in range(790)])
    return q.answer(*[(None, 16, 60, (b'\xff' + b'x' * 255) * 10) for i in range(int(q.name[1:3]))])


with FakeDns(huge) as f, Dnsd('-f', f.addr) as d:
    a = d.ask('TXT', 't10.example')
    ok(a.got == 'ok', '25 KB of TXT are handed on', a.got, a.why)
    for kind, name in (('TXT', 't25.example'), ('MX', 'm.example')):
        a = d.ask(kind, name)
        ok(a.got == 'temp' and 'larger' in a.why, '%s that a record cannot hold: temporary, and it says so' % kind, a.got, a.why)
    eq(d.ask('TXT', 't02.example').got, 'ok', 'dnsd goes on')
    finished(d, 'fakes')

# --- clients

many = FakeDns(one)
d = Dnsd('-f', many.addr)
clients = [d.client() for i in range(50)]
for i, c in enumerate(clients):
    for k in range(40):
        c.send('A', 'n%d.example' % (k + i % 5), '%d-%d' % (i, k))
bad = []
for i, c in enumerate(clients):
    got = [c.receive() for k in range(40)]
    want = {'%d-%d' % (i, k): 'n%d.example' % (k + i % 5) for k in range(40)}
    if {a.id: a.canonical for a in got} != want or any(a.got != 'ok' for a in got):
        bad.append(i)
tap.none(bad, '50 clients with 40 questions each: every one gets its own answers')
asked = [n for n, k, tcp in many.seen if k == 1]
ok(len(asked) < 60, 'what several ask at the same time is asked once', len(asked))
for c in clients:
    c.close()

names = ['', '..', 'a..b', '.a', 'x' * 64 + '.example', '.'.join(['x' * 60] * 5), 'a' * 3000, '\\', 'a\\25', 'a\\999.b', b'\xff\xfe.example', 'ü' * 60 + '.example']
with d.client() as c:
    bad = [(n, a) for n in names for a in [c.ask('A', n)] if a.got != 'nxdomain' or not a.why]
    tap.none(bad, 'names that DNS cannot have do not exist')
    eq(c.ask('A', 'a' * 63 + '.example').got, 'ok', 'a label of 63 bytes')
    eq(c.ask('A', '.'.join(['x' * 61] * 4) + '.abcd').got, 'ok', 'a name of 252 bytes')
    eq(c.ask('NS', '.').got, 'nodata', 'the root')

hostile = [b'', b'x', b'dns\x001', b'dns\x002\0', b'\0' * 100, b'dns\x001\0id\0', record('verify'), record('dns', id='1', type='ANY', name='a'),
           record('dns', id='1', type='', name='a'), record('dns', id='x' * 33, type='A', name='a'), b'\xff' * 60000]
bad = []
for h in hostile:
    with d.client() as c:
        c.s.send(h) if h else c.s.shutdown(1)
        if c.receive() is not None:
            bad.append(h[:40])
tap.none(bad, 'what is no question ends the connection')
with d.client() as c:
    c.s.send(record('dns', id='1', type='A', name='a.example', ms='x', other='y'))
    eq(c.receive().got, 'ok', 'attributes that are not known are skipped')
    c.s.send(record('dns', type='A', name='a.example'))
    a = c.receive()
    ok(a.got == 'ok' and a.id == '', 'without an id the answer has none')

deaf = d.client()
deaf.s.setblocking(False)
sent = 0
try:
    while sent < 200000:
        deaf.send('A', 'n%d.example' % (sent % 20))
        sent += 1
except OSError:
    pass
ok(sent < 200000, 'who does not take its answers is not read from', sent)
eq(d.ask('A', 'n1.example').got, 'ok', 'and the others are served')
deaf.s.setblocking(True)
got = 0
while got < sent and deaf.receive():
    got += 1
eq(got, sent, 'when it does take them they are all there')
deaf.close()
gone = [d.client() for i in range(200)]
for c in gone:
    c.send('A', 'gone.example')
    c.close()
eq(d.ask('A', 'n1.example').got, 'ok', 'clients that left without waiting do no harm')
finished(d, 'clients')
many.close()

# --- how it begins, and ends

for argv, why in ((['-f'], 'usage'), (['x'], 'usage'), (['-q'], 'usage')):
    r = subprocess.run([os.path.join(BUILD, 'libexec/dnsd/dnsd'), *argv], capture_output=True, text=True, timeout=30)
    ok(r.returncode == 100 and why in r.stderr, 'dnsd %s: 100' % ' '.join(argv), r)
r = subprocess.run([os.path.join(BUILD, 'libexec/dnsd/dnsd'), '-f', '127.0.0.1'], capture_output=True, text=True, timeout=30)
ok(r.returncode == 100 and 'no socket' in r.stderr, 'without a socket: 100', r)
for argv in (['-f', 'not an address'], ['-s', 'example.'], ['-a', 'example. DS nonsense'], ['-A', '/nonexistent']):
    with Dnsd(*argv) as d:
        try:
            code = d.proc.wait(30)
        except subprocess.TimeoutExpired:
            code = None
        ok(code == 111 and 'unable to set up the resolver' in d.log(), 'dnsd %s: 111, and the log tells' % ' '.join(argv), code, d.log())

# --- the configuration

home = tempfile.mkdtemp(prefix='posthorn-dnsd-t-')
etc, var = os.path.join(home, 'etc'), os.path.join(home, 'var')
for x in (etc, var, etc + '/domains', etc + '/accounts'):
    os.mkdir(x)
env = {'POSTHORN_ETC': etc, 'POSTHORN_VAR': var}


def configure(dns):
    with open(os.path.join(etc, 'posthorn.conf'), 'w') as f:
        f.write('hostname = "mx.example.org"\n' + dns)
    r = subprocess.run([os.path.join(BUILD, 'libexec/verbs/config'), 'build'], env=dict(os.environ, **env), capture_output=True, text=True)
    if r.returncode != 0:
        ok(False, 'the configuration is built', r.stdout + r.stderr)


def until(d, kind, name, rr):
    """Ask until it is that; changes are looked for once a second."""
    end = time.time() + 20
    while time.time() < end:
        a = d.ask(kind, name, ms=2000)
        if a.rr == rr:
            return True
        time.sleep(0.1)
    tap.note(repr(a) + d.log())
    return False


configure('dns { stub = {"example. %s"} trust-anchor = {"%s"} }\n' % (signed.addr, signed.anchor['example.']))
with Dnsd(env=env) as d:
    all_types(d, True, 'stub zone and trust anchor of the configuration')
    go = threading.Event()
    slow = FakeDns(lambda q: (q.name != 'slow.example.' or go.wait(30)) and one(q, n4('192.0.2.3')))
    configure('dns { forwarder = {"%s"} }\n' % slow.addr)
    end = time.time() + 20
    while 'settings-taken' not in d.log() and time.time() < end:
        d.ask('A', 'localhost', ms=100)
        time.sleep(0.1)
    ok('settings-taken' in d.log(), 'a new configuration is taken')
    with d.client() as c:
        c.send('A', 'slow.example')
        end = time.time() + 20
        while not any(n == 'slow.example.' for n, k, t in slow.seen) and time.time() < end:
            time.sleep(0.05)
        with open(os.path.join(etc, 'z.zone'), 'w') as f:
            f.write(zone('a A 192.0.2.41'))
        configure('dns { zone-file = {"z.zone"} }\n')
        ok(until(d, 'A', 'a.example', [n4('192.0.2.41')]), 'and the next, with a zone file below etc')
        go.set()
        a = c.receive()
        ok(a.got == 'ok' and a.rr == [n4('192.0.2.3')], 'the question that was on its way meanwhile is answered', a)
    slow.close()
    with open(os.path.join(etc, 'z.zone'), 'w') as f:
        f.write(zone('a A 192.0.2.42\nb A 192.0.2.43'))
    ok(until(d, 'A', 'a.example', [n4('192.0.2.42')]), 'a zone file that was changed is read anew')
    with open(os.path.join(etc, 'anchors'), 'w') as f:
        f.write(signed.anchor['example.'] + '\n' + signed.anchor['bad.example.'] + '\n')
    configure('dns { stub = {"example. %s"} trust-anchor-file = {"anchors"} }\n' % signed.addr)
    ok(until(d, 'A', 'mx.example', [n4('192.0.2.1'), n4('192.0.2.2')]), 'anchors from a file')
    eq(d.ask('A', 'a.bad.example').got, 'bogus', 'all that are in it')
    os.kill(d.proc.pid, signal.SIGHUP)
    eq(d.ask('A', 'mx.example').secure, True, 'SIGHUP without a change changes nothing')
    pss = int(re.search(r'^Pss:\s+(\d+)', open('/proc/%d/smaps_rollup' % d.proc.pid).read(), re.M).group(1))
    tap.note('PSS after all this: %d KiB' % pss)
    finished(d, 'configuration')

shutil.rmtree(home)
signed.close()
plain.close()
tap.done()
