"""What the tests in t/flow share: a whole posthorn of one's own, its clients.

    t = Tap()
    with Server() as s:
        s.send(message)
        t.ok(..., 'it is there')
    t.done()

A Server is `posthorn localserve` in a temporary directory on ports of its own. When it
is closed it is stopped, `posthorn verify` has looked at every account, and nothing is left running.
"""
import atexit
import glob
import imaplib
import os
import select
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from ports import free_base
from tap import BUILD, SOURCE, Tap, skip_all

POSTHORN = os.path.join(BUILD, 'bin/posthorn')
PASSWORD = 'posthorn'

imaplib._MAXLINE = 50 * 1024 * 1024


def have(tool):
    """The path of a program, also where only root looks; None without."""
    return shutil.which(tool, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin:/usr/local/sbin')


def run(argv, seconds=60, **kw):
    """A finished program: .returncode, .stdout, .stderr as text; 124 when it had to be killed."""
    kw.setdefault('stdin', subprocess.DEVNULL)
    if kw.get('input') is not None:
        del kw['stdin']
    try:
        return subprocess.run(argv, capture_output=True, timeout=seconds, text=True, errors='replace', **kw)
    except subprocess.TimeoutExpired as e:
        def text(b):
            return b.decode(errors='replace') if isinstance(b, bytes) else b or ''
        return subprocess.CompletedProcess(argv, 124, text(e.stdout), text(e.stderr) + '\n(killed: too slow)')


def wait_until(true, seconds=60, step=0.05):
    """Poll until true() is; its value."""
    end = time.time() + seconds
    while True:
        value = true()
        if value or time.time() >= end:
            return value
        time.sleep(step)


def children_of(pid):
    """All processes below pid, as {pid: name of its program}, pid itself left out."""
    below, names = {}, {}
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            head, rest = open(path).read().rsplit(')', 1)
            child, ppid = int(path.split('/')[2]), int(rest.split()[1])
            names[child] = head.split('(', 1)[1]
            below.setdefault(ppid, []).append(child)
        except (OSError, IndexError, ValueError):
            continue
    found, todo = {}, [pid]
    while todo:
        for child in below.get(todo.pop(), []):
            found[child] = names[child]
            todo.append(child)
    return found


def alive(pid):
    try:
        return open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()[0] not in 'ZX'
    except OSError:
        return False


def client_context(cert=None):
    """TLS that takes any certificate: localserve signs its own. cert: files of the client's own, and its key."""
    c = ssl.create_default_context()
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if cert:
        c.load_cert_chain(*cert)
    return c


def message(ident, body='hello\r\n', headers=''):
    """A message with CRLF whose Message-ID is <ident@test>."""
    return ('From: Sender <sender@example.org>\r\nTo: user@localhost\r\nSubject: test %s\r\n'
            'Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%s@test>\r\n%s\r\n%s'
            % (ident, ident, headers, body)).encode()


class Server:
    """One posthorn localserve. dir=None: a new directory, removed at close."""

    def __init__(self, dir=None, start=True, tap=None):
        self.own = dir is None
        self.top = tempfile.mkdtemp(prefix='posthorn-t-') if self.own else os.path.dirname(dir)
        self.dir = dir or os.path.join(self.top, 'home')
        self.var = os.path.join(self.dir, 'var')
        self.base = free_base()
        self.tap = tap
        self.proc = None
        self.text = ''
        self.logname = os.path.join(self.top, 'log')
        atexit.register(self.cleanup)
        if start and not self.start():
            print('# posthorn localserve did not get ready:\n# ' + (self.text + self.log()).replace('\n', '\n# '))
            self.cleanup()
            print('Bail out! no server')
            sys.exit(1)

    # --- its life

    @property
    def smtp_port(self):
        return self.base + 25

    @property
    def submission_port(self):
        return self.base + 587

    @property
    def submissions_port(self):
        return self.base + 465

    @property
    def imap_port(self):
        return self.base + 143

    @property
    def imaps_port(self):
        return self.base + 993

    def start(self, seconds=60):
        """True when it said ready."""
        with open(self.logname, 'a') as log:
            self.proc = subprocess.Popen([POSTHORN, 'localserve', '-d', self.dir, '-p', str(self.base)],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        self.text, end = '', time.time() + seconds
        while time.time() < end:
            if not select.select([self.proc.stdout], [], [], max(0, end - time.time()))[0]:
                break
            part = os.read(self.proc.stdout.fileno(), 65536)
            if not part:
                break
            self.text += part.decode()
            if '\nready\n' in '\n' + self.text:
                return True
        return False

    def stop(self, seconds=30):
        """SIGTERM; its exit code, or None when it had to be killed."""
        below = children_of(self.proc.pid)
        self.proc.send_signal(signal.SIGTERM)
        try:
            code = self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        left = [p for p in below if alive(p)]
        if left:
            wait_until(lambda: not any(alive(p) for p in left), 5)
        self.kill()
        return code

    def kill(self):
        """Whatever still runs of it, at once."""
        if self.proc is None:
            return
        below = children_of(self.proc.pid)
        for pid in [self.proc.pid] + list(below):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.proc.wait()
        self.proc.stdout.close()
        self.proc = None

    def cleanup(self):
        self.kill()
        if self.own and not os.environ.get('KEEP'):
            shutil.rmtree(self.top, ignore_errors=True)

    def close(self):
        """Stop, check every account, remove. Facts go to the Tap it was made with."""
        t = self.tap
        below = children_of(self.proc.pid) if self.proc else {}
        code = self.stop() if self.proc else 0
        if t:
            t.eq(code, 0, 'posthorn localserve ends with 0 when it is told to stop')
            left = {p: n for p, n in below.items() if alive(p)}
            t.ok(not left, 'nothing of it is left running', left)
            self.check_verify('when all is over')
            reports = [l for l in self.log().splitlines() if 'Sanitizer' in l or 'runtime error:' in l]
            t.ok(not reports, 'no sanitizer had anything to say', *reports)
            if t.failed:
                t.note('--- the end of the log')
                t.note(self.log()[-6000:])
        self.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and self.tap:
            import traceback
            self.tap.ok(False, 'no exception', ''.join(traceback.format_exception(kind, value, trace)))
        self.close()
        return kind is not None and self.tap is not None and issubclass(kind, Exception)

    def log(self):
        try:
            return open(self.logname, errors='replace').read()
        except OSError:
            return ''

    def pids(self, name):
        """Its processes whose program has that name."""
        return [p for p, n in children_of(self.proc.pid).items() if n == name]

    # --- its verbs

    def verb(self, *words, **kw):
        return run([POSTHORN, '-C', self.dir, *words], **kw)

    def check_verify(self, when):
        r = self.verb('verify')
        self.tap.ok(r.returncode == 0, 'posthorn verify finds nothing ' + when, r.stdout + r.stderr)

    def maildir(self, mailbox='INBOX', account='user'):
        return os.path.join(self.var, 'accounts', account, 'mail', mailbox)

    def index(self, account='user'):
        return os.path.join(self.var, 'accounts', account, 'index.tdb')

    # --- its clients

    def smtp(self, tls=False, timeout=30):
        c = smtplib.SMTP('127.0.0.1', self.smtp_port, local_hostname='client.test', timeout=timeout)
        c.ehlo()
        if tls:
            c.starttls(context=client_context())
            c.ehlo()
        return c

    def send(self, data, rcpt='user@localhost', sender='sender@example.org', tls=False):
        with self.smtp(tls) as c:
            return c.sendmail(sender, rcpt, data)

    def imap(self, user='user@localhost', tls='ssl', select='INBOX', timeout=30):
        if tls == 'ssl':
            c = imaplib.IMAP4_SSL('127.0.0.1', self.imaps_port, ssl_context=client_context(), timeout=timeout)
        else:
            c = imaplib.IMAP4('127.0.0.1', self.imap_port, timeout=timeout)
            if tls == 'starttls':
                c.starttls(client_context())
        c.login(user, PASSWORD)
        if select:
            typ, data = c.select(select)
            assert typ == 'OK', data
        return c

    def all_ids(self, user='user@localhost', mailbox='INBOX'):
        """{Message-ID: [uids]} of a mailbox, as a client sees it."""
        c = self.imap(user, select=mailbox)
        found = {}
        typ, data = c.uid('fetch', '1:*', '(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])')
        for item in data:
            if isinstance(item, tuple):
                uid = int(item[0].split(b'UID ')[1].split()[0].rstrip(b')'))
                ident = item[1].decode().split(':', 1)[1].strip() if b':' in item[1] else ''
                found.setdefault(ident, []).append(uid)
        c.logout()
        return found

    def fetch_message(self, ident, user='user@localhost', mailbox='INBOX', seconds=60):
        """The whole message with that Message-ID, waiting for it; None when it does not come."""
        end = time.time() + seconds
        while True:
            c = self.imap(user, select=mailbox)
            try:
                typ, data = c.uid('search', None, 'HEADER', 'Message-ID', '<%s@test>' % ident)
                uids = data[0].split() if data and data[0] else []
                if uids:
                    typ, data = c.uid('fetch', uids[-1], '(BODY.PEEK[])')
                    return data[0][1]
            finally:
                c.logout()
            if time.time() > end:
                return None
            time.sleep(0.2)


class Raw:
    """A line of bytes to a port: for clients that misbehave."""

    def __init__(self, port, timeout=30, tls=False):
        self.s = socket.create_connection(('127.0.0.1', port), timeout)
        if tls:
            self.s = client_context().wrap_socket(self.s, server_hostname='localhost')
        self.buffer = b''

    def send(self, data):
        self.s.sendall(data)

    def line(self):
        """One line without its CRLF; None at the end."""
        while b'\n' not in self.buffer:
            part = self.s.recv(65536)
            if not part:
                return None
            self.buffer += part
        line, self.buffer = self.buffer.split(b'\n', 1)
        return line.rstrip(b'\r')

    def reply(self):
        """The last line of an SMTP reply, all of it read."""
        while True:
            line = self.line()
            if line is None or line[3:4] != b'-':
                return line

    def cmd(self, text):
        self.send(text.encode() + b'\r\n')
        return self.reply()

    def end(self):
        """All that still comes until the other side closes, or what came until it stopped coming."""
        try:
            while True:
                part = self.s.recv(65536)
                if not part:
                    break
                self.buffer += part
        except OSError:
            pass
        return self.buffer

    def close(self):
        self.s.close()
