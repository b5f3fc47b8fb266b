#!/usr/bin/env python3
"""queue-local through its socket: with the real deliverd, and with one of ours that is silent, lies or dies."""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from doors import Deliverd
from ipc import listener, pair, record, send_fds
from tap import BUILD, Tap

t = Tap()
ok, eq = t.ok, t.eq
PROGRAM = os.path.join(BUILD, 'libexec/queue-local/queue-local')
DELIVERD = os.path.join(BUILD, 'libexec/deliverd/deliverd')
CONFIG = os.path.join(BUILD, 'libexec/verbs/config')
MESSAGE = b'Received: by x\r\nFrom: joe@example.org\r\nSubject: hi\r\n\r\nhello\r\n'


def pairs(*kv):
    return b''.join((x if isinstance(x, bytes) else str(x).encode()) + b'\0' for x in kv)


def spool_file(message, rcpts):
    """A file as in queue/msg: the envelope, whose length is told in ten digits, and the message."""
    rest = pairs(*(x for r in rcpts for x in ('rcpt', r)))
    size = len(pairs('queue', 1, 'envelope', '0' * 10)) + len(rest)
    f = tempfile.TemporaryFile()
    f.write(pairs('queue', 1, 'envelope', '%010d' % size) + rest + message)
    f.flush()
    return f, size


class Worker:
    def __init__(self, *args, home=None):
        self.sock, theirs = pair()
        self.sock.settimeout(30)
        env = {'PATH': os.environ['PATH'], 'POSTHORN_VAR': home or var}
        if 'ASAN_OPTIONS' in os.environ:
            env['ASAN_OPTIONS'] = os.environ['ASAN_OPTIONS']
        self.p = subprocess.Popen([PROGRAM, *args], stdin=theirs, stdout=subprocess.DEVNULL, stderr=log, env=env)
        theirs.close()

    def send(self, rcpts, message=MESSAGE, all_rcpts=None, kind='local', sender='joe@example.org', dialed='', **over):
        """rcpts: addresses, or (address, account, mailbox)."""
        rcpts = [r if isinstance(r, tuple) else (r, '', '') for r in rcpts]
        f, content = spool_file(message, all_rcpts or [r[0] for r in rcpts])
        rec = ['job', 1, 'id', '0123456789abcdef', 'kind', kind, 'hostname', 'mx.example.org', 'from', sender,
               'attempt', 1, 'content', over.get('content', content), 'size', over.get('size', len(message))]
        if dialed:
            rec += ['dialed', dialed]
        for address, account, mailbox in rcpts:
            rec += ['rcpt', address]
            if account:
                rec += ['account', account, 'mailbox', mailbox]
        send_fds(self.sock, pairs(*rec), [f.fileno()])
        f.close()

    def done(self):
        """The results as dicts, and what is told of all."""
        rec = self.sock.recv(65536)
        parts = [p.decode() for p in rec.split(b'\0')[:-1]]
        whole, results = {}, []
        for k, v in zip(parts[::2], parts[1::2]):
            if k == 'result':
                results.append({'result': v})
            elif k == 'again':
                results[-1] = dict(results[-2], result=results[-1]['result'])
            else:
                (results[-1] if results else whole)[k] = v
        return results, whole

    def job(self, rcpts, **kw):
        self.send(rcpts, **kw)
        return self.done()

    def end(self):
        self.sock.close()
        return self.wait()

    def wait(self, seconds=30):
        try:
            return self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return 'hung'


def codes(results):
    return ['%s %s %s' % (r['result'], r.get('code'), r.get('status')) for r in results]


def mails(account, mailbox='INBOX'):
    """What lies in a mailbox, the oldest first."""
    found = glob.glob(os.path.join(var, 'accounts', account, 'mail', mailbox, '[nc]*', '*posthorn*'))
    return [open(p, 'rb').read() for p in sorted(found, key=lambda p: int(re.search('U=([0-9]+)', p).group(1)))]


class Real:
    """The deliverd that is."""

    def __init__(self):
        s = listener(DOOR)
        fd = s.fileno()
        self.p = subprocess.Popen(['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$0" -n 1', DELIVERD], close_fds=False, stderr=log,
                                  preexec_fn=lambda: os.dup2(fd, 3, inheritable=True),
                                  env=dict(os.environ, LISTEN_FDS='1', LISTEN_FDNAMES='deliverd', POSTHORN_VAR=var))
        s.close()

    def stop(self):
        self.p.terminate()
        return self.p.wait()


def test_delivery():
    deliverd = Real()
    w = Worker()
    res, whole = w.job(['joe+x@EXAMPLE.org', '"ann"@example.org'])
    eq(codes(res), ['ok 250 2.2.0'] * 2, 'two recipients')
    ok(all(r['local'] == '1' and r['host'] == 'mx.example.org' for r in res) and whole['more'] == '1', 'as local ones', res, whole)
    got = mails('joe')
    eq(len(got), 1, 'it is there')
    ok(re.fullmatch(rb'Delivered-To: joe\+x@EXAMPLE.org\r\nReturn-Path: <joe@example.org>\r\nReceived: from mx.example.org\r\n'
                    rb'\tby mx.example.org with local id 0123456789abcdef\r\n\tfor <joe\+x@EXAMPLE.org>;\r\n\t[^\r]* \+0000\r\n' +
                    re.escape(MESSAGE), got[0]), 'with its fields in front, and nothing of the envelope', got[0])
    eq(len(mails('ann', 'Lists')), 1, 'and in the mailbox of the address')
    res, _ = w.job([('who@example.org', 'joe', 'Notices'), ('who@example.org', 'gone', 'Notices')], sender='')
    eq(codes(res), ['ok 250 2.2.0'] * 2, 'notifications')
    ok(len(mails('joe', 'Notices')) == 1 and b'\r\nReturn-Path: <>\r\n' in mails('joe', 'Notices')[0], 'into the mailbox told')
    eq(len(mails('joe', 'Post')), 1, "to the postmaster for an account that is no more")
    res, _ = w.job(['nobody@example.org', 'x@elsewhere.example', 'x@off.example', 'gone@example.org', 'later@example.org', 'no address',
                    'postmaster', 'joe@example.org'])
    eq(codes(res), ['perm 550 5.1.1', 'temp 451 4.3.0', 'temp 450 4.2.1', 'perm 550 5.1.1', 'temp 451 4.3.0', 'perm 550 5.1.3',
                    'ok 250 2.2.0', 'ok 250 2.2.0'], 'each as it is')
    eq((res[3]['text'], res[4]['text']), ('has moved', 'not now'), "the account's own words")
    res, _ = w.job(['small@example.org'], message=MESSAGE + b'x' * 3000 + b'\r\n')
    eq(codes(res), ['temp 452 4.2.2'], 'over quota')
    res, _ = w.job(['joe@example.org'], size=10000)
    eq(codes(res), ['temp 451 4.3.0'], 'a file that is shorter than told')
    write(top + '/etc/accounts/new.conf', 'address new@example.org { }\n')
    build(top + '/etc', var)
    eq(codes(w.job(['new@example.org'])[0]), ['ok 250 2.2.0'], 'a configuration that is newer than the worker')
    eq(w.end(), 0, 'the end of the socket is its end')
    eq(deliverd.stop(), 0, 'deliverd ends')


def test_alias():
    deliverd = Deliverd(DOOR)
    w = Worker()

    def members(message, dialed='', rcpts=('team@example.org',), all_rcpts=None):
        deliverd.got.clear()
        res, whole = w.job(list(rcpts), message=message, dialed=dialed, all_rcpts=all_rcpts)
        return codes(res), sorted((q['account'].decode(), q['rcpt'].decode()) for q in deliverd.got), whole.get('dialed', '')
    eq(members(MESSAGE)[:2], (['ok 250 2.2.0'], [('ann', 'ann@example.org'), ('small', 'small@example.org')]), 'members, but not the author')
    stranger = MESSAGE.replace(b'From: joe@example.org', b'From: who@else.example')
    eq(members(stranger)[:2], (['perm 550 5.7.2'], []), 'no member may not post')
    eq(members(MESSAGE.replace(b'\r\nSubject', b'\r\nFrom: a@b\r\nSubject'))[:2], (['perm 550 5.7.2'], []), 'nor who is not told clearly')
    eq(members(stranger, rcpts=['open@example.org', 'ann@example.org'])[1],
       [('ann', 'ann@example.org'), ('joe', 'joe@example.org')], 'a recipient gets one copy')
    eq(members(stranger, rcpts=['open@example.org'], all_rcpts=['open@example.org', 'ann+x@example.org'])[1],
       [('joe', 'joe@example.org')], 'also when it was in another job')

    def ann_fails(q):
        if q['account'] == b'ann':
            return record('delivered', result='temp', status='4.3.0', text='not now')
        return record('delivered', result='ok')
    deliverd.answer = ann_fails
    got = members(MESSAGE)
    eq((got[0], len(got[2])), (['temp 451 4.3.0'], 17), 'one member has to wait')
    deliverd.answer = lambda q: record('delivered', result='ok')
    eq(members(MESSAGE, dialed=got[2])[:2], (['ok 250 2.2.0'], [('ann', 'ann@example.org')]), 'and is alone the next time')
    deliverd.answer = lambda q: record('delivered', result='temp', status='4.2.2', text='full')
    eq(members(MESSAGE)[0], ['temp 452 4.2.2'], 'all full')
    eq(w.end(), 0, 'ends')
    deliverd.close()


def test_trouble():
    w = Worker('-s', '300')
    eq(codes(w.job(['joe@example.org'])[0]), ['temp 451 4.3.0'], 'no deliverd')
    deliverd = Deliverd(DOOR)
    eq(codes(w.job(['joe@example.org'])[0]), ['ok 250 2.2.0'], 'then one')
    deliverd.got.clear()
    deliverd.answer = lambda q: None
    eq(codes(w.job(['joe@example.org', 'ann@example.org', 'team@example.org'])[0]), ['temp 451 4.3.0'] * 3, 'a silent one')
    eq(len(deliverd.got), 1, 'is asked once')
    for name, lie in (('nonsense', b'x'), ('another protocol', record('verified', result='ok')), ('no result', record('delivered')),
                      ('a record cut short', b'delivered\0001\0result\0ok')):
        deliverd.answer = lambda q: lie
        eq(codes(w.job(['joe@example.org'])[0]), ['temp 451 4.3.0'], name)
    deliverd.answer = lambda q: record('delivered', result='perm', status='9\n.x', text='evil\r\n\x1b[31m')
    res, _ = w.job(['joe@example.org'])
    eq(codes(res), ['perm 550 5.3.0'], 'a status that is none')
    eq(res[0]['text'], 'evil   [31m', 'and words of one line')

    def die(q):
        raise OSError
    deliverd.answer = die
    eq(codes(w.job(['joe@example.org', 'ann@example.org'])[0]), ['temp 451 4.3.0'] * 2, 'one that dies')
    deliverd.answer = lambda q: record('delivered', result='ok')
    eq(codes(w.job(['joe@example.org'])[0]), ['ok 250 2.2.0'], 'and is well again')
    eq(w.end(), 0, 'ends')
    w = Worker('-i', '200')
    eq(w.wait(), 0, 'no job: it ends by itself')
    eq(w.sock.recv(100), b'', 'without a word')
    w = Worker()
    w.job(['joe@example.org'])
    w.p.send_signal(signal.SIGTERM)
    eq(w.wait(), 0, 'SIGTERM ends it')
    for name, send in (('no job', lambda w: w.sock.send(b'hello')),
                       ('another kind of job', lambda w: w.send(['joe@example.org'], kind='smarthost')),
                       ('no message', lambda w: w.sock.send(pairs('job', 1, 'id', 'x', 'kind', 'local', 'attempt', 1, 'content', 0,
                                                                  'size', 1, 'rcpt', 'joe@example.org')))):
        w = Worker()
        send(w)
        eq(w.wait(), 100, name)
    many = ['r%d@example.org' % i for i in range(100)]
    w = Worker()
    eq(codes(w.job(many)[0]), ['perm 550 5.1.1'] * 100, 'a hundred recipients')
    w.end()
    eq(subprocess.run([PROGRAM, '-x'], stderr=log, env={'POSTHORN_VAR': var}).returncode, 100, 'wrong use')
    eq(subprocess.run([PROGRAM], stdin=subprocess.DEVNULL, stderr=log, env={'POSTHORN_VAR': top}).returncode, 111, 'no configuration')
    deliverd.close()


def test_localserve():
    deliverd = Deliverd(DOOR)
    w = Worker(home=local)
    res, _ = w.job(['who@elsewhere.example', 'queuetemperror@x.example', 'queuepermerror@x.example', 'queue421@x.example',
                    'queue552@user.example', 'temperror@x.example', 'queue@x.example'])
    eq(codes(res), ['ok 250 2.2.0', 'temp 451 4.0.0', 'perm 550 5.0.0', 'temp 421 4.0.0', 'perm 552 5.0.0', 'ok 250 2.2.0', 'ok 250 2.2.0'],
       'special names, and all else to the user')
    ok(all(q['account'] == b'user' for q in deliverd.got), 'to whom it goes')
    deliverd.got.clear()
    w.send(['queuetimeout@x.example', 'a@x.example'])
    end = time.time() + 30
    while not deliverd.got and time.time() < end:
        time.sleep(0.02)
    ok(deliverd.got, 'one that hangs does not keep it from others')
    w.sock.settimeout(0.3)
    try:
        w.sock.recv(100)
        ok(False, 'it hangs')
    except socket.timeout:
        ok(True, 'it hangs')
    w.p.send_signal(signal.SIGTERM)
    eq(w.wait(), 0, 'until it is stopped')
    deliverd.close()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)


def configure(etc, home):
    os.makedirs(os.path.join(home, 'run'))
    build(etc, home)


def build(etc, home):
    subprocess.run([CONFIG, 'build'], cwd=home, check=True, stderr=sys.stdout, stdout=log,
                   env={**os.environ, 'POSTHORN_ETC': etc, 'POSTHORN_VAR': home})


top = tempfile.mkdtemp(prefix='queue-local.')
var, local = os.path.join(top, 'var'), os.path.join(top, 'local')
DOOR = os.path.join(var, 'run/deliverd')
log = open(os.path.join(top, 'log'), 'w+b')
try:
    write(top + '/etc/posthorn.conf', 'hostname = mx.example.org\nseparators = "+"\npostmaster { account = joe\n mailbox = Post }\n')
    write(top + '/etc/domains/example.org.conf', '''
alias team { members = { joe@example.org, ann@example.org, small@example.org } }
alias open { members = { joe@example.org, ann@example.org }
 post-public = true }
''')
    write(top + '/etc/domains/off.example.conf', 'disabled = true\n')
    write(top + '/etc/accounts/joe.conf', '''
address joe@example.org { }
address gone@example.org { smtp-error = "550 has moved" }
address later@example.org { smtp-error = "421 not now" }
''')
    write(top + '/etc/accounts/ann.conf', 'address ann@example.org { mailbox = "Lists" }\n')
    write(top + '/etc/accounts/small.conf', 'quota = 1K\naddress small@example.org { }\n')
    configure(top + '/etc', var)
    write(top + '/etc2/posthorn.conf', 'hostname = localhost\nlocalserve = true\n')
    write(top + '/etc2/domains/user.example.conf', '')
    write(top + '/etc2/accounts/user.conf', 'address user@user.example { }\n')
    configure(top + '/etc2', local)
    test_delivery()
    test_alias()
    os.unlink(DOOR)
    test_trouble()
    DOOR = os.path.join(local, 'run/deliverd')
    test_localserve()
    log.seek(0)
    text = log.read().decode(errors='replace')
    t.none([l for l in text.splitlines() if 'Sanitizer' in l or 'runtime error' in l or '\x1b' in l], 'nothing odd in the log')
    if t.failed:
        t.note(text[-4000:])
finally:
    shutil.rmtree(top, ignore_errors=True)
t.done()
