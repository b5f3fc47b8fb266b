#!/usr/bin/env python3
"""Logins through the whole system: imaplib, curl, mbsync, SCRAM bound to the TLS channel, client keys."""
import base64
import hashlib
import imaplib
import os
import select
import shutil
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from ports import free_base
from scram import scram_client

BUILD = os.path.abspath(os.environ.get('top_builddir', '.'))
POSTHORN = os.path.join(BUILD, 'bin/posthorn')
USER, PASSWORD = 'user@localhost', 'posthorn'
count = failed = 0


def ok(good, name, more=''):
    global count, failed
    count += 1
    if not good:
        failed += 1
    print('%sok %d - %s' % ('' if good else 'not ', count, name), flush=True)
    if not good and more:
        print('# %s' % (more,), flush=True)
    return good


def skip(name, why):
    global count
    count += 1
    print('ok %d - %s # SKIP %s' % (count, name, why), flush=True)


class Local:
    def __init__(self):
        self.top = tempfile.mkdtemp()
        self.dir = self.top + '/ph'
        self.base = free_base()
        self.log = open(self.top + '/log', 'a+')
        self.p = subprocess.Popen([POSTHORN, 'localserve', '-d', self.dir, '-p', str(self.base)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        text, end = b'', time.time() + 40
        while b'\nready\n' not in text and time.time() < end:
            if select.select([self.p.stdout], [], [], 1)[0]:
                part = os.read(self.p.stdout.fileno(), 65536)
                if not part:
                    break
                text += part
        self.ready = b'\nready\n' in text

    def verb(self, *args, stdin=''):
        return subprocess.run([POSTHORN, '-C', self.dir] + list(args), input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)

    def end(self):
        self.p.terminate()
        try:
            self.p.wait(30)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        if failed:
            self.log.seek(0)
            print(''.join('# ' + x for x in self.log.read().splitlines(True)[-30:]))
        shutil.rmtree(self.top, ignore_errors=True)


def context(cert=None):
    c = ssl.create_default_context()
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if cert:
        c.load_cert_chain(*cert)
    return c


def imaps(s, cert=None):
    return imaplib.IMAP4_SSL('127.0.0.1', s.base + 993, ssl_context=context(cert), timeout=20)


def is_usable(m):
    return m.select('INBOX')[0] == 'OK'


def refused(f, *args):
    try:
        f(*args)
        return False
    except imaplib.IMAP4.error as e:
        return 'AUTHENTICATIONFAILED' in str(e)


def test_imaplib(s):
    m = imaplib.IMAP4('127.0.0.1', s.base + 143, timeout=20)
    ok('STARTTLS' in m.capabilities, 'STARTTLS is offered')
    m.starttls(context())
    ok(refused(m.login, USER, 'wrong password'), 'imaplib: LOGIN, wrong')
    ok(m.login(USER, PASSWORD)[0] == 'OK' and is_usable(m), 'imaplib: LOGIN after STARTTLS')
    m.logout()
    m = imaps(s)
    ok(m.login_cram_md5(USER, PASSWORD)[0] == 'OK' and is_usable(m), 'imaplib: CRAM-MD5')
    m.logout()
    m = imaps(s)
    ok(m.authenticate('PLAIN', lambda _: b'\0%s\0%s' % (USER.encode(), PASSWORD.encode()))[0] == 'OK' and is_usable(m),
       'imaplib: PLAIN without an initial response')
    m.logout()
    m = imaps(s)
    m.send(b'a1 LOGIN user@localhost posthorn\r\na2 SELECT INBOX\r\na3 LOGOUT\r\n')
    out = b''
    while True:
        part = m.sock.recv(65536)
        if not part:
            break
        out += part
    ok(b'a1 OK' in out and b'a2 OK' in out and b'a3 OK' in out, 'commands sent behind LOGIN are answered', out)


def test_curl(s):
    if not shutil.which('curl'):
        return skip('curl', 'not here')
    for mech in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
        for user, want in ((USER, True), ('who@localhost', False)):
            r = subprocess.run(['curl', '-sSk', '--max-time', '20', '-u', '%s:%s' % (user, PASSWORD), '--login-options',
                                'AUTH=' + mech, 'imaps://127.0.0.1:%d/' % (s.base + 993)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            ok((r.returncode == 0 and '"/" INBOX' in r.stdout) == want, 'curl: %s as %s' % (mech, user),
               (r.stdout, r.stderr))


def test_mbsync(s):
    if not shutil.which('mbsync'):
        return skip('mbsync', 'not here')
    os.mkdir(s.top + '/local')
    for mech in ('SCRAM-SHA-256', 'SCRAM-SHA-1'):
        with open(s.top + '/mbsyncrc', 'w') as f:
            f.write('IMAPStore far\nHost localhost\nPort %d\nSSLType IMAPS\nSystemCertificates no\n'
                    'CertificateFile %s/var/tls/localhost/cert.pem\nUser %s\nPass %s\nAuthMechs %s\n\n'
                    'MaildirStore near\nPath %s/local/\nInbox %s/local/INBOX\n\n'
                    'Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\n'
                    % (s.base + 993, s.dir, USER, PASSWORD, mech, s.top, s.top))
        r = subprocess.run(['mbsync', '-c', s.top + '/mbsyncrc', '-l', 'c'], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=60)
        if 'available:' in r.stdout:
            skip('mbsync: ' + mech, 'its SASL library cannot')
        else:
            ok(r.returncode == 0 and 'INBOX' in r.stdout, 'mbsync: ' + mech, r.stdout)


def scram_plus(s, digest, spoil=False):
    """SCRAM-*-PLUS bound to the certificate that TLS showed (RFC 5929)."""
    m = imaps(s)
    cert = m.sock.getpeercert(binary_form=True)
    state = {}
    step = scram_client(digest, USER, PASSWORD, 'tls-server-end-point',
                        hashlib.sha256(cert if not spoil else cert + b'x').digest(), state)
    try:
        m.authenticate('SCRAM-%s-PLUS' % ('SHA-1' if digest == 'sha1' else 'SHA-256'), step)
        return is_usable(m) and state['v'] == state['final']
    except imaplib.IMAP4.error as e:
        return str(e)


def test_plus(s):
    for digest in ('sha1', 'sha256'):
        r = scram_plus(s, digest)
        ok(r is True, 'SCRAM %s bound to our certificate' % digest, r)
        r = scram_plus(s, digest, spoil=True)
        ok('AUTHENTICATIONFAILED' in str(r), 'and to another', r)


def test_exporter(s):
    """Bound to the TLS session itself (RFC 9266), with openssl's idea of what that exports."""
    # with TLS 1.3: for 1.2 openssl s_client leaves the context out, which is not an empty one (RFC 5705)
    p = subprocess.Popen(['openssl', 's_client', '-tls1_3', '-connect', '127.0.0.1:%d' % (s.base + 993), '-ign_eof',
                          '-servername', 'localhost', '-keymatexport', 'EXPORTER-Channel-Binding',
                          '-keymatexportlen', '32'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    material, state = b'', {}
    for line in p.stdout:
        if b'Keying material:' in line:
            material = bytes.fromhex(line.split(b':')[1].strip().decode())
        if line.startswith(b'* OK'):
            break
    step = scram_client('sha256', USER, PASSWORD, 'tls-exporter', material, state)
    p.stdin.write(b'a1 AUTHENTICATE SCRAM-SHA-256-PLUS\r\n')
    p.stdin.flush()
    answer = b''
    for line in p.stdout:
        if line.startswith(b'a1 '):
            answer = line
            break
        if line.startswith(b'+ '):
            p.stdin.write(base64.b64encode(step(base64.b64decode(line[2:].strip()))) + b'\r\n')
            p.stdin.flush()
    p.stdin.write(b'a2 LOGOUT\r\n')
    p.stdin.close()
    p.wait(20)
    p.stdout.close()
    ok(answer.startswith(b'a1 OK') and len(material) == 32 and state.get('v') == state.get('final', 'none'),
       'SCRAM bound to the TLS session', answer)


def make_key(s, name):
    key, cert = s.top + '/%s.key' % name, s.top + '/%s.pem' % name
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', key, '-out', cert, '-subj', '/CN=' + name, '-days', '1'], check=True,
                   stderr=subprocess.DEVNULL)
    return cert, key


def test_keys(s):
    known, stranger = make_key(s, 'known'), make_key(s, 'stranger')
    with open(known[0]) as f:
        pem = f.read()
    r = s.verb('key', 'add', USER, 'a tablet', stdin=pem)
    ok(r.returncode == 0, 'key add', r.stdout)
    fingerprint = r.stdout.strip()
    m = imaps(s, known)
    ok(m.state == 'AUTH' and is_usable(m), 'a known key is logged in with the connection', m.welcome)
    m.logout()
    m = imaps(s, stranger)
    ok(m.state == 'NONAUTH', 'a stranger\'s is not', m.welcome)
    ok(m.login(USER, PASSWORD)[0] == 'OK', 'but may go on with a password')
    m.logout()
    m = imaplib.IMAP4('127.0.0.1', s.base + 143, timeout=20)
    m.starttls(context(known))
    ok(m.authenticate('EXTERNAL', lambda _: b'')[0] == 'OK' and is_usable(m), 'EXTERNAL after STARTTLS')
    m.logout()
    s.verb('key', 'add', '-p', USER, stdin=pem)
    m = imaps(s, known)
    ok(m.state == 'NONAUTH' and m.authenticate('EXTERNAL', lambda _: b'')[0] == 'OK', 'without PREAUTH', m.welcome)
    m.logout()
    s.verb('key', 'rm', fingerprint)
    m = imaps(s, known)
    ok(m.state == 'NONAUTH' and refused(m.authenticate, 'EXTERNAL', lambda _: b''), 'removed', m.welcome)
    m.logout()


def test_after(s):
    out = s.verb('logins', 'user').stdout
    ok('result=ok' in out and 'mechanism=SCRAM-SHA-256-PLUS' in out and 'mechanism=EXTERNAL' in out, 'logins', out)
    s.verb('passwd', 'user', stdin='another password\n')
    m = imaps(s)
    ok(refused(m.login, USER, PASSWORD), 'a changed password: the old one')
    ok(m.login(USER, 'another password')[0] == 'OK', 'and the new one')
    m.logout()


s = Local()
if ok(s.ready, 'localserve is ready'):
    for t in (test_imaplib, test_curl, test_mbsync, test_plus, test_exporter, test_keys, test_after):
        try:
            t(s)
        except Exception as e:
            ok(False, '%s: %r at line %d' % (t.__name__, e, e.__traceback__.tb_next.tb_lineno))
s.end()
print('1..%d' % count)
sys.exit(failed != 0)
