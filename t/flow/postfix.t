#!/usr/bin/env python3
"""Postfix as a peer: it takes mail of ours and brings some, with STARTTLS both ways; its bounces and
reports come through; either is stopped for a while. And its smtp-sink, which takes all there is."""
import atexit
import glob
import os
import pwd
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from nsd import Nsd, zone
from posthorn import Tap, alive, have, run, wait_until
from ports import free_base
from system import System
from tap import skip_all

for tool in ('nsd', 'postfix', 'smtp-sink', 'openssl'):
    if not have(tool):
        skip_all('no %s here' % tool)
if os.geteuid() != 0:
    skip_all('postfix wants root')
t = Tap()
US, THEM, SINK = '127.0.13.1', '127.0.13.2', '127.0.13.3'
base = free_base(US, THEM, SINK)
ZONES = {
    'a.example.': zone('@ MX 10 mx\nmx A %s\n' % US, 'a.example.'),
    'p.example.': zone('@ MX 10 mx\nmx A %s\n' % THEM, 'p.example.'),
    'sink.example.': zone('@ A %s\n' % SINK, 'sink.example.'),
}
SERVICES = '''
%s:%d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
'''


def answers(address):
    try:
        with smtplib.SMTP(address, base + 25, local_hostname='x.p.example', timeout=5) as c:
            return c.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


class Postfix:
    """Mail exchanger of p.example, whose mail it keeps in maildirs; mail for a.example goes to us."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix='posthorn-postfix-')
        atexit.register(self.close)
        os.chmod(self.top, 0o755)
        self.conf, self.mail = self.top + '/etc', self.top + '/mail'
        for d in ('etc', 'queue', 'data', 'mail'):
            os.mkdir(os.path.join(self.top, d))
        shutil.chown(self.top + '/data', 'postfix')
        shutil.chown(self.mail, 'nobody')
        nobody = pwd.getpwnam('nobody').pw_uid
        run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=mx.p.example',
             '-keyout', self.conf + '/key', '-out', self.conf + '/crt'])
        main = {
            'compatibility_level': '3.6', 'queue_directory': self.top + '/queue', 'data_directory': self.top + '/data',
            'mail_owner': 'postfix', 'setgid_group': 'postdrop', 'myhostname': 'mx.p.example', 'mydestination': '',
            'inet_interfaces': '127.0.0.1', 'smtp_bind_address': THEM, 'inet_protocols': 'ipv4', 'mynetworks': '%s/32' % THEM,
            'local_recipient_maps': '', 'alias_maps': '', 'alias_database': '', 'local_transport': 'error:no',
            'virtual_mailbox_domains': 'p.example', 'virtual_mailbox_base': self.mail, 'virtual_minimum_uid': '1',
            'virtual_mailbox_maps': 'inline:{ { box@p.example = box/ }, { boxtwo@p.example = boxtwo/ } }',
            'virtual_uid_maps': 'static:%d' % nobody, 'virtual_gid_maps': 'static:%d' % pwd.getpwnam('nobody').pw_gid,
            'virtual_mailbox_limit': '0', 'message_size_limit': '3000000',
            'transport_maps': 'inline:{ { a.example = smtp:[%s]:%d } }' % (US, base + 25),
            'smtp_host_lookup': 'native', 'smtp_dns_support_level': 'disabled', 'smtputf8_enable': 'yes',
            'smtpd_relay_restrictions': 'permit_mynetworks,reject_unauth_destination', 'smtpd_recipient_restrictions': '',
            'smtpd_tls_cert_file': self.conf + '/crt', 'smtpd_tls_key_file': self.conf + '/key', 'smtpd_tls_security_level': 'may',
            'smtpd_tls_received_header': 'yes', 'smtp_tls_security_level': 'encrypt', 'smtp_tls_loglevel': '1',
            'minimal_backoff_time': '2s', 'maximal_backoff_time': '4s', 'queue_run_delay': '2s',
            'maillog_file': self.top + '/log', 'maillog_file_prefixes': '/tmp, /var', 'bounce_notice_recipient': 'box@p.example',
        }
        with open(self.conf + '/main.cf', 'w') as f:
            f.writelines('%s = %s\n' % kv for kv in main.items())
        with open(self.conf + '/master.cf', 'w') as f:
            f.write(SERVICES.lstrip() % (THEM, base + 25))
        self.pid = None

    def start(self):
        r = run([have('postfix'), '-c', self.conf, 'start'])
        if r.returncode != 0 or not wait_until(lambda: answers(THEM), 60):
            t.note(r.stdout + r.stderr)
            return False
        with open(self.top + '/queue/pid/master.pid') as f:
            self.pid = int(f.read())
        return True

    def stop(self):
        """It is a process group of its own, and all of it is ours."""
        if self.pid is None:
            return
        run([have('postfix'), '-c', self.conf, 'stop'])
        if not wait_until(lambda: not alive(self.pid), 30):
            os.killpg(self.pid, signal.SIGKILL)
        self.pid = None

    def close(self):
        self.stop()
        shutil.rmtree(self.top, ignore_errors=True)

    def mails(self, box='box'):
        found = []
        for path in glob.glob('%s/%s/new/*' % (self.mail, box)):
            with open(path, 'rb') as f:
                found.append(f.read())
        return found

    def find(self, ident, box='box', seconds=60):
        text = b'<%s@test>' % ident.encode()
        return wait_until(lambda: [m for m in self.mails(box) if text in m], seconds) or []

    def send(self, to, data, sender='box@p.example', opts=()):
        """As a user of Postfix would."""
        with smtplib.SMTP(THEM, base + 25, local_hostname='client.p.example', timeout=60, source_address=(THEM, 0)) as c:
            return c.sendmail(sender, to, data, opts, [])

    def log(self):
        with open(self.top + '/log', errors='replace') as f:
            return f.read()


def out(s, p):
    s.submit(['box@p.example', 'boxtwo@p.example'], s.message('out', 'box@p.example'))
    for box in ('box', 'boxtwo'):
        got = p.find('out', box)
        t.eq(len(got), 1, 'a message of ours is in %s of Postfix, once' % box)
    got = (got or [b''])[0].decode()
    t.ok('from mx.a.example' in got and re.search(r'using TLSv1\.3', got), 'it came with TLS', got[:1500])
    t.ok('Return-Path: <joe@a.example>' in got and got.endswith('\nhello\n'), 'from whom it should, whole', got[-300:])
    text = s.message('utf8', 'box@p.example', body='größe\r\n').decode().replace('Subject: test', 'Subject: größe').encode()
    s.submit(['box@p.example'], text, mail=['SMTPUTF8', 'BODY=8BITMIME'])
    t.ok(any('Subject: größe'.encode() in m for m in p.find('utf8')), 'a header in UTF-8')
    s.submit(['nobody@p.example', 'box@p.example'], s.message('unknown'))
    m = s.wait_mail('message/delivery-status', '<unknown@test>')
    t.ok(m and b'nobody@p.example' in m[0] and b'5.1.1' in m[0] and b'User unknown in virtual mailbox table' in m[0],
         'its refusal is told, in its words', *map(repr, m or []))
    t.ok(p.find('unknown'), 'the other recipient got it')
    s.submit(['box@p.example'], s.message('large', body='x' * 70 + '\r\n' + ('y' * 70 + '\r\n') * 50000))
    m = s.wait_mail('message/delivery-status', '<large@test>')
    t.ok(m and re.search(rb'5\.(3\.4|2\.3)', m[0]), 'what is larger than it announced is not even tried', *map(repr, m or []))
    t.ok(not p.find('large', seconds=0), 'and does not get there')
    s.submit(['box@p.example'], s.message('success', 'box@p.example'), mail=['ENVID=e1'], rcpt=['NOTIFY=SUCCESS'])
    m = s.wait_mail('message/delivery-status', '<success@test>')
    t.ok(m and b'Reporting-MTA: dns; mx.p.example' in m[0] and b'e1' in m[0], 'the report of success that was asked for is of Postfix',
         *map(repr, m or []))
    t.ok(s.queue_empty(), 'our queue is empty', s.queue('list').stdout)


def back(s, p):
    data = s.message('back', s.address, sender='box@p.example')
    t.eq(p.send([s.address], data), {}, 'Postfix has a message for us')
    m = s.wait_mail('<back@test>')
    t.ok(m and len(m) == 1 and re.search(rb'TLS', m[0].split(b'\r\n\r\n')[0]) and b'from mx.p.example' in m[0], 'it is here, with TLS', *map(repr, m or []))
    t.ok('TLS connection established to %s' % US in p.log(), 'as Postfix saw it too')
    big = s.message('backbig', s.address, sender='box@p.example', body=('.' + 'z' * 60 + '\r\n') * 40000)
    p.send([s.address], big)
    m = s.wait_mail('<backbig@test>')
    t.ok(m and m[0].endswith(big.split(b'\r\n\r\n', 1)[1]), 'a large one, with every byte')
    p.send(['nobody@a.example'], s.message('backno', 'nobody@a.example', sender='box@p.example'))
    got = p.find('backno')
    t.ok(got and b'nobody@a.example' in got[0] and b'5.1.1' in got[0], 'what we refuse is bounced by Postfix', *map(repr, got))


def stops(s, p):
    p.stop()
    for i in range(3):
        s.submit(['box@p.example'], s.message('down-%d' % i))
    t.ok(wait_until(lambda: len(s.queued()) == 3 and all(int(q[6]) >= 1 for q in s.queued())), 'while Postfix is down mail waits', s.queued())
    t.ok(p.start(), 'Postfix is started again')
    for i in range(3):
        t.eq(len(p.find('down-%d' % i)), 1, 'message %d arrives' % i)
    t.ok(s.queue_empty(), 'and nothing waits any more', s.queue('list').stdout)
    s.stop()
    for i in range(3):
        p.send([s.address], s.message('updown-%d' % i, s.address, sender='box@p.example'))
    t.ok(wait_until(lambda: p.log().count('status=deferred') >= 3), 'while we are down Postfix waits')
    t.ok(s.start(), 'we are started again')
    run(['postqueue', '-c', p.conf, '-f'])
    for i in range(3):
        m = wait_until(lambda: run(['postqueue', '-c', p.conf, '-f']) and s.wait_mail('<updown-%d@test>' % i, seconds=3), 90)
        t.eq(len(m or []), 1, 'its message %d arrives once' % i)


def sink(s):
    """smtp-sink announces next to nothing, and writes down what it gets."""
    top = tempfile.mkdtemp(prefix='posthorn-sink-')
    dump = os.path.join(top, 'mail')
    shutil.chown(top, 'nobody')
    proc = subprocess.Popen([have('smtp-sink'), '-u', 'nobody', '-D', dump, '%s:%d' % (SINK, base + 25), '100'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True, cwd=top)
    try:
        t.ok(wait_until(lambda: answers(SINK)), 'a sink runs')
        n = 60
        with s.submission() as c:
            for i in range(n):
                c.sendmail(s.address, ['u%d@sink.example' % i], s.message('sink-%d' % i))
        t.ok(s.queue_empty(90), 'a sink takes %d messages' % n, s.queue('list').stdout)
        with open(dump, errors='replace') as f:
            text = f.read()
        ids = re.findall(r'^Message-ID: <(sink-\d+)@test>', text, re.M)
        t.eq((len(ids), len(set(ids))), (n, n), 'each once')
        opened = len(re.findall(r'queue-remote\S* connected .*host=sink\.example', s.log()))
        t.ok(0 < opened <= 20, 'over %d connections' % opened)
    finally:
        os.killpg(proc.pid, signal.SIGTERM)
        proc.wait()
        shutil.rmtree(top, ignore_errors=True)


p = Postfix()
if not t.ok(p.start(), 'Postfix runs'):
    t.note(p.log() if os.path.exists(p.top + '/log') else 'no log')
    t.done()
with Nsd(ZONES) as dns:
    with System('a.example', US, dns.addr, base, back=1, tap=t, conf='max-first-time-recipients-per-day = 0\nmax-outgoing-per-day = 0\n') as s:
        out(s, p)
        back(s, p)
        stops(s, p)
        sink(s)
        if t.failed:
            t.note(p.log()[-4000:])
p.close()
t.done()
