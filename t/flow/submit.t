#!/usr/bin/env python3
"""Mail is submitted by real clients, with every mechanism, by STARTTLS and implicit TLS,
with a password or a client key; others' names and wrong passwords are refused."""
import base64
import hashlib
import os
import smtplib
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from ipc import listener, parse, record, recv_fds
from posthorn import PASSWORD, Server, Tap, client_context, have, message, run, wait_until
from scram import scram_client

t = Tap()
USER = 'user@localhost'
FAR = 'somebody@elsewhere.example'


class Door:
    """queue-put's place: who came through the door, the envelopes and messages it got."""

    def __init__(self, var):
        self.got = []
        self.sock = listener(os.path.join(var, 'run/queue-put'))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            c, _ = self.sock.accept()
            rec, fds = recv_fds(c)
            c.send(record('spawned', ok='1'))
            c.close()
            threading.Thread(target=self.serve, args=(parse(rec), fds), daemon=True).start()

    def serve(self, conn, fds):
        import socket
        envelope = []
        os.close(fds[1])
        with socket.socket(fileno=fds[0]) as s:
            while True:
                rec, files = recv_fds(s)
                if not rec:
                    return
                q = parse(rec)
                if q['cmd'] != 'data':
                    envelope.append(q)
                    continue
                text = os.pread(files[0], 1 << 20, 0)
                os.close(files[0])
                self.got.append((conn, envelope, text))
                envelope = []
                s.send(record('put', result='ok', code=250, status='2.6.0', text='queued as X', id='X'))

    def find(self, ident):
        for conn, envelope, text in self.got:
            if ident.encode() in text:
                return conn, envelope, text
        return None


def mail(ident, sender=USER):
    return message(ident).replace(b'sender@example.org', sender.encode())


def check(ident, what, mechanism, account='user'):
    """It came into the queue, from whom it should."""
    got = door.find(ident)
    if not t.ok(got is not None, what + ': it is in the queue'):
        return
    conn, envelope, _ = got
    t.ok(conn['account'] == account and conn['mechanism'] == mechanism and conn['rip'] == '127.0.0.1',
         what + ': as %s by %s' % (account, mechanism), conn)
    t.ok(envelope[0]['from'] == USER and envelope[1]['rcpt'] == FAR, what + ': its envelope', envelope)


def connect(s, tls, cert=None):
    """smtplib: 'ssl', 'starttls' or None."""
    if tls == 'ssl':
        c = smtplib.SMTP_SSL('127.0.0.1', s.submissions_port, context=client_context(cert), timeout=30, local_hostname='me.test')
    else:
        c = smtplib.SMTP('127.0.0.1', s.submission_port, timeout=30, local_hostname='me.test')
        if tls:
            c.ehlo()
            c.starttls(context=client_context(cert))
    c.ehlo()
    return c


def code_of(f, *args):
    """The reply that an smtplib call ends with."""
    try:
        r = f(*args)
        return r if isinstance(r, tuple) else (250, b'')
    except smtplib.SMTPResponseException as e:
        return e.smtp_code, e.smtp_error
    except smtplib.SMTPSenderRefused as e:
        return e.smtp_code, e.smtp_error


def by_smtplib(s):
    for tls in ('ssl', 'starttls'):
        for mech in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
            ident, what = 'smtplib-%s-%s' % (tls, mech), 'smtplib, %s, %s' % (mech, tls)
            c = connect(s, tls)
            c.user, c.password = USER, PASSWORD
            t.ok(c.has_extn('futurerelease') and mech in c.esmtp_features['auth'], what + ': offered', c.esmtp_features)
            r = c.auth(mech, getattr(c, 'auth_' + mech.lower().replace('-', '_')))
            t.eq(r, (235, b'2.7.0 nice'), what + ': logged in')
            t.eq(c.sendmail(USER, FAR, mail(ident)), {}, what + ': sent')
            check(ident, what, mech)
            c.quit()
    c = connect(s, 'ssl')
    r = code_of(c.login, USER, 'wrong')
    t.ok(r[0] == 535 and r[1].startswith(b'5.7.8'), 'a wrong password', r)
    r = code_of(c.login, 'nobody@localhost', PASSWORD)
    t.ok(r[0] == 535 and r[1].startswith(b'5.7.8'), 'an unknown name', r)
    r = code_of(c.sendmail, USER, FAR, mail('early'))
    t.ok(r[0] == 530 and r[1].startswith(b'5.7.0'), 'no mail without a login', r)
    c.login(USER, PASSWORD)
    r = code_of(c.sendmail, 'friend@localhost', FAR, mail('friend'))
    t.ok(r[0] == 550 and r[1].startswith(b'5.7.1'), 'another\'s address as sender', r)
    t.eq(c.sendmail('', FAR, mail('null')), {}, 'the null sender')
    r = c.docmd('MAIL', 'FROM:<%s> HOLDFOR=60 RET=HDRS ENVID=e+3D1' % USER)
    t.eq(r[0], 250, 'HOLDFOR')
    c.rcpt(FAR, ['NOTIFY=SUCCESS', 'ORCPT=rfc822;x@y'])
    r = c.rcpt('nobody@unknown.localhost')
    t.eq(r[0], 250, 'a domain that is not ours')
    c.data(mail('held'))
    envelope = door.find('held@test')[1]
    t.ok(envelope[0]['holdfor'] == '60' and envelope[0]['ret'] == 'hdrs' and envelope[0]['envid'] == 'e+3D1' and
         envelope[1]['notify'] == '2' and envelope[1]['orcpt'] == 'rfc822;x@y', 'what was asked goes along', envelope)
    for _ in range(3):
        c.sendmail(USER, FAR, mail('again'))
    t.eq(len([1 for conn, _, text in door.got if b'again@test' in text]), 3, 'more messages over the same connection')
    c.quit()
    c = connect(s, 'ssl')
    cert, state = c.sock.getpeercert(binary_form=True), {}
    step = scram_client('sha256', USER, PASSWORD, 'tls-server-end-point', hashlib.sha256(cert).digest(), state)
    code, text = c.docmd('AUTH', 'SCRAM-SHA-256-PLUS')
    while code == 334:
        code, text = c.docmd(base64.b64encode(step(base64.b64decode(text))).decode())
    t.ok(code == 235 and state['v'] == state['final'], 'SCRAM bound to our certificate', code, text)
    c.quit()


def in_clear(s):
    """localserve lets one log in without TLS; that is its listener's auth-in-clear."""
    c = connect(s, None)
    t.ok('PLAIN' in c.esmtp_features['auth'] and c.has_extn('starttls'), 'in clear: STARTTLS and AUTH are offered')
    c.login(USER, PASSWORD)
    t.eq(code_of(c.docmd, 'STARTTLS')[0], 503, 'no STARTTLS after AUTH')
    c.quit()


def by_swaks(s):
    if not have('swaks'):
        return t.skip('swaks', 'not here')
    for tls, port in (('-tls', s.submission_port), ('-tlsc', s.submissions_port)):
        for mech in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
            ident, what = 'swaks%s-%s' % (tls, mech), 'swaks %s, %s' % (tls, mech)
            r = run(['swaks', tls, '--server', '127.0.0.1', '--port', str(port), '--auth', mech, '--auth-user', USER,
                     '--auth-password', PASSWORD, '--from', USER, '--to', FAR, '--ehlo', 'me.test',
                     '--header', 'Message-Id: <%s@test>' % ident])
            t.ok(r.returncode == 0 and '250 2.6.0 queued as' in r.stdout, what + ': sent', r.stdout[-2000:], r.stderr)
            check(ident, what, mech)
    r = run(['swaks', '-tlsc', '--server', '127.0.0.1', '--port', str(s.submissions_port), '--auth', 'PLAIN', '--auth-user',
             USER, '--auth-password', 'wrong', '--from', USER, '--to', FAR])
    t.ok(r.returncode == 28 and '535 5.7.8' in r.stdout, 'swaks: a wrong password', r.stdout[-500:])


def by_curl(s):
    if not have('curl'):
        return t.skip('curl', 'not here')
    for url, more in (('smtp://127.0.0.1:%d' % s.submission_port, ['--ssl-reqd']), ('smtps://127.0.0.1:%d' % s.submissions_port, [])):
        for mech in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
            ident = 'curl-%s-%s' % (url[:5].strip(':'), mech)
            r = run(['curl', '-sSk', '--max-time', '30', *more, '-u', '%s:%s' % (USER, PASSWORD), '--login-options',
                     'AUTH=' + mech, '--mail-from', USER, '--mail-rcpt', FAR, '-T', '-', url], input=mail(ident).decode())
            t.ok(r.returncode == 0, ident + ': sent', r.stderr)
            check(ident, ident, mech)


def by_msmtp(s, known):
    if not have('msmtp'):
        return t.skip('msmtp', 'not here')
    mechs = run(['msmtp', '--version']).stdout
    for tls, port in (('on', s.submission_port), ('off', s.submissions_port)):
        for mech in ('plain', 'login', 'cram-md5', 'scram-sha-1', 'scram-sha-256', 'external'):
            what = 'msmtp %s, %s' % (mech, 'STARTTLS' if tls == 'on' else 'TLS')
            if mech not in mechs:
                t.skip(what, 'not in this msmtp')
                continue
            ident = 'msmtp-%s-%s' % (tls, mech)
            conf = os.path.join(s.top, 'msmtprc')
            with open(conf, 'w') as f:
                f.write('account default\nhost 127.0.0.1\nport %d\nfrom %s\ntls on\ntls_starttls %s\ntls_certcheck off\n'
                        'auth %s\nuser %s\npassword %s\n' % (port, USER, tls, mech, USER, PASSWORD))
                if mech == 'external':
                    f.write('tls_cert_file %s\ntls_key_file %s\n' % known)
            os.chmod(conf, 0o600)
            r = run(['msmtp', '-C', conf, FAR], input=mail(ident).decode())
            t.ok(r.returncode == 0, what + ': sent', r.stderr)
            check(ident, what, mech.upper())


def by_mutt(s):
    if not have('mutt'):
        return t.skip('mutt', 'not here')
    # left to itself it takes SCRAM-SHA-256-PLUS and then has no channel to bind to
    for scheme, port, mech in (('smtp', s.submission_port, 'SCRAM-SHA-256'), ('smtps', s.submissions_port, 'PLAIN')):
        rc = os.path.join(s.top, 'muttrc')
        with open(rc, 'w') as f:
            f.write('set smtp_url="%s://user%%40localhost@127.0.0.1:%d/" smtp_pass="%s" from="%s" use_from=yes\n'
                    'set ssl_force_tls=yes ssl_verify_host=no ssl_verify_dates=no certificate_file="%s/var/tls/localhost/cert.pem"\n'
                    'set smtp_authenticators="%s"\n'
                    'set copy=no hostname=me.test use_envelope_from=yes envelope_from_address="%s"\n'
                    % (scheme, port, PASSWORD, USER, s.dir, mech.lower(), USER))
        r = run(['mutt', '-n', '-F', rc, '-s', 'by mutt over ' + scheme, '--', FAR], input='hello\n',
                env=dict(os.environ, HOME=s.top, TERM='dumb'))
        t.ok(r.returncode == 0, 'mutt, %s: sent' % scheme, r.stdout, r.stderr)
        got = door.find('by mutt over ' + scheme + '\r\n')
        t.ok(got and got[0]['account'] == 'user' and got[0]['mechanism'] == mech and got[1][0]['from'] == USER, 'mutt, %s: it is in the queue' % scheme, got)


def by_s_nail(s):
    nail = have('s-nail')
    if not nail:
        return t.skip('s-nail', 'not here')
    for scheme, port in (('smtp', s.submission_port), ('smtps', s.submissions_port)):
        r = run([nail, '-:/', '-Sv15-compat', '-Ssendwait', '-Smta=%s://user%%40localhost:%s@127.0.0.1:%d' % (scheme, PASSWORD, port),
                 '-Ssmtp-use-starttls', '-Stls-verify=ignore', '-Sfrom=' + USER, '-Shostname=me.test', '-s', 'by s-nail over ' + scheme, FAR],
                input='hello\n', env=dict(os.environ, HOME=s.top))
        t.ok(r.returncode == 0, 's-nail, %s: sent' % scheme, r.stdout, r.stderr)
        got = door.find('by s-nail over ' + scheme + '\r\n')
        t.ok(got and got[0]['account'] == 'user', 's-nail, %s: it is in the queue' % scheme, got)


def make_key(s, name):
    cert, key = os.path.join(s.top, name + '.pem'), os.path.join(s.top, name + '.key')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
                    '-out', cert, '-subj', '/CN=' + name, '-days', '1'], check=True, stderr=subprocess.DEVNULL)
    return cert, key


def by_key(s, known):
    stranger = make_key(s, 'stranger')
    for tls in ('ssl', 'starttls'):
        what, ident = 'a client key, ' + tls, 'key-' + tls
        c = connect(s, tls, known)
        t.ok(c.esmtp_features['auth'].split()[0] == 'EXTERNAL', what + ': EXTERNAL stands in front', c.esmtp_features)
        t.eq(c.sendmail(USER, FAR, mail(ident)), {}, what + ': sent without AUTH')
        check(ident, what, 'EXTERNAL')
        c.user, c.password = 'friend@localhost', PASSWORD
        r = code_of(c.auth, 'PLAIN', c.auth_plain)
        t.ok(r[0] == 535, what + ': no other account after it', r)
        t.eq(c.docmd('AUTH', 'EXTERNAL =')[0], 235, what + ': AUTH EXTERNAL')
        c.quit()
    c = connect(s, 'ssl', stranger)
    t.eq(code_of(c.sendmail, USER, FAR, mail('stranger'))[0], 530, 'an unknown key')
    t.eq(c.docmd('AUTH', 'EXTERNAL =')[0], 535, 'is of no use for AUTH')
    c.quit()


with Server(tap=t) as s:
    door = Door(s.var)
    known = make_key(s, 'known')
    r = s.verb('key', 'add', USER, 'a laptop', input=open(known[0]).read())
    t.eq(r.returncode, 0, 'a client key is registered')
    by_smtplib(s)
    in_clear(s)
    by_swaks(s)
    by_curl(s)
    by_msmtp(s, known)
    by_mutt(s)
    by_s_nail(s)
    by_key(s, known)
t.done()
