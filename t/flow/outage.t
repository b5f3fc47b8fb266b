#!/usr/bin/env python3
"""What may go wrong with us while mail goes out: programs are killed, the disk is full, names cannot be
looked up or answers are lies, there are no processes. Nothing accepted is lost; what comes twice is
counted."""
import email
import email.policy
import os
import re
import resource
import shutil
import signal
import smtplib
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from fakesmtp import FakeSMTP
from ipc import connect
from nsd import FakeDns, Nsd, have, wire_name, zone
from ports import free_base
from posthorn import Tap, run, wait_until
from system import System
from tap import skip_all

if not have('nsd'):
    skip_all('no nsd here')
t = Tap()
US, THEM, OTHER = '127.0.24.2', '127.0.24.3', '127.0.24.4'
FREE = 'max-first-time-recipients-per-day = 0\nmax-outgoing-per-day = 0\n'


def edit_services(s, pattern, new):
    path = os.path.join(s.dir, 'etc/services')
    text = open(path).read()
    changed = re.sub(pattern, new, text)
    if changed == text:
        raise RuntimeError('nothing in services is ' + pattern)
    with open(path, 'w') as f:
        f.write(changed)


def idents(mails):
    found = {}
    for m in mails:
        i = re.search(rb'<([^<>\s]+)@test>', m)
        if i:
            found[i.group(1).decode()] = found.get(i.group(1).decode(), 0) + 1
    return found


def cpu_ticks(pid):
    f = open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()
    return int(f[11]) + int(f[12])


# --- kill -9

class Flow:
    """Clients that submit numbered messages, each until it is accepted."""

    def __init__(self, s, total, clients=4):
        self.s, self.total = s, total
        self.lock = threading.Lock()
        self.next, self.accepted, self.unsure = 0, [], {}
        self.threads = [threading.Thread(target=self.client, daemon=True) for _ in range(clients)]
        for th in self.threads:
            th.start()

    def client(self):
        while True:
            with self.lock:
                if self.next >= self.total:
                    return
                n, self.next = self.next, self.next + 1
            ident = 'kill-%d' % n
            to = ['ann@them.example'] + (['joe@ours.example'] if n % 3 == 0 else [])
            end = time.time() + 60
            while time.time() < end:
                try:
                    self.s.submit(to, self.s.message(ident))
                    break
                except Exception:       # whether it was accepted is not known
                    self.unsure[ident] = self.unsure.get(ident, 0) + 1
                    time.sleep(0.05)
            else:
                return
            with self.lock:
                self.accepted.append(ident)


VICTIMS = ['queue-send', 'queue-remote', 'queue-local', 'dnsd', 'deliverd', 'queue-put', 'smtpd']
TOTAL = 200


def killed(s, them):
    them.reply['END'] = lambda line: time.sleep(0.05) or '250 2.0.0 queued'
    flow = Flow(s, TOTAL)
    remote = local = hits = 0       # connections that were in flight when their end was cut
    step = TOTAL // (2 * len(VICTIMS) + 1)
    for i, name in enumerate(VICTIMS * 2):
        wait_until(lambda: flow.next >= step * (i + 1), 60, 0.005)
        pids = wait_until(lambda: s.pids(name), 5, 0.002) or []
        if name in ('queue-remote', 'queue-send'):
            remote += len(s.pids('queue-remote'))
        if name in ('queue-local', 'queue-send', 'deliverd'):
            local += len(s.pids('queue-local')) + 1
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
                hits += 1
            except OSError:
                pass
    for th in flow.threads:
        th.join(90)
    t.ok(hits >= len(VICTIMS), 'programs were killed while mail went out: %d' % hits)
    t.eq(len(flow.accepted), TOTAL, 'in the end all messages were accepted')

    def empty():
        s.queue('retry', '-A')
        return not s.queue_ids()
    t.ok(wait_until(empty, 120, 1), 'the queue gets empty', s.queue('list').stdout)
    there = idents(m['body'] for m in them.ended)
    here = idents(s.mails())
    t.none([i for i in flow.accepted if i not in there], 'each message that was accepted arrived')
    t.none([i for i in flow.accepted if int(i[5:]) % 3 == 0 and i not in here], 'in the account here, too')

    def extra(found):
        return sum(n - 1 - min(flow.unsure.get(i, 0), n - 1) for i, n in found.items() if i.startswith('kill-'))
    t.ok(extra(there) <= remote, 'twice come at most those that were in flight: %d of %d' % (extra(there), remote), there)
    t.ok(extra(here) <= local, 'here too: %d of %d' % (extra(here), local), here)
    r = s.verb('verify')
    t.ok(r.returncode == 0, 'verify finds nothing', r.stdout + r.stderr)
    them.reply['END'] = None


# --- no processes

def no_processes(s, them):
    """spawnd, that is to run queue-remote, may have two of them, and then not even a descriptor."""
    most, seen = [0], threading.Event()

    def watch():
        while not seen.is_set():
            most[0] = max(most[0], len(s.pids('queue-remote')))
            time.sleep(0.01)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    with s.submission() as c:
        for i in range(12):
            c.sendmail(s.address, ['ann@x%d.example' % i], s.message('few-%d' % i))
    t.ok(wait_until(s.queue_empty, 60), 'with two processes for twelve destinations all goes out, one after the other', s.queue('list').stdout)
    seen.set()
    thread.join()
    t.ok(0 < most[0] <= 2, 'there are no more than two', most)
    t.eq([n for i, n in sorted(idents(m['body'] for m in them.ended).items()) if i.startswith('few-')], [1] * 12, 'each once')
    t.none(re.findall(r'.*(?:deferred|failed) msg=.* to=ann@x\d.*', s.log()), 'nothing was put off')
    spawnd = [p for p in s.pids('spawnd') if b'queue-remote' in open('/proc/%d/cmdline' % p, 'rb').read()][0]
    no_descriptors(s, spawnd)
    no_fork(s, spawnd)
    got = idents(m['body'] for m in them.ended)
    t.none(['%s: %d' % (i, n) for i, n in got.items() if i.startswith('none-') and n != 1], 'each went out once')


def waits(s, spawnd, what):
    """What is submitted now waits, without an attempt, and spawnd does not spin."""
    before = cpu_ticks(spawnd)
    s.submit(['ann@x1.example'], s.message('none-' + what))
    time.sleep(1)
    t.ok(cpu_ticks(spawnd) - before < 50, 'without %s spawnd does not spin' % what, cpu_ticks(spawnd) - before)
    q = s.queued()
    t.ok(len(q) == 1 and q[0][6] == '0', 'the message waits, and it is no attempt', q)


def no_descriptors(s, spawnd):
    """Callers that say nothing have taken them all; they are dropped after two seconds."""
    wait_until(lambda: not s.pids('queue-remote'), 20)
    soft, hard = resource.prlimit(spawnd, resource.RLIMIT_NOFILE)
    resource.prlimit(spawnd, resource.RLIMIT_NOFILE, (36, hard))
    callers = [connect(os.path.join(s.var, 'run/queue-remote')) for _ in range(40)]
    try:
        waits(s, spawnd, 'descriptors')
    finally:
        for c in callers:
            c.close()
        resource.prlimit(spawnd, resource.RLIMIT_NOFILE, (soft, hard))
    t.ok(s.queue_empty(90), 'and goes out when there are descriptors again', s.queue('list').stdout, s.log()[-1500:])


def no_fork(s, spawnd):
    """EAGAIN, as at the limit of processes."""
    strace = have('strace')
    if not strace:
        return t.skip('no processes', 'no strace here')
    wait_until(lambda: not s.pids('queue-remote'), 20)
    p = subprocess.Popen([strace, '-qq', '-o', '/dev/null', '-e', 'trace=vfork,clone,fork', '-e', 'inject=vfork,clone,fork:error=EAGAIN', '-p', str(spawnd)],
                         stderr=subprocess.DEVNULL)
    try:
        if not wait_until(lambda: 'TracerPid:\t0' not in open('/proc/%d/status' % spawnd).read() or p.poll() is not None, 10) or p.poll() is not None:
            return t.skip('no processes', 'strace may not look at others')
        waits(s, spawnd, 'processes')
        t.ok('no-worker' in s.log(), 'which the log tells')
    finally:
        p.terminate()
        p.wait()
    t.ok(s.queue_empty(90), 'and goes out when there are processes again', s.queue('list').stdout, s.log()[-1500:])


# --- a full disk

class Full:
    """queue/ of a system that does not run yet on a small disk of its own."""

    def __init__(self, s):
        self.dir = os.path.join(s.var, 'queue')
        os.makedirs(self.dir, 0o700, exist_ok=True)
        st = os.stat(self.dir)
        self.mounted = os.getuid() == 0 and run(['mount', '-t', 'tmpfs', '-o', 'size=3m,mode=0700,uid=%d,gid=%d' % (st.st_uid, st.st_gid),
                                                 'tmpfs', self.dir]).returncode == 0

    def fill(self, leave=0):
        v = os.statvfs(self.dir)
        free = v.f_bavail * v.f_frsize - leave
        with open(os.path.join(self.dir, 'filler'), 'ab', 0) as f:
            try:
                while free > 0:
                    free -= f.write(bytes(min(free, 65536)))
            except OSError:
                pass

    def empty(self):
        os.unlink(os.path.join(self.dir, 'filler'))

    def remove(self):
        if self.mounted:
            run(['umount', '-l', self.dir])


def submit_code(s, to, ident, size=20000):
    """(code, text) of the last reply."""
    try:
        s.submit(to, s.message(ident, body='y' * 70 + '\r\n' + ('z' * 76 + '\r\n') * (size // 78)))
        return 250, b''
    except smtplib.SMTPResponseException as e:
        return e.smtp_code, e.smtp_error
    except smtplib.SMTPRecipientsRefused as e:
        return list(e.recipients.values())[0]


def disk_full(s, full, them, other):
    accepted, codes = [], []
    other.reply['RCPT'] = '451 4.7.1 come back later'       # so that they stay in the queue
    for leave in (0, 4096, 16384, 70000, 250000, 600000, 1500000):
        full.fill(leave)
        for i in range(3):
            ident = 'full-%d-%d' % (leave, i)
            code = submit_code(s, ['bob@other.example'], ident)
            codes.append(code)
            if code[0] == 250:
                accepted.append(ident)
        full.empty()
    bad = [c for c in codes if c[0] != 250]
    t.ok(bad and all(c[0] == 452 and c[1].startswith(b'4.3.1') for c in bad), 'a full disk: submission answers 452 4.3.1', codes)
    t.ok(accepted, 'and takes what there is room for', codes)
    full.fill()
    r = s.sendmail('-f', s.address, 'bob@other.example', data=b'Message-ID: <program@test>\n\n' + b'x' * 20000 + b'\n')
    t.ok(r.returncode == 75 and b'4.3.1' in r.stderr, 'a program is told the same', r.returncode, r.stderr)
    t.eq((os.listdir(full.dir + '/tmp'), [n for n in os.listdir(full.dir) if n.startswith('sent.tdb.')]), ([], []), 'nothing half is left')
    t.eq(len(s.queue_ids()), len(accepted), 'in the queue is what was accepted')
    r = s.queue('retry', '-A')
    t.ok(r.returncode in (0, 111) and len(s.queued()) == len(accepted), 'queue-send lives on', r.stdout + r.stderr)
    full.empty()
    other.reply['RCPT'] = None
    t.eq(submit_code(s, ['bob@other.example'], 'room')[0], 250, 'with room again it is taken')

    def empty():
        s.queue('retry', '-A')
        return not s.queue_ids()
    t.ok(wait_until(empty, 100, 0.5), 'and all goes out', s.queue('list').stdout, s.log()[-2000:])
    got = idents(m['body'] for m in other.ended)
    t.eq(sorted(got.items()), sorted((i, 1) for i in accepted + ['room']), 'each that was accepted, once, and no other')
    t.eq((os.listdir(full.dir + '/tmp'), os.listdir(full.dir + '/log')), ([], []), 'nothing is left over')


def disk_full_answers(s, full, them):
    """The disk gets full while two messages are on the wire: one is taken and one refused. Both must be noted, later."""
    them.reply['RCPT'] = lambda line: '550 5.1.1 nobody' if '<no' in line else None
    them.reply['DATA'] = lambda line: time.sleep(1.5)
    s.submit(['ann@them.example', 'no-one@them.example'], s.message('noted'))
    wait_until(lambda: any('DATA' in x.lines for x in them.sessions), 20, 0.01)
    full.fill()
    t.ok(wait_until(lambda: 'not-noted' in s.log() or 'not-notified' in s.log(), 20), 'answers that cannot be noted are told in the log', s.log()[-2000:])


def disk_full_answers_end(s, full, them):
    got = wait_until(lambda: [m for m in s.mails() if b'message/delivery-status' in m and b'<noted@test>' in m], 100, 2)
    t.ok(got and len(got) == 1, 'a failure that could not be noted is told when there is room, once', got, s.log()[-2000:])
    t.ok(s.queue_empty(30), 'and the message is done', s.queue('list').stdout)
    t.eq(idents(m['body'] for m in them.ended).get('noted'), 1, 'it went out once')


# --- a resolver that is silent or lies

A, NS, CNAME, SOA, MX, AAAA, DS, DNSKEY = 1, 2, 5, 6, 15, 28, 43, 48


class Liar:
    """The whole DNS, by the first label of the name."""

    def __init__(self):
        self.honest = self.deaf = False

    def __call__(self, q):
        if self.deaf:
            return None
        name = q.name.split('.')
        what = name[-3] if len(name) >= 3 else ''
        if not self.honest and hasattr(self, what):
            return getattr(self, what)(q, q.name)
        return self.good(q)

    def good(self, q):
        if q.kind == MX and not q.name.startswith('mx.'):
            return q.answer((None, MX, 60, struct.pack('>H', 10) + wire_name('mx.' + q.name)))
        if q.kind == A:
            return q.answer((None, A, 60, bytes(int(x) for x in THEM.split('.'))))
        return self.nothing(q)

    def nothing(self, q, rcode=0):
        """No data, in a way that is not kept for long."""
        return q.answer(rcode=rcode)

    def silent(self, q, name):
        return None

    def servfail(self, q, name):
        return q.answer(rcode=2)

    def refused(self, q, name):
        return q.answer(rcode=5)

    def garbage(self, q, name):
        return q.id + os.urandom(40)

    def otherid(self, q, name):
        return q.answer((None, A, 60, b'\x7f\0\0\1'), ident=bytes(x ^ 255 for x in q.id))

    def otherquestion(self, q, name):
        return q.answer((None, MX, 60, b'\0\0\0'), question=wire_name('else.example.') + struct.pack('>HH', q.kind, 1))

    def cut(self, q, name):
        return q.answer(flags=0x8780) if not q.tcp else None        # truncated, and silent over TCP

    def loop(self, q, name):
        return q.answer((None, CNAME, 0, wire_name('x.' + name if not name.startswith('x.') else name[2:])))

    def silenthost(self, q, name):
        return self.good(q) if q.kind == MX else None

    def gone(self, q, name):
        return self.nothing(q, 3)

    def ourselves(self, q, name):
        return self.good(q) if q.kind != A else q.answer((None, A, 60, bytes(int(x) for x in US.split('.'))))

    def broken(self, q, name):
        return q.answer((None, MX, 60, b'\0\1\xff\xff'), (None, MX, 60, b'\0'), (None, A, 60, b'\1')) if q.kind == MX else self.nothing(q)

    def bogus(self, q, name):
        return self.good(q)         # without the signatures that there have to be


#       domain          deferred or failed, status, what the sender or the administrator reads
LIES = [('silent',          'deferred', '4.4.3', 'domain cannot be looked up'),
        ('servfail',        'deferred', '4.4.3', 'domain cannot be looked up'),
        ('refused',         'deferred', '4.4.3', 'domain cannot be looked up'),
        ('garbage',         'deferred', '4.4.3', 'domain cannot be looked up'),
        ('otherid',         'deferred', '4.4.3', 'domain cannot be looked up'),
        ('otherquestion',   'deferred', '4.4.3', 'domain cannot be looked up'),
        ('cut',             'deferred', '4.4.3', 'domain cannot be looked up'),
        ('loop',            'deferred', '4.4.3', 'domain cannot be looked up'),
        ('silenthost',      'deferred', '4.4.3', 'address cannot be looked up'),
        ('broken',          'deferred|failed', '', ''),
        ('bogus',           'deferred', '4.4.3', 'not to be trusted .DNSSEC'),
        ('gone',            'failed', '5.1.2', 'does not exist|no such domain'),
        ('ourselves',       'failed', '5.4.6', 'loops back')]


def resolver(s, liar, them):
    begin = time.time()
    with s.submission() as c:
        for name, *_ in LIES:
            c.sendmail(s.address, ['ann@%s.example' % name], s.message('dns-' + name))
        c.sendmail(s.address, ['ann@fine.example'], s.message('dns-fine'))

    def events(name):
        return re.findall(r'(deferred|failed|delivered) (msg=\S+ .*?to=ann@%s\.example .*)' % name, s.log())
    t.ok(wait_until(lambda: events('fine'), 60), 'mail to others goes out meanwhile')
    first = time.time() - begin
    t.ok(wait_until(lambda: all(events(n) for n, *_ in LIES), 100, 0.2), 'each look-up comes to an end', [n for n, *_ in LIES if not events(n)])
    t.note('the domain that is fine after %.1f s, all after %.1f s' % (first, time.time() - begin))
    t.ok(time.time() - begin < 75, 'in bounded time')
    texts = {}
    for name, want, status, text in LIES:
        e, rest = (events(name) or [('nothing', '')])[0]
        texts[name] = rest[rest.find(' text='):]
        said = re.search(r' status=(\S+)', rest)
        t.ok(re.fullmatch(want, e) and said and said.group(1).startswith(status) and re.search(text, rest, re.I), '%s: %s' % (name, e), rest)
    t.note('\n'.join('%s:%s' % x for x in texts.items()))
    t.eq(sorted(i for i in idents(m['body'] for m in them.ended)), ['dns-fine'], 'nothing went where a lie leads')
    q = {x[4]: x for x in s.queued()}
    waiting = [n for n, want, *_ in LIES if events(n) and events(n)[0][0] == 'deferred']
    t.eq(sorted(q), sorted('ann@%s.example' % n for n in waiting), 'what was put off waits')
    for name in ('gone', 'ourselves'):
        got = [m for m in s.mails() if b'message/delivery-status' in m and b'<dns-%s@test>' % name.encode() in m]
        t.eq(len(got), 1, 'of %s the sender is told' % name)
    # they tell the truth again
    liar.honest = True
    begin = time.time()
    for i in range(7):          # an eighth attempt would be the last
        s.queue('retry', '-A')
        if wait_until(lambda: not [x for x in s.queued() if 'bogus' not in x[4]], 5, 0.2):
            break
    t.ok(not [x for x in s.queued() if 'bogus' not in x[4]], 'when the truth is told all goes out', s.queue('list').stdout, s.log()[-2000:])
    t.note('%.1f s after' % (time.time() - begin))
    got = idents(m['body'] for m in them.ended)
    t.eq(sorted(got.items()), sorted([('dns-' + n, 1) for n in waiting if n != 'bogus'] + [('dns-fine', 1)]), 'each once')
    t.eq([x[4] for x in s.queued()], ['ann@bogus.example'], 'but what is not signed as it has to be')


def resolver_down(s, liar, them):
    """It answers nobody for a while, and then everybody."""
    liar.deaf = True
    with s.submission() as c:
        for i in range(20):
            c.sendmail(s.address, ['ann@deaf%d.example' % i], s.message('deaf-%d' % i))
    begin = time.time()
    t.ok(wait_until(lambda: len(set(re.findall(r'deferred msg=\S+ .*?to=(ann@deaf\d+)', s.log()))) == 20, 90, 0.2), 'a resolver that is silent: all is put off',
         s.queue('list').stdout)
    t.note('after %.1f s' % (time.time() - begin))
    t.ok(time.time() - begin < 60, 'in bounded time')
    t.none([q for q in s.queued() if 'deaf' in q[4] and 'the domain cannot be looked up' not in q[8]], 'with a text for people')
    liar.deaf = False
    begin = time.time()
    with s.submission() as c:
        c.sendmail(s.address, ['ann@later.example'], s.message('deaf-later'))
    for i in range(6):
        s.queue('retry', '-A')
        if wait_until(lambda: not [x for x in s.queued() if 'bogus' not in x[4]], 15, 0.2):
            break
    t.ok(not [x for x in s.queued() if 'bogus' not in x[4]], 'it goes out when it speaks again', s.queue('list').stdout, s.log()[-1500:])
    t.note('%.1f s after' % (time.time() - begin))
    t.eq(len([n for i, n in idents(m['body'] for m in them.ended).items() if i.startswith('deaf-') and n == 1]), 21, 'each once')


# --- the whole

ZONE = zone('ours MX 10 mx.ours\nmx.ours A %s\nthem A %s\nother A %s\n' % (US, THEM, OTHER) + ''.join('x%d A %s\n' % (i, THEM) for i in range(12)))
ANCHOR = 'bogus.example. DS 12345 13 2 ' + '3f' * 32
wanted = sys.argv[1:]


def on(name):
    return not wanted or name in wanted


base = free_base(US, THEM, OTHER)
them, other = FakeSMTP(THEM, base + 25), FakeSMTP(OTHER, base + 25)
with Nsd({'example.': ZONE}) as dns:
    if on('kill') or on('processes'):
        with System('ours.example', US, dns.addr, base, tap=t, start=False, conf=FREE) as s:
            edit_services(s, r'spawnd -n \d+ queue-remote', 'spawnd -n 2 queue-remote -i 500')
            t.ok(s.start(), 'a system runs')
            if on('processes'):
                no_processes(s, them)
            if on('kill'):
                s.stop()
                edit_services(s, r'spawnd -n \d+ queue-remote.*', 'spawnd -n 100 queue-remote')
                t.ok(s.start(), 'and again')
                killed(s, them)
    them.clear()
    if on('disk'):
        with System('ours.example', US, dns.addr, base, tap=t, start=False) as s:
            full = Full(s)
            try:
                if not full.mounted:
                    t.skip('a full disk', 'cannot mount a tmpfs')
                else:
                    t.ok(s.start(), 'a system with a small disk for its queue')
                    disk_full(s, full, them, other)
                    disk_full_answers(s, full, them)
                    full.empty()
                    disk_full_answers_end(s, full, them)
            finally:
                if s.proc:
                    s.stop()
                full.remove()
them.clear()
if on('dns'):
    liar = Liar()
    with FakeDns(liar) as dns:
        with System('ours.example', US, dns.addr, base, tap=t, start=False, conf=FREE) as s:
            path = os.path.join(s.dir, 'etc/posthorn.conf')
            text = open(path).read()
            with open(path, 'w') as f:
                f.write(text.replace('dns {\n', 'dns {\n\ttrust-anchor = { "%s" }\n' % ANCHOR))
            s.configure('')
            t.ok(s.start(), 'a system whose resolver is not to be trusted')
            resolver(s, liar, them)
            resolver_down(s, liar, them)
them.stop()
other.stop()
t.done()
