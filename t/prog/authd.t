#!/usr/bin/env python3
"""authd through its socket: each mechanism right and wrong, hand-off, limits, a worker that dies."""
import array
import base64
import hashlib
import hmac
import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('top_builddir', '.')
LIBEXEC = os.path.join(BUILD, 'libexec')
AUTHD = os.path.join(LIBEXEC, 'authd')
if os.path.isdir(AUTHD):
    AUTHD += '/authd'
PASSWORD = 'correct horse'
KEY = os.urandom(32)
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


def record(proto, **attrs):
    parts = [proto, '1'] + [x for kv in attrs.items() for x in kv]
    return b''.join(p.encode() + b'\0' for p in parts)


def parse(rec):
    parts = rec.split(b'\0')[:-1]
    return dict(zip((p.decode() for p in parts[::2]), (p.decode() for p in parts[1::2])))


def b64(s):
    return base64.b64encode(s if isinstance(s, bytes) else s.encode()).decode()


class System:
    """A var directory with a configuration, and an authd on it."""

    def __init__(self, *args):
        self.dir = tempfile.mkdtemp()
        for d in ('etc/domains', 'etc/accounts', 'var/run'):
            os.makedirs(os.path.join(self.dir, d))
        self.var = self.dir + '/var'
        self.env = dict(os.environ, POSTHORN_ETC=self.dir + '/etc', POSTHORN_VAR=self.var, POSTHORN_LIBEXEC=LIBEXEC)
        self.write('etc/posthorn.conf', 'hostname = mail.example.org\nseparators = "+"\n'
                   'listener public { address = 127.0.0.1 imap = 10143 }\n')
        self.write('etc/domains/example.org.conf', 'alias team { members = { ann@example.org } }\n')
        self.write('etc/accounts/ann.conf', 'address ann@example.org { }\naddress "m\u00fcller@example.org" { }\n')
        self.write('etc/accounts/bob.conf', 'address bob@example.org { }\n')
        self.write('etc/accounts/off.conf', 'login-disabled = "moved away"\naddress off@example.org { }\n')
        self.verb('config', 'build')
        for name in ('ann', 'bob', 'off'):
            self.verb('passwd', name, stdin=PASSWORD + '\n')
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.bind(self.var + '/run/authd')
        self.sock.listen(100)
        self.p = None
        with open(self.var + '/key', 'wb') as f:
            f.write(KEY)
        self.args = args
        self.start()

    def write(self, name, text):
        with open(os.path.join(self.dir, name), 'w') as f:
            f.write(text)

    def verb(self, name, *args, stdin='', code=0):
        r = subprocess.run([os.path.join(LIBEXEC, 'verbs', name)] + list(args), cwd=self.var, env=self.env,
                           input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
        if r.returncode != code:
            ok(False, 'posthorn %s %s: exit %d' % (name, ' '.join(args), r.returncode), r.stderr)
        return r.stdout + r.stderr

    def start(self):
        fd = self.sock.fileno()
        ready = self.dir + '/ready'
        if os.path.exists(ready):
            os.unlink(ready)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(ready)
        notify.settimeout(10)

        def become():
            os.dup2(fd, 3)
            os.set_inheritable(3, True)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='authd',
                              NOTIFY_SOCKET=ready, **{k: self.env[k] for k in self.env if k.startswith('POSTHORN')})
            os.execv(AUTHD, [AUTHD] + list(self.args))
        self.p = subprocess.Popen([AUTHD], cwd=self.var, preexec_fn=become, close_fds=False,
                                  stderr=open(self.dir + '/log', 'a'))
        ok(notify.recv(100) == b'READY=1', 'authd is ready')
        notify.close()

    def workers(self):
        with open('/proc/%d/task/%d/children' % (self.p.pid, self.p.pid)) as f:
            return [int(x) for x in f.read().split()]

    def stop(self):
        self.p.terminate()
        return self.p.wait(10)

    def end(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait(10)
        self.sock.close()
        subprocess.run(['rm', '-rf', self.dir], check=True)

    def connect(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(self.var + '/run/authd')
        s.settimeout(10)
        return s

    def call(self, s, **attrs):
        s.send(record('auth', **attrs))
        return parse(s.recv(65536))

    def plain(self, user, password, authzid='', s=None, **peer):
        t = s or self.connect()
        r = self.call(t, cmd='start', mechanism='PLAIN', initial=b64('%s\0%s\0%s' % (authzid, user, password)),
                      **facts(**peer))
        if s is None:
            t.close()
        return r

    def login(self, user, password, **peer):
        s = self.connect()
        r = self.call(s, cmd='login', user=b64(user), password=b64(password), **facts(**peer))
        s.close()
        return r


SEALED = ('id', 'service', 'listener', 'rip', 'rport', 'lip', 'lport', 'tls', 'cipher', 'sni', 'fingerprint', 'exporter',
          'endpoint', 'trusted')


def sealed(f):
    """What listend says (lib/sys/seal.h)."""
    return hmac.new(KEY, record('seal', **{n: f.get(n, '') for n in SEALED}), 'sha256').hexdigest()


def facts(**more):
    f = dict(protocol='imap', service='imap', id='c1', rip='192.0.2.1', lip='192.0.2.2', tls='TLSv1.3', trusted='1')
    seal = more.pop('seal', True)
    f.update(more)
    f = {k: v for k, v in f.items() if v is not None}
    if seal is True:
        seal = sealed(f)
    return dict(f, seal=seal) if seal else f


def scram(sys_, hash_, user, password, plus=False, gs2='n,,', bind=b'', spoil=None, **peer):
    """The client's side of SCRAM; the last answer, and whether the server proved itself."""
    s = sys_.connect()
    bare = 'n=%s,r=clientnonce' % user.replace('=', '=3D').replace(',', '=2C')
    name = 'SCRAM-' + ('SHA-1' if hash_ == 'sha1' else 'SHA-256') + ('-PLUS' if plus else '')
    r = sys_.call(s, cmd='start', mechanism=name, initial=b64(gs2 + bare), **facts(**peer))
    if r['result'] != 'continue':
        return r, False
    first = base64.b64decode(r['challenge']).decode()
    f = dict(x.split('=', 1) for x in first.split(','))
    assert f['r'].startswith('clientnonce') and len(f['r']) > 30
    salted = hashlib.pbkdf2_hmac(hash_, password.encode(), base64.b64decode(f['s']), int(f['i']))
    key = hmac.new(salted, b'Client Key', hash_).digest()
    stored = hashlib.new(hash_, key).digest()
    final = 'c=%s,r=%s' % (b64(gs2.encode() + bind), f['r'] + (spoil or ''))
    auth = ','.join((bare, first, final)).encode()
    proof = bytes(a ^ b for a, b in zip(key, hmac.new(stored, auth, hash_).digest()))
    r = sys_.call(s, cmd='step', response=b64(final + ',p=' + b64(proof)))
    if r['result'] != 'continue':
        return r, False
    server = hmac.new(hmac.new(salted, b'Server Key', hash_).digest(), auth, hash_).digest()
    proven = base64.b64decode(r['challenge']).decode() == 'v=' + b64(server)
    r = sys_.call(s, cmd='step', response='')
    s.close()
    return r, proven


def is_ok(r, account='ann'):
    return r.get('result') == 'ok' and r.get('account') == account


def is_fail(r, reason='badcreds'):
    return r.get('result') == 'fail' and r.get('reason') == reason


def test_clear(s):
    r = s.plain('ann@example.org', PASSWORD)
    ok(is_ok(r) and r['login'] == 'ann@example.org' and r['mechanism'] == 'PLAIN', 'PLAIN', r)
    ok(is_ok(s.plain('ANN@Example.ORG', PASSWORD)), 'the case of an address does not matter')
    ok(is_ok(s.plain('ann+tag@example.org', PASSWORD)), 'something behind the separator')
    ok(is_ok(s.plain('mu\u0308ller@example.org', PASSWORD)), 'a name in NFD')
    ok(is_ok(s.plain('ann@example.org', PASSWORD)), 'once more, from memory')
    ok(is_ok(s.plain('ann@example.org', PASSWORD.replace(' ', '\u00a0'))), 'another space in the password')
    ok(is_fail(s.plain('ann@example.org', PASSWORD + 'x')), 'a wrong password')
    ok(is_fail(s.plain('ann@example.org', 'tab\there')), 'one that is none')
    ok(is_fail(s.plain('who@example.org', PASSWORD)), 'an unknown name')
    ok(is_fail(s.plain('team@example.org', PASSWORD)), 'an alias')
    ok(is_fail(s.plain('ann', PASSWORD)), 'an account\'s name')
    ok(is_fail(s.plain('postmaster', PASSWORD)), 'a bare postmaster')
    ok(is_fail(s.plain('ann@example.org', PASSWORD, authzid='bob@example.org')), 'for another')
    ok(is_ok(s.plain('ann@example.org', PASSWORD, authzid='ann@example.org')), 'for oneself')
    ok(is_fail(s.plain('ann@example.org', ''), 'badprotocol'), 'no password')
    r = s.plain('off@example.org', PASSWORD)
    ok(is_fail(r, 'disabled') and r['text'] == 'moved away', 'a disabled account, to who knows the password', r)
    ok(is_fail(s.plain('off@example.org', 'wrong')), 'and not to others')
    ok(is_ok(s.login('ann@example.org', PASSWORD)), 'IMAP LOGIN')
    ok(is_fail(s.login('ann@example.org', 'wrong')), 'IMAP LOGIN, wrong')
    ok(is_fail(s.login('ann\udcff@example.org'.encode('utf-8', 'surrogateescape'), 'wrong')), 'IMAP LOGIN, no UTF-8')
    c = s.connect()
    r = s.call(c, cmd='start', mechanism='login', **facts())
    ok(base64.b64decode(r['challenge']) == b'Username:', 'LOGIN asks for the name')
    r = s.call(c, cmd='step', response=b64('ann@example.org'))
    ok(base64.b64decode(r['challenge']) == b'Password:', 'and the password')
    ok(is_ok(s.call(c, cmd='step', response=b64(PASSWORD))), 'LOGIN')
    c.close()


def test_protocol(s):
    c = s.connect()
    ok(is_fail(s.call(c, cmd='start', mechanism='GSSAPI', **facts()), 'nomech'), 'an unknown mechanism')
    ok(is_fail(s.call(c, cmd='start', mechanism='SCRAM-SHA-1-PLUS', **facts()), 'nomech'), 'PLUS without a channel')
    ok(is_fail(s.call(c, cmd='start', mechanism='EXTERNAL', initial='', **facts()), 'nomech'), 'EXTERNAL without a key')
    ok(is_fail(s.call(c, cmd='start', mechanism='PLAIN', initial='!', **facts()), 'badprotocol'), 'no base64')
    ok(s.call(c, cmd='start', mechanism='PLAIN', **facts()) == {'auth': '1', 'result': 'continue', 'challenge': ''},
       'PLAIN without an initial response')
    ok(is_fail(s.call(c, cmd='abort'), 'aborted'), 'abort')
    ok(is_ok(s.plain('ann@example.org', PASSWORD, s=c)), 'and again on the same connection')
    ok(is_fail(s.call(c, cmd='step', response=''), 'badprotocol'), 'a step after ok')
    ok(c.recv(10) == b'', 'ends it')
    c = s.connect()
    c.send(b'garbage')
    ok(c.recv(10) == b'', 'garbage ends it')


def test_cram(s):
    def cram(user, password):
        c = s.connect()
        r = s.call(c, cmd='start', mechanism='CRAM-MD5', **facts())
        ch = base64.b64decode(r['challenge'])
        assert ch.startswith(b'<') and ch.endswith(b'@mail.example.org>')
        return s.call(c, cmd='step', response=b64(user + ' ' + hmac.new(password.encode(), ch, 'md5').hexdigest()))
    ok(is_ok(cram('ann@example.org', PASSWORD)), 'CRAM-MD5')
    ok(is_fail(cram('ann@example.org', 'wrong')), 'CRAM-MD5, wrong')
    ok(is_fail(cram('who@example.org', PASSWORD)), 'CRAM-MD5, unknown')
    c = s.connect()
    ok(is_fail(s.call(c, cmd='start', mechanism='CRAM-MD5', initial=b64('ann ' + 'a' * 32), **facts()), 'badprotocol'),
       'CRAM-MD5 before the challenge')


def test_scram(s):
    exporter, endpoint = os.urandom(32), os.urandom(32)
    channel = dict(exporter=exporter.hex(), endpoint=endpoint.hex())
    for h in ('sha1', 'sha256'):
        r, proven = scram(s, h, 'ann@example.org', PASSWORD)
        ok(is_ok(r) and proven, 'SCRAM ' + h, r)
        ok(is_fail(scram(s, h, 'ann@example.org', 'wrong')[0]), 'SCRAM %s, wrong' % h)
        ok(is_fail(scram(s, h, 'who@example.org', PASSWORD)[0]), 'SCRAM %s, unknown' % h)
        ok(is_fail(scram(s, h, 'ann@example.org', PASSWORD, spoil='x')[0], 'badprotocol'), 'SCRAM %s, other nonce' % h)
        for kind, data in (('tls-exporter', exporter), ('tls-server-end-point', endpoint)):
            gs2 = 'p=%s,,' % kind
            r, proven = scram(s, h, 'ann@example.org', PASSWORD, plus=True, gs2=gs2, bind=data, **channel)
            ok(is_ok(r) and proven, 'SCRAM %s-PLUS with %s' % (h, kind), r)
            r, _ = scram(s, h, 'ann@example.org', PASSWORD, plus=True, gs2=gs2, bind=os.urandom(32), **channel)
            ok(is_fail(r, 'badchanbind'), 'and on another channel', r)
        r, _ = scram(s, h, 'ann@example.org', PASSWORD, plus=True, gs2='p=tls-unique,,', bind=b'x', **channel)
        ok(is_fail(r, 'badchanbind'), 'tls-unique is not offered', r)
        r, _ = scram(s, h, 'ann@example.org', PASSWORD, plus=True, gs2='n,,', **channel)
        ok(is_fail(r, 'badprotocol'), 'PLUS without binding', r)
        r, _ = scram(s, h, 'ann@example.org', PASSWORD, gs2='y,,', **channel)
        ok(is_fail(r, 'badchanbind'), 'a downgrade is noticed', r)
        ok(is_ok(scram(s, h, 'ann@example.org', PASSWORD, gs2='y,,')[0]), 'none where nothing can be bound to')
        ok(is_ok(scram(s, h, 'ann@example.org', PASSWORD, **channel)[0]), 'a client that cannot bind')
    r, _ = scram(s, 'sha256', 'off@example.org', PASSWORD)
    ok(is_fail(r, 'disabled'), 'SCRAM of a disabled account', r)
    firsts = []
    for user in ('who@example.org', 'who@example.org', 'ann@example.org'):
        r = s.call(s.connect(), cmd='start', mechanism='SCRAM-SHA-256', initial=b64('n,,n=%s,r=x' % user), **facts())
        f = dict(x.split('=', 1) for x in base64.b64decode(r['challenge']).decode().split(','))
        firsts.append((f['s'], f['i'], len(f['s'])))
    ok(firsts[0] == firsts[1] and firsts[0][1:] == firsts[2][1:], 'an unknown name has a salt like any other', firsts)


def test_passwd(s):
    def secrets():
        with open(s.var + '/auth/secrets.tdb', 'rb') as f:
            return f.read()
    before = secrets()
    ok('no account' in s.verb('passwd', 'nobody', stdin=PASSWORD, code=100), 'passwd of no account')
    s.verb('passwd', 'ann', stdin='short', code=100)
    s.verb('passwd', 'ann', stdin='control\x07characters', code=100)
    s.verb('passwd', code=100)
    s.verb('passwd', '-c', 'ann', stdin='no hash\n', code=100)
    ok(secrets() == before, 'nothing was changed')
    s.verb('passwd', 'ann', stdin='another password\r\n')
    ok(is_fail(s.plain('ann@example.org', PASSWORD)), 'the old one is of no use, remembered or not')
    ok(is_ok(s.plain('ann@example.org', 'another password')), 'the new one is')
    ok(b'another password' not in secrets(), 'and is not kept')
    s.verb('passwd', '-y', 'ann', stdin=PASSWORD)
    ok(is_ok(s.plain('ann@example.org', PASSWORD)), 'yescrypt')
    ok(is_fail(s.plain('ann@example.org', 'another password')), 'yescrypt, wrong')
    ok(is_fail(scram(s, 'sha256', 'ann@example.org', PASSWORD)[0]), 'is for PLAIN only')
    s.verb('passwd', '-c', 'ann', stdin='$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\n')
    ok(is_fail(scram(s, 'sha256', 'ann@example.org', 'password')[0]), 'an imported hash')
    ok(is_ok(s.plain('ann@example.org', 'password')), 'is good for PLAIN')
    ok(is_ok(scram(s, 'sha256', 'ann@example.org', 'password')[0]), 'and made new with the first login')
    s.verb('passwd', '-r', 'ann')
    ok(is_fail(s.plain('ann@example.org', 'password')), 'removed')
    s.verb('passwd', 'ann', stdin=PASSWORD)


def on_terminal(s, first, second):
    """posthorn passwd ann on a terminal; its exit code and all that was shown."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(s.var)
        os.execve(os.path.join(LIBEXEC, 'verbs/passwd'), ['passwd', 'ann'], s.env)
    shown = b''
    for text, want in ((first, b'New password: '), (second, b'again: ')):
        while want not in shown:
            shown += os.read(fd, 1000)
        os.write(fd, text.encode() + b'\n')
    try:
        while True:
            part = os.read(fd, 1000)
            if not part:
                break
            shown += part
    except OSError:
        pass
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_terminal(s):
    code, shown = on_terminal(s, 'typed twice', 'typed otherwise')
    ok(code == 100 and b'not the same' in shown, 'passwd on a terminal: two that differ', shown)
    code, shown = on_terminal(s, 'typed twice', 'typed twice')
    ok(code == 0 and b'typed' not in shown, 'nothing that is typed is shown', shown)
    ok(is_ok(s.plain('ann@example.org', 'typed twice')), 'and it is the password')
    s.verb('passwd', 'ann', stdin=PASSWORD)


def test_handoff(s):
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(s.var + '/run/imapd')
    door.listen(5)
    door.settimeout(10)
    ours, data = socket.socketpair()
    ctl, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    fds = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [data.fileno(), control.fileno()]))]
    c = s.connect()
    c.sendmsg([record('auth', cmd='handoff', tag='a', input='')], fds)
    ok(is_fail(parse(c.recv(65536)), 'badprotocol') and c.recv(10) == b'', 'a hand-off without a login')
    c = s.connect()
    s.plain('ann@example.org', 'wrong', s=c)
    c.sendmsg([record('auth', cmd='handoff', tag='a', input='', account='ann')], fds)
    ok(is_fail(parse(c.recv(65536)), 'badprotocol'), 'nor after a failed one')
    c = s.connect()
    s.plain('ann@example.org', PASSWORD, s=c, protocol='smtp')
    c.sendmsg([record('auth', cmd='handoff', tag='a', input='')], fds)
    ok(is_fail(parse(c.recv(65536)), 'badprotocol'), 'nor after one for SMTP')
    c = s.connect()
    s.plain('ann@example.org', PASSWORD, s=c, service='submission')
    c.sendmsg([record('auth', cmd='handoff', tag='a', input='')], fds)
    ok(is_fail(parse(c.recv(65536)), 'badprotocol'), 'nor by who came to submission, whatever the gate calls it')
    c = s.connect()
    s.plain('ann+x@example.org', PASSWORD, s=c, fingerprint='')
    c.sendmsg([record('auth', cmd='handoff', tag='a1', input=b64('a2 NOOP\r\n'), account='bob', rip='6.6.6.6')], fds)
    t, _ = door.accept()
    rec, anc, _, _ = t.recvmsg(65536, socket.CMSG_SPACE(16))
    got = array.array('i')
    for _, _, content in anc:
        got.frombytes(content)
    r = parse(rec)
    ok(r['conn'] == '1' and r['account'] == 'ann' and r['login'] == 'ann@example.org' and r['mechanism'] == 'PLAIN',
       'imapd is told who it is, whatever the gate says', r)
    ok(r['rip'] == '192.0.2.1' and r['tls'] == 'TLSv1.3' and r['id'] == 'c1', 'and where from')
    ok(r['tag'] == 'a1' and base64.b64decode(r['input']) == b'a2 NOOP\r\n', 'and what waits for an answer')
    ok(len(got) == 2, 'with both descriptors')
    os.write(got[0], b'hello')
    ok(ours.recv(10) == b'hello', 'which are the client\'s')
    t.send(record('spawned', ok='1'))
    ok(parse(c.recv(65536))['result'] == 'handed', 'the gate may go')
    ok(c.recv(10) == b'', 'the dialogue is over')
    for answer in (record('spawned', error='no more'), None):
        c = s.connect()
        s.plain('ann@example.org', PASSWORD, s=c)
        c.sendmsg([record('auth', cmd='handoff', tag='a1', input='')], fds)
        t, _ = door.accept()
        t.recv(65536)
        if answer:
            t.send(answer)
        t.close()
        ok(parse(c.recv(65536))['result'] == 'temp', 'imapd %s' % ('refuses' if answer else 'hangs up'))
    door.close()
    os.unlink(s.var + '/run/imapd')
    c = s.connect()
    s.plain('ann@example.org', PASSWORD, s=c)
    c.sendmsg([record('auth', cmd='handoff', tag='a1', input='')], fds)
    ok(parse(c.recv(65536))['result'] == 'temp', 'no imapd')
    for x in [os.fdopen(i, 'w') for i in got]:
        x.close()


def door_conn(door):
    t, _ = door.accept()
    rec, fds = recv_fds(t)
    return t, parse(rec), fds


def recv_fds(s):
    rec, anc, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(16))
    got = array.array('i')
    for _, _, content in anc:
        got.frombytes(content)
    return rec, list(got)


def test_queue(s):
    """The way into the queue: a socket whose other end went through queue-put's door."""
    def ask(c):
        c.send(record('auth', cmd='queue', account='bob', rip='6.6.6.6'))

    def answer(c):
        rec, fds = recv_fds(c)
        return parse(rec), fds

    def smtp():
        c = s.connect()
        r = s.plain('ann+x@example.org', PASSWORD, s=c, protocol='smtp', service='submission')
        return c if is_ok(r) else ok(False, 'a login for SMTP', r)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(s.var + '/run/queue-put')
    door.listen(5)
    door.settimeout(10)
    c = s.connect()
    ok(is_fail(s.call(c, cmd='queue'), 'badprotocol') and c.recv(10) == b'', 'the queue without a login')
    c = s.connect()
    s.plain('ann@example.org', 'wrong', s=c, protocol='smtp')
    ok(is_fail(s.call(c, cmd='queue', account='ann'), 'badprotocol'), 'nor after a failed one')
    c = s.connect()
    s.plain('ann@example.org', PASSWORD, s=c)
    ok(is_fail(s.call(c, cmd='queue'), 'badprotocol'), 'nor after one for IMAP')
    c = s.connect()
    s.plain('ann@example.org', PASSWORD, s=c, protocol='smtp')
    ok(is_fail(s.call(c, cmd='queue'), 'badprotocol'), 'nor by who came for IMAP, whatever the gate calls it')
    c = smtp()
    ask(c)
    t, r, fds = door_conn(door)
    ok(r['conn'] == '1' and r['account'] == 'ann' and r['login'] == 'ann@example.org' and r['mechanism'] == 'PLAIN',
       'queue-put is told who it is, whatever smtpd says', r)
    ok(r['rip'] == '192.0.2.1' and r['tls'] == 'TLSv1.3' and r['id'] == 'c1' and 'seal' not in r, 'and where from', r)
    ok(len(fds) == 2, 'with two descriptors, as spawnd wants them')
    t.send(record('spawned', ok='1'))
    r, mine = answer(c)
    ok(r == {'auth': '1', 'result': 'queue'} and len(mine) == 1, 'smtpd gets the other end', (r, mine))
    ok(c.recv(10) == b'', 'the dialogue is over')
    queue, ours = socket.socket(fileno=fds[0]), socket.socket(fileno=mine[0])
    queue.settimeout(10)
    ours.settimeout(10)
    ours.send(b'one')
    ours.send(b'two')
    ok(queue.recv(10) == b'one' and queue.recv(10) == b'two', 'records go through')
    queue.send(b'back')
    ok(ours.recv(10) == b'back', 'both ways')
    ours.close()
    ok(queue.recv(10) == b'', 'it ends when smtpd does: nobody else holds it')
    queue.close()
    os.close(fds[1])
    for said in (record('spawned', error='no more'), None):
        c = smtp()
        ask(c)
        t, _, fds = door_conn(door)
        if said:
            t.send(said)
        t.close()
        r, mine = answer(c)
        ok(r['result'] == 'temp' and not mine, 'queue-put\'s door %s' % ('refuses' if said else 'hangs up'), r)
        for f in fds:
            os.close(f)
    c = smtp()
    ask(c)
    t, _, fds = door_conn(door)
    ok(is_ok(s.plain('ann@example.org', PASSWORD)), 'a door that is silent keeps nobody else waiting')
    t.close()
    answer(c)
    for f in fds:
        os.close(f)
    door.close()
    os.unlink(s.var + '/run/queue-put')
    c = smtp()
    ask(c)
    ok(answer(c)[0]['result'] == 'temp', 'no queue-put')


def test_faults(s):
    idle = [s.connect() for _ in range(20)]
    ok(is_ok(s.plain('ann@example.org', PASSWORD)), 'silent dialogues keep nobody waiting')
    for c in idle:
        c.close()
    c = s.connect()
    s.call(c, cmd='start', mechanism='PLAIN', **facts())
    before = s.workers()
    ok(len(before) == int(s.args[1]), 'as many workers as asked for', before)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    try:
        ok(c.recv(10) == b'', 'a worker dies: the dialogue ends')
    except ConnectionResetError:
        ok(True, 'a worker dies: the dialogue is reset')
    ok(is_ok(s.plain('ann@example.org', PASSWORD)), 'and others take its place')


def test_limits(s):
    def fails(rip, n, **more):
        return [s.plain('ann@example.org', 'wrong', rip=rip, trusted=None, **more) for _ in range(n)]
    if time.time() % 60 > 50:
        time.sleep(61 - time.time() % 60)       # all of it in one window
    rs = fails('198.51.100.1', 12)
    ok(all(is_fail(r) for r in rs[:10]) and all(is_fail(r, 'limited') for r in rs[10:]), 'ten failures a minute', rs)
    ok(is_fail(s.plain('ann@example.org', PASSWORD, rip='198.51.100.1', trusted=None), 'limited'),
       'then the right password is not looked at')
    ok(is_fail(s.plain('ann@example.org', PASSWORD, rip='198.51.100.1', trusted=None, protocol='smtp'), 'limited'),
       'by no protocol')
    ok(is_ok(s.plain('ann@example.org', PASSWORD, rip='198.51.100.1')), 'but for a trusted peer')
    ok(is_ok(s.plain('ann@example.org', PASSWORD, rip='198.51.100.2', trusted=None)), 'and for a neighbour')
    fails('198.51.100.2', 5)
    ok(is_ok(s.plain('ann@example.org', PASSWORD, rip='198.51.100.2', trusted=None)), 'a success between failures')
    rs = fails('198.51.100.2', 10)
    ok(all(is_fail(r) for r in rs), 'takes one\'s own back', rs)
    rs = fails('198.51.100.3', 10) + fails('198.51.100.4', 1)
    ok(all(is_fail(r) for r in rs[:10]) and is_fail(rs[10], 'limited'), 'thirty from a network of 64 addresses', rs)
    rs = [s.plain('ann@example.org', 'wrong', rip='2001:db8::%d' % i, trusted=None) for i in range(11)]
    ok(is_fail(rs[9]) and is_fail(rs[10], 'limited'), 'IPv6 is counted by /64')


def pem(s, *args):
    key, cert = s.dir + '/key.pem', s.dir + '/cert.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', args[0], '-nodes', '-keyout', key, '-out', cert,
                    '-subj', '/CN=x', '-days', '1'] + list(args[1:]), check=True, stderr=subprocess.DEVNULL)
    public = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout'], check=True, stdout=subprocess.PIPE).stdout
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=public, check=True,
                         stdout=subprocess.PIPE).stdout
    with open(cert) as f:
        return f.read(), public.decode(), hashlib.sha256(der).hexdigest()


def test_keys(s):
    cert, public, print_ = pem(s, 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')
    ok(s.verb('key', 'list') == '', 'no keys')
    ok(s.verb('key', 'add', 'ann+x@example.org', 'the tablet', stdin=cert) == print_ + '\n', 'add a certificate')
    ok(s.verb('key', 'list') == '%s ann ann@example.org the tablet\n' % print_, 'list')
    ok(s.verb('key', 'list', 'bob') == '', 'list of another account')
    ok('registered for account ann' in s.verb('key', 'add', 'bob@example.org', stdin=public, code=100), 'one account')
    ok('no address' in s.verb('key', 'add', 'team@example.org', stdin=public, code=100), 'no alias')
    ok('no certificate' in s.verb('key', 'add', 'ann@example.org', stdin='x', code=100), 'no key')
    ok('RSA of at least' in s.verb('key', 'add', 'ann@example.org', stdin=pem(s, 'rsa:1024')[1], code=100), 'too weak')

    def external(name='', **peer):
        c = s.connect()
        return s.call(c, cmd='start', mechanism='EXTERNAL', initial=b64(name), **facts(**peer))
    r = external(fingerprint=print_)
    ok(is_ok(r) and r['login'] == 'ann@example.org' and r['mechanism'] == 'EXTERNAL', 'EXTERNAL', r)
    ok(is_ok(external('ann@example.org', fingerprint=print_)), 'with the key\'s address')
    ok(is_fail(external('bob@example.org', fingerprint=print_)), 'with another')
    ok(is_fail(external(fingerprint='0' * 64)), 'with another key')
    ok(is_ok(external(fingerprint=print_, preauth='1')), 'unasked')
    s.verb('key', 'add', '-p', 'ann@example.org', stdin=public)
    ok(is_fail(external(fingerprint=print_, preauth='1'), 'nopreauth'), 'not unasked')
    ok(is_ok(external(fingerprint=print_)), 'but asked for')
    ok('nopreauth' in s.verb('key', 'list', 'ann'), 'as the list says')
    s.verb('key', 'rm', 'x', code=100)
    s.verb('key', 'rm', print_)
    s.verb('key', 'rm', print_, code=100)
    ok(is_fail(external(fingerprint=print_)), 'removed')
    s.verb('key', 'add', 'bob@example.org', stdin=public)
    s.verb('passwd', '-r', 'bob')
    ok(s.verb('key', 'list') == '', 'passwd -r takes the keys, too')
    s.verb('passwd', 'bob', stdin=PASSWORD)
    _, public, print_ = pem(s, 'ed25519')
    s.verb('key', 'add', 'off@example.org', stdin=public)
    ok(is_fail(external(fingerprint=print_), 'disabled'), 'a disabled account')


def test_seals(s):
    """A gate that was taken over: it knows its own peer's facts and seal, and may send what it likes."""
    _, public, print_ = pem(s, 'ed25519')
    s.verb('key', 'add', 'ann@example.org', stdin=public)
    mine = dict(id='c7', rip='203.0.113.66', trusted=None)
    seal = facts(**mine)['seal']

    def refused(name, **lie):
        try:
            return ok(s.plain('ann@example.org', PASSWORD, **dict(dict(mine, seal=seal), **lie)) == {'auth': '1', 'result': 'temp'}, name)
        except OSError as e:
            return ok(False, name, e)
    ok(is_ok(s.plain('ann@example.org', PASSWORD, **mine)), 'the true facts with their seal')
    refused('trusted=1 added', trusted='1')
    refused('a fingerprint added', fingerprint=print_)
    refused('another address', rip='203.0.113.67')
    refused('an address less', rip=None)
    refused('a binding added', exporter='aa' * 32)
    refused('TLS taken away', tls=None)
    refused('the seal of another connection', id='c8')
    refused('no seal', seal=None)
    refused('an empty one', seal='')
    refused('half a seal', seal=seal[:32])
    refused('a seal that is longer', seal=seal + '00')
    refused('one fact in the place of another', lip=None, lport='192.0.2.2')
    c = s.connect()
    r = s.call(c, cmd='start', mechanism='EXTERNAL', initial='', **dict(facts(**mine), fingerprint=print_))
    ok(r == {'auth': '1', 'result': 'temp'}, 'EXTERNAL with somebody\'s key', r)
    r = s.call(c, cmd='login', user=b64('ann@example.org'), password=b64(PASSWORD), **dict(facts(**mine), trusted='1'))
    ok(r == {'auth': '1', 'result': 'temp'}, 'LOGIN with a forged trust', r)
    ok(is_ok(s.plain('ann@example.org', PASSWORD, s=c, **mine)), 'and the truth is heard after that')
    with open(s.dir + '/log') as f:
        log = f.read()
    ok('seal-wrong conn=c8' in log and 'seal-wrong conn=c7' in log, 'the log tells')
    s.verb('key', 'rm', print_)


def test_no_key():
    """Nobody can tell the truth then: no trust, no client keys, no bindings."""
    s = System('-w', '1')
    _, public, print_ = pem(s, 'ed25519')
    s.verb('key', 'add', 'ann@example.org', stdin=public)
    ok(is_ok(s.plain('ann@example.org', PASSWORD, seal=None)), 'no key: a password is good')
    c = s.connect()
    r = s.call(c, cmd='start', mechanism='EXTERNAL', initial='', **facts(fingerprint=print_))
    ok(is_fail(r, 'nomech'), 'no key: EXTERNAL is not there', r)
    r = s.call(c, cmd='start', mechanism='SCRAM-SHA-256-PLUS', **facts(exporter='aa' * 32))
    ok(is_fail(r, 'nomech'), 'no key: nor bindings', r)
    if time.time() % 60 > 50:
        time.sleep(61 - time.time() % 60)
    rs = [s.plain('ann@example.org', 'wrong', rip='203.0.113.7', trusted='1') for _ in range(11)]
    ok(is_fail(rs[10], 'limited'), 'no key: nobody is trusted', rs[10])
    ok(s.stop() == 0, 'SIGTERM: exit 0')
    s.end()


def test_logins(s):
    for _ in range(3):
        s.plain('bob@example.org', 'wrong', rip='203.0.113.9', agent='mutt \x1b[31m')
    s.plain('x y', 'wrong', rip='203.0.113.9')
    s.plain('bob@example.org', PASSWORD)
    out = s.verb('logins', 'bob').splitlines()
    ok(len(out) == 2 and 'result=ok count=1' in out[0] + out[1], 'equal attempts are one line', out)
    bad = [x for x in out if 'badpassword' in x][0]
    ok('count=3' in bad and 'from=203.0.113.9' in bad and 'account=bob' in bad and 'login=bob@example.org' in bad and
       'protocol=imap mechanism=PLAIN tls=TLSv1.3' in bad, 'all about them', bad)
    ok('\x1b' not in bad and '\\x1b' in bad, 'with what strangers say made harmless')
    ok(any('result=baduser' in x and 'account=- login="x y"' in x for x in s.verb('logins').splitlines()),
       'names that nobody has')
    s.verb('logins', 'a', 'b', code=100)


try:
    test_no_key()
except Exception as e:
    ok(False, 'test_no_key: %r' % e)
s = System('-w', '2', '-k', 'key')
for t in (test_clear, test_protocol, test_cram, test_scram, test_passwd, test_terminal, test_handoff, test_queue,
          test_keys, test_seals, test_logins, test_limits, test_faults):
    try:
        t(s)
    except Exception as e:
        ok(False, '%s: %r at line %d' % (t.__name__, e, e.__traceback__.tb_next.tb_lineno))
ok(s.stop() == 0, 'SIGTERM: exit 0')
if failed:
    with open(s.dir + '/log') as f:
        print(''.join('# ' + x for x in f.readlines()[-40:]))
s.end()
print('1..%d' % count)
sys.exit(failed != 0)
