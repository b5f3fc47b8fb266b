#!/usr/bin/env python3
"""queue-drop: who a program on this machine writes as, by its user id alone."""
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
import ipc
from tap import BUILD, Tap, sanitized

tap = Tap()
ok, eq = tap.ok, tap.eq
DROP = os.path.join(BUILD, 'libexec/queue-drop')
POSTHORN = os.path.join(BUILD, 'bin/posthorn')
SECONDS = 60
HOST = 'mail.ours.example'
CRON = b'From: root (Cron Daemon)\nTo: daemon\nSubject: Cron <root@box> x\n\noutput\n'


class Home:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='posthorn-drop-')
        os.chmod(self.dir, 0o755)
        self.var = os.path.join(self.dir, 'var')
        etc = os.path.join(self.dir, 'etc')
        for d in (self.var, etc + '/domains', etc + '/accounts'):
            os.makedirs(d)
        for name, text in (
                ('posthorn.conf', 'hostname = %s\npostmaster { account = amy }\nmax-first-time-recipients-per-day = 4\n' % HOST),
                ('domains/ours.example.conf', 'alias team { members = {joe@ours.example} allow-msg-from = true }\n'),
                ('domains/off.example.conf', 'disabled = true\n'),
                ('accounts/joe.conf', 'full-name = "Joe Doe"\naddress joe@ours.example {}\nsystem-users = {daemon}\n'
                                      'max-first-time-recipients-per-day = 20\n'),
                ('accounts/amy.conf', 'address amy@ours.example {}\n')):
            with open(os.path.join(etc, name), 'w') as f:
                f.write(text)
        p = subprocess.run([POSTHORN, '-C', self.dir, 'config', 'build'], capture_output=True, text=True)
        if p.returncode != 0:
            print('Bail out! config build:', p.stdout + p.stderr)
            sys.exit(1)

    def ids(self, where='msg'):
        try:
            return sorted(os.listdir(os.path.join(self.var, 'queue', where)))
        except FileNotFoundError:
            return []

    def read(self, ident):
        with open(os.path.join(self.var, 'queue/msg', ident), 'rb') as f:
            data = f.read()
        n = int(data[17:27])
        parts = data[:n].split(b'\0')[:-1]
        return list(zip(parts[::2], parts[1::2])), data[n:]

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Drop:
    def __init__(self, home, argv=None, env=None):
        mine, theirs = ipc.pair()
        full = {'PATH': os.environ['PATH'], 'POSTHORN_VAR': home.var, 'PEER_ACCOUNT': 'amy', 'PEER_LOGIN': 'amy@ours.example'}
        full.update({k: v for k, v in os.environ.items() if k.endswith('SAN_OPTIONS')})
        full.update(env or {})
        self.home = home
        self.proc = subprocess.Popen(argv or [DROP], stdin=theirs, stderr=subprocess.PIPE, env=full)
        theirs.close()
        self.s = mine
        self.s.settimeout(SECONDS)

    def put(self, message, sender, *rcpts, **kw):
        """(code, envelope as pairs, header fields, body) of a message."""
        def rec(cmd, **attrs):
            self.s.send(ipc.record('put', cmd=cmd, **attrs))
        try:
            rec('mail', **{'from': sender, **kw})
            for r in rcpts:
                rec('rcpt', rcpt=r)
            with tempfile.TemporaryFile() as f:
                f.write(message)
                f.flush()
                ipc.send_fds(self.s, ipc.record('put', cmd='data'), [f.fileno()])
            got = ipc.parse(self.s.recv(65536))
        except (OSError, IndexError):
            got = {'code': 'none', 'status': ''}
        if got.get('code') != '250':
            return got.get('code', 'none') + ' ' + got.get('status', ''), {}, {}, b''
        env, msg = self.home.read(got['id'])
        head, body = msg.split(b'\r\n\r\n', 1)
        head = re.sub(r'\r\n[ \t]+', ' ', head.decode('utf-8', 'replace'))
        self.fields = [line.split(':', 1) for line in head.split('\r\n')]
        d = {k.decode(): v.decode() for k, v in env}
        d['rcpts'] = [v.decode() for k, v in env if k == b'rcpt']
        return '250', d, {k: v.strip() for k, v in self.fields}, body

    def end(self):
        self.s.close()
        err = self.proc.stderr.read().decode()
        self.proc.stderr.close()
        return self.proc.wait(SECONDS), err


def who(d):
    return d.get('account'), d.get('from')


def as_owner(h, make, what):
    """The rules for root, and for who owns the whole system."""
    s = make()
    code, env, f, body = s.put(CRON, 'root', 'daemon', 'root', 'amy@ours.example', 'x@there.example')
    eq(code, '250', what + ': cron')
    eq(env.get('rcpts'), ['joe@ours.example', 'postmaster@' + HOST, 'amy@ours.example', 'x@there.example'],
       'a user is his account, another the postmaster')
    eq(who(env), ('amy', 'amy@ours.example'), 'mail of the postmaster, who hears of failures')
    eq(f.get('From'), 'Cron Daemon <root@%s>' % HOST, 'From is complete')
    eq(body, b'output\r\n', 'lines end in CRLF')
    ok(re.fullmatch(r'from %s by %s with local id \w{16}; .*' % (re.escape(HOST), re.escape(HOST)), f.get('Received', '')), 'Received', f.get('Received'))
    ok('Authentication-Results' not in f and 'Date' in f and 'Message-ID' in f, 'other fields')
    eq(env.get('body'), '7bit', 'what it needs')
    rows = (
        ('as an account', b'From: joe@ours.example\n\nx', 'root', '250', 'joe', 'joe@ours.example', 'joe@ours.example'),
        ('by the path', b'\n\nx', 'joe@ours.example', '250', 'joe', 'joe@ours.example', 'Joe Doe <joe@ours.example>'),
        ('as a user with an account', b'From: daemon\n\nx', 'daemon', '250', 'joe', 'joe@ours.example', '<joe@ours.example>'),
        ('as an alias', b'From: team@ours.example\n\nx', '', '250', 'amy', '', 'team@ours.example'),
        ('both', b'From: joe@ours.example\n\nx', 'amy@ours.example', '250', 'joe', 'amy@ours.example', 'joe@ours.example'),
        ('with the null path', b'From: joe@ours.example\n\nx', '', '250', 'joe', '', 'joe@ours.example'),
        ('not as a foreigner', b'From: x@there.example\n\nx', 'root', '550 5.7.1', None, None, None),
        ('not with a foreign path', b'From: joe@ours.example\n\nx', 'x@there.example', '550 5.7.1', None, None, None),
        ('not as nobody of ours', b'From: zed@ours.example\n\nx', 'root', '550 5.7.1', None, None, None),
        ('not in a disabled domain', b'From: zed@off.example\n\nx', 'root', '451 4.3.0', None, None, None),
        ('not as two', b'From: joe@ours.example, amy@ours.example\n\nx', 'root', '550 5.6.0', None, None, None))
    for name, m, sender, code, account, path, author in rows:
        got, env, f, body = s.put(m, sender, 'x@there.example')
        eq((got, *who(env), f.get('From')), (code, account, path if code == '250' else None, author), name)
    eq(s.put(b'x: y\n\nx', 'root', 'zed@ours.example')[0], '550 5.1.1', 'an unknown recipient of ours')
    eq(s.put(b'x: y\n\nx', 'root', 'zed@off.example')[0], '450 4.2.1', 'a recipient of a disabled domain')
    code, env, f, body = s.put(b'hello\nworld', 'root', 'x@there.example')
    eq((code, body), ('250', b'hello\r\nworld'), 'a text without a header')
    code, env, f, body = s.put(b'Subject: a\r\rb\n\rc\r\n\xc3\xa4\0', 'root', '"a b"', 'x@there.example', body='binarymime')
    eq((code, body, env.get('body')), ('250', b'b\r\n\r\nc\r\n\xc3\xa4\0', 'binarymime'), 'any line ends, any bytes')
    big = b'0123456789\n' * 40000
    code, env, f, body = s.put(b'Subject: a\n\n' + big, 'root', 'x@there.example')
    ok(code == '250' and body == big.replace(b'\n', b'\r\n'), 'a large one')
    for i in range(6):
        s.put(CRON, 'root', 'n%d@there.example' % i)
    eq(s.put(CRON, 'root', 'n9@there.example')[0], '250', 'there is no daily limit')
    eq(s.end(), (0, ''), 'it ends silently')
    eq(h.ids('tmp'), [], 'nothing is left in tmp/')


def with_account(h, make):
    """daemon, who has the account joe."""
    s = make()
    code, env, f, body = s.put(CRON, 'daemon', 'daemon', 'x@there.example')
    eq((code, who(env), f.get('From')), ('250', ('joe', 'joe@ours.example'), 'Cron Daemon <joe@ours.example>'), 'a user with an account is it')
    eq(env.get('rcpts'), ['joe@ours.example', 'x@there.example'], 'and may write to everybody')
    code, env, f, body = s.put(b'\nx', 'daemon', 'x@there.example')
    eq((code, f.get('From')), ('250', 'Joe Doe <joe@ours.example>'), 'a missing From')
    for name, m, path in (('its own address', b'From: joe@ours.example\n\nx', 'joe@ours.example'),
                          ('an alias', b'From: team@ours.example\n\nx', 'team@ours.example'), ('the null path', b'From: joe@ours.example\n\nx', '')):
        code, env, f, body = s.put(m, path, 'x@there.example')
        eq((code, who(env)), ('250', ('joe', path)), name)
    eq(s.put(b'From: amy@ours.example\n\nx', 'daemon', 'x@there.example')[0], '550 5.7.1', "not another's From")
    eq(s.put(b'From: joe@ours.example\n\nx', 'amy@ours.example', 'x@there.example')[0], '550 5.7.1', "not another's path")
    eq(s.put(b'From: joe@ours.example\n\nx', 'joe@ours.example', 'x@there.example', account='amy')[1].get('account'), 'joe', 'no record says otherwise')
    eq(s.end(), (0, ''), 'it ends silently')


def without_account(h, make):
    """bin, who has none."""
    s = make()
    mine = 'bin@' + HOST
    code, env, f, body = s.put(CRON, 'bin', 'daemon', 'root', 'postmaster')
    eq((code, who(env), f.get('From')), ('250', (None, mine), 'Cron Daemon <%s>' % mine), 'a user without an account is user@host')
    eq(env.get('rcpts'), ['joe@ours.example', 'postmaster@' + HOST, 'postmaster@' + HOST], 'and writes to addresses here')
    code, env, f, body = s.put(b'From: Amy <amy@ours.example>\n\nx', 'amy@ours.example', 'amy@ours.example')
    eq((code, who(env), f.get('From')), ('250', (None, mine), 'Amy <%s>' % mine), 'whatever it says')
    eq(s.put(CRON, 'bin', 'x@there.example')[0], '550 5.7.1', 'to nobody else')
    eq(s.put(CRON, 'bin', 'amy@ours.example', 'x@there.example')[0], '550 5.7.1', 'not beside others')
    eq(s.put(CRON, '', 'team@ours.example')[1].get('from'), '', 'the null path stays')
    eq(s.put(CRON, 'bin', 'amy@ours.example', 'JOE@ours.example')[0], '451 4.7.1', "the machine's limits hold")
    eq(s.end(), (0, ''), 'it ends silently')


def vardir():
    """The var directory that was compiled in."""
    values = dict(re.findall(r'^(\w+) = (.*)$', open(os.path.join(BUILD, 'Makefile')).read(), re.M))
    value = '$(vardir)'
    while '$' in value:
        value = re.sub(r'\$[{(](\w+)[})]', lambda m: values[m.group(1)].replace('${', '$('). replace('}', ')'), value)
    return value


def users():
    try:
        return [pwd.getpwnam(n).pw_uid for n in ('daemon', 'bin', 'nobody')]
    except KeyError:
        return None


def set_uid(h):
    """As it is installed: another's program, the compiled-in directories, which only this process group sees."""
    target = vardir()
    top = '/' + target.split('/')[1] + ('/' + target.split('/')[2] if target.count('/') > 2 else '')
    if os.geteuid() != 0 or users() is None or not shutil.which('unshare') or not shutil.which('setpriv') or BUILD.startswith(top):
        return tap.skip('set-uid', 'needs root, unshare and setpriv')
    daemon, binuser, queue = users()
    prog = os.path.join(h.dir, 'queue-drop')
    shutil.copy(DROP, prog)
    os.chown(prog, queue, queue)
    os.chmod(prog, 0o4755)
    for top_dir, dirs, files in os.walk(h.var):
        for n in ['.'] + files:
            os.chown(os.path.join(top_dir, n), queue, queue)

    def make(uid, extra='', env=None):
        def start():
            script = ('mount -t tmpfs none "$1" && mkdir -p "$2" && mount --bind "$3" "$2" && cd / && %s'
                      'exec setpriv --reuid=%d --regid=%d --clear-groups "$4"' % (extra, uid, uid))
            return Drop(h, ['unshare', '-m', 'sh', '-c', script, 'sh', top, target, h.var, prog], env=env)
        return start
    s = make(0)()
    code = s.put(CRON, 'root', 'amy@ours.example')[0]
    if code != '250':
        return tap.skip('set-uid', 'not possible here: %r' % (s.end(),))
    s.end()
    as_owner(h, make(0), 'root')
    with_account(h, make(daemon))
    without_account(h, make(binuser))
    evil = {'POSTHORN_VAR': '/nowhere', 'POSTHORN_ETC': '/nowhere', 'POSTHORN_LIBEXEC': '/nowhere', 'LD_PRELOAD': '/nowhere.so',
            'TZ': '/etc/passwd', 'TMPDIR': '/nowhere'}
    hurdles = 'ulimit -S -n 20; ulimit -S -f 1; umask 777; trap "" TERM PIPE; exec 7<&0 8<&0 2>&-; '
    s = make(binuser, hurdles, evil)()
    code, env, f, body = s.put(CRON, 'bin', 'joe@ours.example')
    eq((code, who(env)), ('250', (None, 'bin@' + HOST)), 'whatever is in its environment')
    pid = s.proc.pid
    st = os.stat(os.path.join(h.var, 'queue/msg', h.ids()[-1]))
    eq((st.st_uid, st.st_mode & 0o7777), (queue, 0o600), "the file is the queue's user's alone")
    status = open('/proc/%d/status' % pid).read()
    if sanitized():
        tap.skip('it is confined', 'sanitizers')
    else:
        eq(re.search(r'^Seccomp:\s+(\d)', status, re.M).group(1), '2', 'it is confined')
    eq(re.search(r'^Uid:\s+(.*)', status, re.M).group(1).split(), [str(queue)] * 4, 'it is the user in every respect')
    ignored = int(re.search(r'^SigIgn:\s+(.*)', open('/proc/%d/status' % pid).read(), re.M).group(1), 16)
    eq([s for s in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGTERM) if ignored >> s - 1 & 1],
       [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU], 'nor stop it from his terminal')
    r = subprocess.run(['setpriv', '--reuid=%d' % binuser, '--clear-groups', 'kill', '-9', str(pid)], capture_output=True)
    ok(r.returncode != 0, 'its caller cannot kill it')
    s.s.close()
    s.proc.stderr.close()
    eq(s.proc.wait(SECONDS), 0, 'it ends')
    s = make(binuser, 'ulimit -n 20; ')()
    eq((s.put(CRON, 'bin', 'joe@ours.example')[0], s.end()), ('none ', (111, 'queue-drop: your limit of open files is too low\n')),
       'it does not go on without being confined')
    counts = h.var + '/queue/sent-system.tdb'
    before = os.stat(counts).st_ino
    s = make(binuser, 'ulimit -f 30; ')()
    eq(s.put(CRON, 'bin', 'joe@ours.example')[0], '452 4.3.1', 'a limit of files is a full disk')
    s.end()
    eq((os.stat(counts).st_ino, os.path.exists(h.var + '/queue/sent.tdb')), (before, False), 'and no damage of the counts, which sessions have apart')
    p = subprocess.run(['setpriv', '--reuid=%d' % binuser, '--clear-groups', prog], stdin=subprocess.DEVNULL, capture_output=True,
                       env={'POSTHORN_VAR': h.var})
    ok(os.path.exists(target) or p.returncode == 111, 'the environment does not lead it elsewhere', p)


def main():
    h = Home()
    as_owner(h, lambda: Drop(h), 'the owner')
    p = subprocess.run([DROP], env={'POSTHORN_VAR': h.var}, stdin=subprocess.DEVNULL, capture_output=True)
    eq(p.returncode, 111, 'no socket is no session')
    p = subprocess.run([DROP, 'x'], env={'POSTHORN_VAR': h.var}, stdin=subprocess.DEVNULL, capture_output=True)
    eq(p.returncode, 100, 'an argument is wrong use')
    h.remove()
    h = Home()
    set_uid(h)
    h.remove()
    tap.done()


main()
