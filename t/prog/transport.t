#!/usr/bin/env python3
"""posthorn transport: what is listed, and passwords that only the queue's owner reads."""
import os
import pty
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import BUILD, Tap

tap = Tap()
ok = tap.ok

CONF = '''hostname = mail.example.org
transport relay { kind = submissions host = relay.example.net user = me }
transport open { kind = smtp host = "::1" port = 1025 tls = off }
transport never { kind = fail code = 550 text = "no way" }
'''


class Home:
    def __init__(self, top):
        self.etc, self.var = top + '/etc', top + '/var'
        for d in ('/etc/domains', '/etc/accounts', '/var'):
            os.makedirs(top + d)
        with open(self.etc + '/posthorn.conf', 'w') as f:
            f.write(CONF)
        self.env = dict(os.environ, POSTHORN_ETC=self.etc, POSTHORN_VAR=self.var)
        self.secret = self.var + '/queue/secrets/relay'

    def run(self, *args, verb='transport', typed=''):
        return subprocess.run([f'{BUILD}/libexec/verbs/{verb}', *args], env=self.env, input=typed, capture_output=True,
                              text=True, timeout=60)

    def on_terminal(self, *answers):
        """Exit code, and all that was on the terminal."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(f'{BUILD}/libexec/verbs/transport', ['transport', 'password', 'relay'], self.env)
        seen = b''
        for a in answers:
            while not seen.endswith(b': '):
                seen += os.read(fd, 1000)
            seen += b'|'
            os.write(fd, a.encode() + b'\n')
        try:
            while part := os.read(fd, 1000):
                seen += part
        except OSError:
            pass
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()

    def read(self):
        with open(self.secret) as f:
            return f.read()


def test(h):
    ok(h.run('list').returncode == 111, 'nothing is built yet')
    ok(h.run('build', verb='config').returncode == 0, 'built')
    r = h.run('list')
    ok(r.stdout == 'relay submissions relay.example.net 465 user=me password=missing\n'
       'open smtp ::1 1025\nnever fail 550 no way\n', 'the list', r.stdout + r.stderr)
    r = h.run('password', 'relay', typed='x\n')
    ok(r.returncode == 111 and 'serve -n' in r.stderr, 'no queue yet', r.stderr)
    os.mkdir(h.var + '/queue', 0o700)
    ok(h.run('password', 'relay', typed='s\u00fc\u00df und geheim\r\nmore\n').returncode == 0 and h.read() == 's\u00fc\u00df und geheim\n',
       'a password from standard input: its first line')
    ok(stat.S_IMODE(os.stat(h.secret).st_mode) == 0o600, 'which only the owner reads')
    ok(stat.S_IMODE(os.stat(os.path.dirname(h.secret)).st_mode) == 0o700, 'in a directory of the owner')
    ok('password=set' in h.run('list').stdout, 'the list says so')
    for typed, what in (('', 'none'), ('\n', 'an empty one'), ('a\tb\n', 'a control character'), ('x' * 1025 + '\n', 'one too long')):
        r = h.run('password', 'relay', typed=typed)
        ok(r.returncode == 100 and h.read() == 's\u00fc\u00df und geheim\n', what + ': 100, and the old one stays', r.stderr)
    for name in ('open', 'never', 'other', '../relay'):
        ok(h.run('password', name, typed='x\n').returncode == 100, 'not for ' + name)
    rc, seen = h.on_terminal('typed', 'typed')
    ok(rc == 0 and h.read() == 'typed\n' and 'typed' not in seen.split('|', 1)[1].replace('|', ''), 'asked for twice, and not shown', seen)
    rc, seen = h.on_terminal('one', 'two')
    ok(rc == 100 and h.read() == 'typed\n', 'two that differ: nothing is changed', seen)
    ok(sorted(os.listdir(h.var + '/queue/secrets')) == ['relay'], 'nothing else is left')
    ok(h.run('password', '-r', 'relay').returncode == 0 and not os.path.exists(h.secret), 'removed')
    ok(h.run('password', '-r', 'relay').returncode == 100, 'once')
    ok(h.run('password', '-r', '../secrets').returncode == 100, 'no path is taken')
    for args in ((), ('list', 'x'), ('password',), ('password', '-x', 'relay'), ('sing',)):
        ok(h.run(*args).returncode == 100, 'misuse: ' + ' '.join(args))


with tempfile.TemporaryDirectory() as top:
    test(Home(top))
tap.done()
