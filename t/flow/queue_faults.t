#!/usr/bin/env python3
"""Faults from outside, for mail on its way out: a resolver that is silent, a full disk, more to do
than there may be processes. Nothing accepted is lost, and what was refused is not sent."""
import os
import resource
import smtplib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from fakesmtp import FakeSMTP
from nsd import FakeDns, Nsd, have, wire_name, zone
from posthorn import POSTHORN, Tap, wait_until
from ports import free_base
from system import System
from tap import skip_all
from tmpfs import Tmpfs

if not have('nsd'):
    skip_all('no nsd here')
t = Tap()
US, THEM = '127.0.14.1', '127.0.14.2'
FREE = 'max-first-time-recipients-per-day = 0\nmax-outgoing-per-day = 0\n'
base = free_base(US, THEM)


def got(server, ident):
    return [m for m in list(server.mails) if b'<%s@test>' % ident.encode() in m['body']]


# --- a resolver that says nothing, or lies

class Dns:
    """MX and A for all names, once speaks is set."""

    def __init__(self):
        self.speaks = self.lies = False

    def __call__(self, q):
        if self.lies:
            return q.answer((None, 1, 60, bytes([192, 0, 2, 1])), ident=bytes([q.id[0] ^ 1, q.id[1]]))
        if not self.speaks:
            return None
        if q.kind == 15:
            return q.answer((None, 15, 60, b'\0\x0a' + wire_name('mx.' + q.name)))
        if q.kind == 1 and q.name.startswith('mx.'):
            return q.answer((None, 1, 60, bytes(int(x) for x in (US if 'ours' in q.name else THEM).split('.'))))
        return q.answer()


def resolver():
    what = Dns()
    with FakeDns(what) as dns, System('ours.example', US, dns.addr, base, back=60, conf=FREE, tap=t) as s:
        s.submit(['ann@them.example'], s.message('silent'))
        ok = wait_until(lambda: s.queued() and int(s.queued()[0][6]) >= 1 and s.queued()[0][5] == 'waiting', 120)
        t.ok(ok and '4.4.3' in s.queue('show', s.queue_ids()[0]).stdout, 'a resolver is silent: mail waits', s.queue('list').stdout)
        s.submit(['joe@ours.example'], s.message('here'))
        t.ok(s.wait_mail('<here@test>'), 'what needs no resolver arrives')
        what.lies = True
        s.queue('retry', '-A')
        wait_until(lambda: int(s.queued()[0][6]) >= 2 and s.queued()[0][5] == 'waiting', 120)
        t.ok(not them.ended and s.queued(), 'answers to other questions are none')
        what.lies, what.speaks = False, True
        t.ok(wait_until(lambda: s.queue('retry', '-A') and got(them, 'silent'), 30, 5) and s.queue_empty(), 'when it speaks, mail goes out', s.queue('list').stdout)
        t.eq(len(got(them, 'silent')), 1, 'once')


# --- a full disk

def attempt(s, ident, sendmail):
    """The code of submission: 250, or the refusal's; for a program its exit code in place of it."""
    if sendmail:
        r = s.sendmail('-f', s.address, 'ann@them.example', data=s.message(ident, body='y' * 3000 + '\r\n'))
        return {0: 250, 75: 452}.get(r.returncode, r.returncode)
    try:
        s.submit(['ann@them.example', 'joe@ours.example'], s.message(ident, body='y' * 3000 + '\r\n'))
        return 250
    except smtplib.SMTPResponseException as e:
        return e.smtp_code
    except (smtplib.SMTPServerDisconnected, OSError):
        return 421


def disk_full(dns):
    fs = Tmpfs('24m')
    if not fs.mounted:
        fs.remove()
        return t.skip('a full disk', 'cannot mount a tmpfs')
    tempfile.tempdir = fs.dir
    try:
        with System('ours.example', US, dns.addr, base, back=1, conf=FREE, tap=t) as s:
            # what waits when the disk gets full
            them.reply['RCPT'] = '451 4.3.0 later'
            s.submit(['ann@them.example'], s.message('full-before'))
            wait_until(lambda: s.queued() and int(s.queued()[0][6]) >= 1)
            accepted, codes, refused = ['full-before'], set(), []
            for leave in (0, 4096, 8192, 16384, 40000):
                fs.fill(leave)
                for i in range(4):
                    ident = 'full-%d-%d' % (leave, i)
                    code = attempt(s, ident, i % 2)
                    codes.add(code)
                    (accepted if code == 250 else refused).append(ident)
                fs.empty()
            t.ok(codes <= {250, 421, 451, 452} and codes - {250}, 'a full disk is a temporary answer', codes)
            fs.fill()
            them.reply['RCPT'] = None
            r = s.queue('retry', '-A')
            t.ok(r.returncode in (0, 111), 'a command on a full disk comes back', r.stdout + r.stderr)
            t.eq(s.queue('list').returncode, 0, 'the queue can be listed')
            fs.empty()
            s.queue('retry', '-A')
            t.ok(s.queue_empty(150), 'with space again all goes out', s.queue('list').stdout)
            lost = [i for i in accepted if not got(them, i)]
            t.ok(not lost, 'nothing of %d accepted is lost' % len(accepted), lost)
            t.ok(not [i for i in refused if len(got(them, i)) > 1], 'nothing refused is sent twice')
            t.ok(not os.listdir(os.path.join(s.var, 'queue/log')), 'no log is left without its message')
    finally:
        tempfile.tempdir = None
        fs.remove()


# --- few processes

def ceilings(dns):
    them.clear()
    few = [('spawnd -n 100 queue-remote', 'spawnd -n 2 queue-remote'), ('spawnd -n 20 queue-local', 'spawnd -n 1 queue-local')]
    with System('ours.example', US, dns.addr, base, back=1, conf=FREE, services=few, tap=t) as s:
        them.reply['END'] = lambda line: wait_until(lambda: False, 0.02) or None
        with s.submission() as c:
            for i in range(30):
                c.sendmail(s.address, ['u@d%d.example' % (i % 6), 'joe@ours.example'], s.message('few-%d' % i))
        t.ok(s.queue_empty(150), 'two processes carry mail for six domains', s.queue('list').stdout)
        t.ok(not [i for i in range(30) if len(got(them, 'few-%d' % i)) != 1], 'each message once')
        here = b''.join(s.mails())
        t.ok(all(b'<few-%d@test>' % i in here for i in range(30)), 'and one brings all that is for us')
        s.check_verify('afterwards')


NOBODY = 61234


class Foreign(System):
    """Made by root, run by another user."""

    def start(self, seconds=60):
        for where, dirs, files in os.walk(self.top):
            for path in [where] + [os.path.join(where, f) for f in files]:
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        with open(self.logname, 'a') as log:
            self.proc = subprocess.Popen([POSTHORN, '-C', self.dir, 'serve'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                         user=NOBODY, group=NOBODY, extra_groups=[])
        return wait_until(lambda: self.proc.poll() is not None or self.verb('status').returncode == 0, seconds) and self.proc.poll() is None


def processes(uid):
    """[(pid, command)] of a user."""
    found = []
    for p in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/status' % p) as status, open('/proc/%s/cmdline' % p) as cmdline:
                if '\nUid:\t%d\t' % uid in status.read():
                    found.append((int(p), cmdline.read().split('\0')[:-1]))
        except OSError:
            pass        # it has gone
    return found


def limit(pid, processes):
    """By the user himself: root in a container may not."""
    r = subprocess.run(['prlimit', '--pid', str(pid), '--nproc=' + processes], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True)
    t.ok(r.returncode == 0, 'its limit is ' + processes, r.stderr)


def no_processes(dns):
    """The kernel's limit for a user, which root does not have."""
    try:
        subprocess.run([POSTHORN, 'help'], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True)
    except OSError:
        return t.skip('no more processes', 'not root, or nobody else can run what was built')
    them.clear()
    with Foreign('ours.example', US, dns.addr, base, back=1, conf=FREE, tap=t) as s:
        doors = [pid for pid, command in processes(NOBODY) if command[-1:] == ['queue-remote']]
        t.eq(len(doors), 1, 'it runs as a user of no name')
        limit(doors[0], '1:')
        for i in range(3):
            s.submit(['u@d%d.example' % i], s.message('none-%d' % i))
        t.ok(wait_until(lambda: 'Resource temporarily unavailable' in s.log(), 60), 'there may be no process more', s.log()[-3000:])
        t.ok(len(s.queued()) == 3 and not them.ended and s.proc.poll() is None, 'mail waits', s.queue('list').stdout)
        most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        limit(doors[0], 'unlimited:' if most == resource.RLIM_INFINITY else '%d:' % most)
        t.ok(s.queue_empty(100), 'and goes when there may', s.queue('list').stdout)
    t.eq([len(got(them, 'none-%d' % i)) for i in range(3)], [1] * 3, 'each message once')


ZONE = zone('ours MX 10 mx.ours\nmx.ours A %s\nthem MX 10 mx\nmx A %s\n' % (US, THEM) + ''.join('d%d MX 10 mx\n' % i for i in range(6)))
them = FakeSMTP(THEM, base + 25)
resolver()
with Nsd({'example.': ZONE}) as nsd:
    disk_full(nsd)
    ceilings(nsd)
    no_processes(nsd)
them.stop()
t.done()
