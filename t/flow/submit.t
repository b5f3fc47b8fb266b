#!/usr/bin/env python3
"""Mail is submitted by real clients, with every mechanism, by STARTTLS and implicit TLS,
with a password or a client key, and arrives; others' names and wrong passwords are refused."""
import base64
import hashlib
import os
import re
import signal
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from ipc import connect as connect_door, pair, parse, record, send_fds
from posthorn import PASSWORD, Server, Tap, client_context, have, message, run, wait_until
from scram import scram_client

t = Tap()
USER = 'user@localhost'
FAR = 'somebody@elsewhere.example'


SENT = []       # Message-IDs that must arrive


def mail(ident, sender=USER):
    return message(ident).replace(b'sender@example.org', sender.encode())


def line_of(s, *words):
    """The log line that has them all, as a dictionary; waits a little for it."""
    def look():
        for line in s.log().splitlines():
            if all(w in line for w in words):
                return dict(w.split('=', 1) for w in line.split() if '=' in w)
    return wait_until(look, 10)


def check(s, ident, what, mechanism):
    """It is in the queue, from whom it should be."""
    q = line_of(s, 'queue-put[', ' queued ', 'message-id=<%s@test>' % ident)
    if not t.ok(q, what + ': it is in the queue'):
        return
    a = line_of(s, 'authd[', 'result=ok', 'protocol=smtp', 'conn=' + q['conn'], 'mechanism=%s ' % mechanism)
    t.ok(a and a['account'] == q['account'] == 'user' and q['from'] == USER and q['to'] == FAR,
         '%s: by %s' % (what, mechanism), a, q)
    SENT.append(ident)


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
            check(s, ident, what, mech)
            c.quit()
    c = connect(s, 'ssl')
    r = code_of(c.login, USER, 'wrong')
    t.ok(r[0] == 535 and r[1].startswith(b'5.7.8'), 'a wrong password', r)
    r = code_of(c.login, 'nobody@localhost', PASSWORD)
    t.ok(r[0] == 535 and r[1].startswith(b'5.7.8'), 'an unknown name', r)
    r = code_of(c.sendmail, USER, FAR, mail('early'))
    t.ok(r[0] == 530 and r[1].startswith(b'5.7.0'), 'no mail without a login', r)
    c.user, c.password = USER, PASSWORD
    c.auth('PLAIN', c.auth_plain)
    r = code_of(c.sendmail, 'friend@localhost', FAR, mail('friend'))
    t.ok(r[0] == 550 and r[1].startswith(b'5.7.1'), 'another\'s address as sender', r)
    t.eq(c.sendmail('', FAR, mail('null')), {}, 'the null sender')
    r = c.docmd('MAIL', 'FROM:<%s> HOLDFOR=60 RET=HDRS ENVID=e+3D1' % USER)
    t.eq(r[0], 250, 'HOLDFOR')
    c.rcpt(FAR, ['NOTIFY=SUCCESS', 'ORCPT=rfc822;x@y'])
    r = c.rcpt('nobody@unknown.localhost')
    t.eq(r[0], 250, 'a domain that is not ours')
    c.data(mail('held'))
    held = line_of(s, 'queue-put[', 'message-id=<held@test>')['msg']
    with open(os.path.join(s.var, 'queue/msg', held), 'rb') as f:
        kept = f.read().split(b'\0')
    want = {b'future': b'for;60', b'ret': b'hdrs', b'envid': b'e+3D1', b'notify': b'success', b'orcpt': b'rfc822;x@y'}
    t.ok(want.items() <= dict(zip(kept[::2], kept[1::2])).items(), 'what was asked is kept with it', kept[:40])
    for i in range(3):
        c.sendmail(USER, FAR, mail('again%d' % i))
        check(s, 'again%d' % i, 'one more over the same connection', 'PLAIN')
    r = code_of(c.sendmail, USER, FAR, mail('forged', 'friend@localhost'))
    t.ok(r[0] == 550 and r[1].startswith(b'5.7.1'), 'another\'s address in From', r)
    r = code_of(c.sendmail, USER, FAR, b'no header, nor an end of it\r\n')
    t.ok(r[0] == 554 and r[1].startswith(b'5.6.0'), 'no header', r)
    t.eq(c.sendmail(USER, 'friend@localhost', mail('local')), {}, 'and one goes to another account here')
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
            check(s, ident, what, mech)
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
            check(s, ident, ident, mech)


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
            check(s, ident, what, mech.upper())


def check_subject(s, subject, mechanism):
    """The same for clients that make their own Message-ID: it arrives."""
    def arrived():
        c = s.imap()
        try:
            uids = c.uid('search', None, 'SUBJECT', '"%s"' % subject)[1][0].split()
            return uids and c.uid('fetch', uids[0], '(BODY.PEEK[])')[1][0][1].decode()
        finally:
            c.logout()
    got = wait_until(arrived, 60, 0.3)
    if not t.ok(got, subject + ': it arrives'):
        return
    q = line_of(s, 'queue-put[', ' queued ', 'msg=' + re.search(r'via tcp with ESMTPSA id (\w+)', got).group(1))
    a = line_of(s, 'authd[', 'conn=' + q['conn'], 'result=ok', 'mechanism=' + (mechanism or ''))
    t.ok(a and a['account'] == q['account'] == 'user', subject + ': by ' + a['mechanism'], a, q)


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
        check_subject(s, 'by mutt over ' + scheme, mech)


def by_s_nail(s):
    nail = have('s-nail')
    if not nail:
        return t.skip('s-nail', 'not here')
    for scheme, port in (('smtp', s.submission_port), ('smtps', s.submissions_port)):
        r = run([nail, '-:/', '-Sv15-compat', '-Ssendwait', '-Smta=%s://user%%40localhost:%s@127.0.0.1:%d' % (scheme, PASSWORD, port),
                 '-Ssmtp-use-starttls', '-Stls-verify=ignore', '-Sfrom=' + USER, '-Shostname=me.test', '-s', 'by s-nail over ' + scheme, FAR],
                input='hello\n', env=dict(os.environ, HOME=s.top))
        t.ok(r.returncode == 0, 's-nail, %s: sent' % scheme, r.stdout, r.stderr)
        check_subject(s, 'by s-nail over ' + scheme, None)


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
        check(s, ident, what, 'EXTERNAL')
        c.user, c.password = 'friend@localhost', PASSWORD
        r = code_of(c.auth, 'PLAIN', c.auth_plain)
        t.ok(r[0] == 535, what + ': no other account after it', r)
        t.eq(c.docmd('AUTH', 'EXTERNAL =')[0], 235, what + ': AUTH EXTERNAL')
        c.quit()
    c = connect(s, 'ssl', stranger)
    t.eq(code_of(c.sendmail, USER, FAR, mail('stranger'))[0], 530, 'an unknown key')
    t.eq(c.docmd('AUTH', 'EXTERNAL =')[0], 535, 'is of no use for AUTH')
    c.quit()


def forged(s):
    """With the account's socket one sends as that account, whatever is said over it."""
    def answer(sender, author, **more):
        ours.send(record('put', cmd='mail', **{'from': sender}, **more))
        ours.send(record('put', cmd='rcpt', rcpt=FAR, **more))
        fd = os.memfd_create('message')
        os.write(fd, b'From: %s\r\nSubject: x\r\n\r\nhello\r\n' % author.encode())
        send_fds(ours, record('put', cmd='data', **more), [fd])
        os.close(fd)
        r = parse(ours.recv(65536))
        return r['code'], r['status']
    ours, theirs = pair()
    ours.settimeout(30)
    door = connect_door(os.path.join(s.var, 'run/queue-put'))
    # localserve has one user for all: the test can do what authd alone can do elsewhere
    send_fds(door, record('conn', id='forger', account='user', login=USER, mechanism='PLAIN', rip='127.0.0.1'),
             [theirs.fileno(), theirs.fileno()])
    t.eq(parse(door.recv(65536)).get('ok'), '1', 'a socket into the queue, for one account')
    theirs.close()
    t.eq(answer(USER, USER), ('250', '2.6.0'), 'its own sender')
    t.eq(answer('friend@localhost', USER), ('550', '5.7.1'), 'another as sender')
    t.eq(answer(USER, 'friend@localhost'), ('550', '5.7.1'), 'another as author')
    t.eq(answer('friend@localhost', 'friend@localhost', account='friend', login='friend@localhost'),
         ('550', '5.7.1'), 'and it does not help to say so')
    ours.close()
    door.close()


def lost(s):
    """queue-put dies between two messages: no message is lost or said to be queued, and one logs in again."""
    c = connect(s, 'ssl')
    c.login(USER, PASSWORD)
    t.eq(c.sendmail(USER, FAR, mail('before')), {}, 'a message before queue-put dies')
    # how many there are: each session that is open has one
    for pid in s.pids('queue-put'):
        os.kill(pid, signal.SIGKILL)
    c.mail(USER)
    c.rcpt(FAR)
    r = c.data(mail('between')) if c.sock else (0, b'')
    t.ok(r[0] == 451 and r[1].startswith(b'4.3.0'), 'then 451', r)
    r = c.docmd('NOOP')
    t.ok(r[0] == 421, 'and 421', r)
    c.close()
    c = connect(s, 'ssl')
    c.login(USER, PASSWORD)
    t.eq(c.sendmail(USER, FAR, mail('after')), {}, 'with a new login it goes on')
    c.quit()
    SENT.extend(['before', 'after'])


def arrived(s):
    """localserve brings what goes elsewhere to its user."""
    want = {'<%s@test>' % ident for ident in SENT}
    got = {}

    def all_there():
        got.clear()
        got.update(s.all_ids())
        return want <= set(got)
    t.ok(wait_until(all_there, 60, 0.5), 'all %d messages arrive' % len(want), sorted(want - set(got)))
    t.none(['%s: %d times' % (i, len(got[i])) for i in want & set(got) if len(got[i]) != 1], 'once each')
    t.ok('<between@test>' not in got, 'and not what was answered with 451')
    text = s.fetch_message('smtplib-ssl-PLAIN').decode()
    head = re.sub(r'\r\n[ \t]+', ' ', text.split('\r\n\r\n')[0])
    by = [f for f in head.split('\r\n') if 'via tcp' in f]
    t.ok(len(by) == 1 and ' with ESMTPSA ' in by[0] and 'me.test' not in by[0] and '127.0.0.1' not in by[0],
         'Received says that it was submitted, and hides from where', by)
    t.ok('Authentication-Results: localhost; auth=pass smtp.mailfrom=' + USER in head, 'Authentication-Results', head)
    t.ok(s.fetch_message('local', user='friend@localhost') is not None, 'the other account has its own')


with Server(tap=t) as s:
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
    forged(s)
    lost(s)
    arrived(s)
t.done()
