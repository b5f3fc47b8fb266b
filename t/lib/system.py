"""A posthorn as a machine has it, made by quickstart and run by serve, with a DNS of ours.

    with Nsd({'example.': zone(...)}) as dns:
        with System('a.example', '127.0.11.2', dns.addr, base, tap=t) as a:
            a.submit(['ann@b.example'], a.message('one'))

Systems with the same base on different addresses call each other at port BASE+25, as all do
whose port base is the same.
"""
import atexit
import imaplib
import os
import re
import smtplib
import subprocess
import tempfile

from posthorn import POSTHORN, Server, client_context, wait_until
from tap import BUILD

SENDMAIL = os.path.join(BUILD, 'bin/sendmail')


class System(Server):
    """
    user@domain is its account; back is queue-send's first interval in seconds, conf is added to
    posthorn.conf; services: pairs of what is to be replaced in the table.
    """

    def __init__(self, domain, address, dns, base, user='joe', hostname=None, back=None, conf='', services=(), tap=None, start=True):
        self.own, self.tap, self.proc, self.text = True, tap, None, ''
        self.domain, self.host, self.base, self.account = domain, address, base, user
        self.hostname = hostname or 'mx.' + domain
        self.address = '%s@%s' % (user, domain)
        self.top = tempfile.mkdtemp(prefix='posthorn-t-')
        self.dir = os.path.join(self.top, 'home')
        self.var = os.path.join(self.dir, 'var')
        self.logname = os.path.join(self.top, 'log')
        atexit.register(self.cleanup)
        os.mkdir(self.dir)
        r = self.verb('quickstart', '--hostname', self.hostname, '--ip', address, '--port-base', str(base), '--dns', dns,
                      '--skip-checks', '--yes', self.address)
        m = re.search(r'^password: (\S+)$', r.stdout, re.M)
        if r.returncode != 0 or not m:
            self.bail('quickstart failed', r.stdout + r.stderr)
        self.password = m.group(1)
        # who is told no waits, and hears it byte by byte: a fiftieth of what others wait
        self.configure(conf, [('run spawnd -n 500 smtpd', 'run spawnd -n 500 smtpd -p 20')] + list(services) + ([('run queue-send', 'run queue-send -b %d' % back)] if back else []))
        if start and not self.start():
            self.bail('it did not get ready', self.log())

    def bail(self, what, text):
        print('# %s: ' % what + text[-4000:].replace('\n', '\n# '))
        self.cleanup()
        print('Bail out! ' + what)
        raise SystemExit(1)

    def configure(self, conf, services=()):
        with open(os.path.join(self.dir, 'etc/posthorn.conf'), 'a') as f:
            f.write(conf)
        path = os.path.join(self.dir, 'etc/services')
        with open(path) as f:
            text = f.read()
        for old, new in services:
            if old not in text:
                self.bail('the table of services has no "%s"' % old, text)
            text = text.replace(old, new)
        with open(path, 'w') as f:
            f.write(text)
        r = self.verb('config', 'build')
        if r.returncode != 0:
            self.bail('config build failed', r.stdout + r.stderr)

    def start(self, seconds=60):
        with open(self.logname, 'a') as log:
            self.proc = subprocess.Popen([POSTHORN, '-C', self.dir, 'serve'], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=log)
        return wait_until(lambda: self.proc.poll() is not None or self.verb('status').returncode == 0, seconds) and \
            self.proc.poll() is None

    # --- its clients

    def message(self, ident, to='you@elsewhere.example', body='hello\r\n', headers='', sender=None):
        return ('From: %s\r\nTo: %s\r\nSubject: test %s\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n'
                'Message-ID: <%s@test>\r\n%s\r\n%s' % (sender or self.address, to, ident, ident, headers, body)).encode()

    def submission(self, timeout=60):
        c = smtplib.SMTP_SSL(self.host, self.base + 465, local_hostname='client.test', timeout=timeout, context=client_context())
        c.ehlo()
        c.login(self.address, self.password)
        return c

    def submit(self, to, data, sender=None, mail=(), rcpt=()):
        """Refused recipients, as smtplib tells them."""
        with self.submission() as c:
            return c.sendmail(sender or self.address, to, data, mail, rcpt)

    def sendmail(self, *words, data=b'', **kw):
        return subprocess.run([SENDMAIL, '-C', self.dir, *words], input=data, capture_output=True, timeout=120, **kw)

    def smtp(self, tls=False, timeout=60):
        c = smtplib.SMTP(self.host, self.base + 25, local_hostname='client.example', timeout=timeout)
        c.ehlo()
        if tls:
            c.starttls(context=client_context())
            c.ehlo()
        return c

    def imap(self, user=None, tls='ssl', select='INBOX', timeout=60):
        c = imaplib.IMAP4_SSL(self.host, self.base + 993, ssl_context=client_context(), timeout=timeout)
        c.login(user or self.address, self.password)
        if select:
            typ, data = c.select(select)
            assert typ == 'OK', data
        return c

    def mails(self, mailbox='INBOX'):
        """All messages of a mailbox, whole; none when there is no such mailbox."""
        c = self.imap(select=None)
        if c.select(mailbox, readonly=True)[0] != 'OK':
            c.logout()
            return []
        typ, data = c.uid('fetch', '1:*', '(BODY.PEEK[])')
        c.logout()
        return [x[1] for x in data if isinstance(x, tuple)]

    def wait_mail(self, *parts, seconds=60, mailbox='INBOX'):
        """The messages that hold all these parts, once there is one."""
        parts = [p if isinstance(p, bytes) else p.encode() for p in parts]
        return wait_until(lambda: [m for m in self.mails(mailbox) if all(p in m for p in parts)], seconds, 0.2)

    # --- its queue

    def queue(self, *words):
        return self.verb('queue', *words)

    def queued(self):
        """Lines of `queue list`: lists of id, age, size, from, to, state, attempts, next, answer."""
        return [l.split(None, 8) for l in self.queue('list').stdout.splitlines()[1:]]

    def queue_ids(self):
        return sorted(os.listdir(os.path.join(self.var, 'queue/msg')))

    def queue_empty(self, seconds=60):
        return wait_until(lambda: not self.queue_ids(), seconds)
