#!/usr/bin/env python3
"""posthorn localserve: one command, a whole system, and nothing of it afterwards."""
import imaplib
import os
import re
import select
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import POSTHORN, wait_until
from ports import free_base
from tap import BUILD, Tap, skip_all

tap = Tap()
ok = tap.ok


class Local:
    def __init__(self, top, *args, env=None):
        self.log = open(os.path.join(top, 'log'), 'a+')
        self.proc = subprocess.Popen([POSTHORN, 'localserve', *args], stdout=subprocess.PIPE, stderr=self.log,
                                     stdin=subprocess.DEVNULL, env=env)
        self.lines = []

    def ready(self, seconds=40):
        """All lines up to "ready"; what came when it never does."""
        text = ''
        end = time.time() + seconds
        while time.time() < end:
            if not select.select([self.proc.stdout], [], [], end - time.time())[0]:
                break
            part = os.read(self.proc.stdout.fileno(), 65536)
            if not part:
                break
            text += part.decode()
            self.lines = text.split('\n')
            if 'ready' in self.lines[:-1]:
                return True
        self.log.seek(0)
        sys.stdout.write(''.join('# ' + x for x in self.log.read().splitlines(True)[-20:]) + '\n')
        return False

    def end(self, sig=signal.SIGTERM):
        if self.proc.poll() is None:
            self.proc.send_signal(sig)
        rc = self.proc.wait(60)
        self.proc.stdout.close()
        self.log.close()
        return rc


def run(*args, **kw):
    return subprocess.run([POSTHORN, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, **kw)


def greeting(port, host='127.0.0.1'):
    with socket.create_connection((host, port), 5) as s:
        s.settimeout(5)
        return s.recv(200)


def trust(d):
    """TLS as a client that was told to trust this certificate, and nothing else."""
    return ssl.create_default_context(cafile=d + '/var/tls/localhost/cert.pem')


def ours(top):
    """Processes that work in this directory."""
    found = []
    for pid in os.listdir('/proc'):
        try:
            if pid.isdigit() and os.readlink('/proc/%s/cwd' % pid).startswith(top):
                found.append(int(pid))
        except OSError:
            pass
    return found


def pss(pids):
    total = 0
    for pid in pids:
        try:
            with open('/proc/%d/smaps_rollup' % pid) as f:
                total += int(re.search(r'^Pss: +(\d+) kB', f.read(), re.M).group(1))
        except OSError:
            pass
    return total


def test_whole(top, base):
    d = top + '/new/system'
    one = Local(top, '-d', d, '-p', str(base))
    if not ok(one.ready(), 'localserve becomes ready'):
        one.end()
        return
    text = '\n'.join(one.lines)
    ok(all('port %d ' % (base + p) in text for p in (25, 143, 465, 587, 993)), 'its services are printed')
    ok('swaks -s 127.0.0.1:%d' % (base + 587) in text, 'and how to send')
    conf = run('-C', d, 'config', 'show').stdout
    ok('listener.local.auth-in-clear = 1' in conf and 'max-outgoing-per-day = 0' in conf, 'AUTH without TLS, no limits')
    ok('service dnsd' not in open(d + '/etc/services').read(), 'no name is looked up')
    ok('user@localhost' in text and 'friend@localhost' in text and 'posthorn' in text, 'and credentials')
    ok(greeting(base + 25).startswith(b'220 localhost'), 'SMTP answers')
    ok(greeting(base + 143).startswith(b'* OK'), 'IMAP answers')
    for who in ('user', 'friend'):
        with imaplib.IMAP4_SSL('127.0.0.1', base + 993, ssl_context=trust(d)) as imap:
            ok(imap.login(who + '@localhost', 'posthorn')[0] == 'OK' and imap.select()[0] == 'OK', who + ' can log in')
    with smtplib.SMTP('127.0.0.1', base + 25, timeout=20) as smtp:
        smtp.starttls(context=trust(d))
        smtp.sendmail('a@example.org', ['user+x@localhost'], 'Subject: kept\r\n\r\nx\r\n')
    test_sending(d, base)
    r = run('-C', d, 'status')
    ok(r.returncode == 0 and 'listend' in r.stdout, 'status works on its directory')
    size = pss(ours(d) + [one.proc.pid])
    with open(BUILD + '/Makefile') as f:
        skip = ' # SKIP sanitizers' if 'POSTHORN_SANITIZE' in f.read() else ''
    ok(skip or 0 < size < 30 * 1024, 'idle it takes less than 30 MiB (%d KiB)%s' % (size, skip))
    r = run('localserve', '-d', d, '-p', str(base))
    ok(r.returncode == 100 and 'already running' in r.stderr, 'a second one in the directory: 100')
    r = run('localserve', '-d', top + '/other', '-p', str(base))
    ok(r.returncode == 111 and 'port %d' % (base + 25) in r.stderr, 'a port in use: 111, named')
    ok(not ours(top + '/other') and not os.path.exists(top + '/other/var/run/supervised'), 'and nothing is left of it')
    smtp, imap = smtplib.SMTP('127.0.0.1', base + 25, timeout=10), imaplib.IMAP4('127.0.0.1', base + 143)
    imap.login('friend@localhost', 'posthorn')
    begin = time.time()
    one.proc.send_signal(signal.SIGTERM)
    ok(smtp.getreply()[0] == 421, 'SIGTERM: an SMTP session gets 421')
    ok(imap.readline().startswith(b'* BYE'), 'an IMAP session gets BYE')
    ok(one.end() == 0, 'it stops')
    ok(time.time() - begin < 10, 'within seconds')
    ok(not ours(d), 'all of it')


def subjects(base, who):
    with imaplib.IMAP4('127.0.0.1', base + 143) as imap:
        imap.login(who + '@localhost', 'posthorn')
        imap.select()
        data = imap.fetch('1:*', 'BODY.PEEK[HEADER.FIELDS (SUBJECT)]')[1]
        return [part[1].decode().strip()[9:] for part in data if isinstance(part, tuple)]


def test_sending(d, base):
    """By both ports, with TLS and without; what is for others comes to user."""
    text = 'From: user@localhost\r\nTo: %s\r\nSubject: %s\r\n\r\nx\r\n'
    with smtplib.SMTP('127.0.0.1', base + 587, timeout=20) as smtp:
        smtp.login('user@localhost', 'posthorn')
        smtp.sendmail('user@localhost', ['friend@localhost'], text % ('friend@localhost', 'in clear'))
        smtp.sendmail('user@localhost', ['a@example.org'], text % ('a@example.org', 'far away'))
    with smtplib.SMTP_SSL('127.0.0.1', base + 465, timeout=20, context=trust(d)) as smtp:
        smtp.login('user@localhost', 'posthorn')
        smtp.sendmail('user@localhost', ['friend@localhost'], text % ('friend@localhost', 'by TLS'))
        smtp.sendmail('user@localhost', ['queuepermerror@example.org'], text % ('queuepermerror@example.org', 'never'))
    ok(wait_until(lambda: sorted(subjects(base, 'friend')) == ['by TLS', 'in clear']), 'mail to the other account comes', subjects(base, 'friend'))
    ok(wait_until(lambda: 'far away' in subjects(base, 'user')), 'mail to the world comes to user', subjects(base, 'user'))
    ok(wait_until(lambda: any('eliver' in s for s in subjects(base, 'user'))), 'a failure in the queue is told', subjects(base, 'user'))


def test_again(top, base):
    d = top + '/new/system'
    cert = d + '/var/tls/localhost/cert.pem'
    before = os.stat(cert).st_mtime
    with open(d + '/etc/domains/localhost.conf', 'w') as f:
        f.write('# mine\ncatch-all = user@localhost\n')
    other = base + 1
    one = Local(top, '-d', d, '-p', str(other))
    if not ok(one.ready(), 'a second start'):
        one.end()
        return
    ok(os.stat(cert).st_mtime == before, 'keeps the certificate')
    ok('# mine' in open(d + '/etc/domains/localhost.conf').read(), 'keeps what was changed')
    ok(greeting(other + 25).startswith(b'220 '), 'a changed base takes effect')
    with imaplib.IMAP4('127.0.0.1', other + 143) as imap:
        imap.login('user@localhost', 'posthorn')
        imap.select()
        ok(b'Subject: kept' in imap.fetch('1', 'BODY.PEEK[HEADER]')[1][0][1], 'finds the mail of the first')
    r = run('-C', d, 'stop')
    ok(r.returncode == 0 and one.proc.wait(10) == 0, 'posthorn stop ends it')
    one.end()
    ok(not ours(d), 'all of it')
    one = Local(top, '-d', d, '-p', str(base))
    ok(one.ready() and one.end(signal.SIGINT) == 0, 'Ctrl-C stops it too')
    one = Local(top, '-d', d, '-p', str(base))
    one.ready()
    one.end(signal.SIGKILL)
    for _ in range(200):
        if not ours(d):
            break
        time.sleep(0.05)
    ok(not ours(d), 'kill -9 leaves nothing behind')


def test_home(top, base):
    env = dict(os.environ, XDG_DATA_HOME=top + '/data')
    one = Local(top, '-p', str(base), '-a', '127.0.0.2', env=env)
    ok(one.ready(), 'without -d')
    ok(os.path.isdir(top + '/data/posthorn-localserve/var'), 'it is in the data home')
    ok(greeting(base + 25, '127.0.0.2').startswith(b'220 '), 'on the address wanted')
    one.end()


def test_usage(top):
    for args in (['-p', '70000'], ['-p', 'x'], ['-a', 'localhost'], ['more'], ['-x']):
        r = run('localserve', '-d', top + '/never', *args)
        ok(r.returncode == 100 and r.stderr, 'misuse: %s' % ' '.join(args))
    ok(not os.path.exists(top + '/never'), 'and nothing was made')


for part in ('smtpd', 'imapd', 'verifyd', 'deliverd', 'verbs/cert'):
    if not os.path.exists(os.path.join(BUILD, 'libexec', part)):
        skip_all('%s is not built' % part)

with tempfile.TemporaryDirectory() as top:
    top = os.path.realpath(top)
    base = free_base()
    test_usage(top)
    test_whole(top, base)
    test_again(top, base)
    test_home(top, base)
tap.done()
