#!/usr/bin/env python3
"""posthorn quickstart: a system from one command, in a directory, from answers
on a terminal, or as root for a whole machine; and nothing left of one that failed."""
import email
import email.utils
import glob
import imaplib
import os
import pty
import pwd
import re
import select
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from nsd import FakeDns, wire_name
from posthorn import POSTHORN, client_context, run, wait_until
from ports import free_base
from tap import BUILD, SOURCE, Tap

tap = Tap()
ok = tap.ok
ADDRESSES = ('127.0.7.1', '127.0.7.2')

# --- the world's DNS

A, PTR, MX = 1, 12, 15
NAMES = {
    ('b.example.', MX): [b'\0\x0a' + wire_name('mx.b.example')],
    ('mx.b.example.', A): [socket.inet_aton(ADDRESSES[1])],
    ('mx.a.example.', A): [socket.inet_aton(ADDRESSES[0])],
    ('a.example.', MX): [b'\0\x0a' + wire_name('mx.a.example')],
    ('1.7.0.127.in-addr.arpa.', PTR): [wire_name('mx.a.example')],
    ('moved.example.', MX): [b'\0\x0a' + wire_name('old.example')],
    ('mx.moved.example.', A): [socket.inet_aton('127.0.0.1'), socket.inet_aton('192.0.2.7')],
    ('2.7.0.127.in-addr.arpa.', PTR): [wire_name('other.example')],
}


def answer(q):
    if not q.name.endswith(('.example.', '.arpa.')):
        return q.answer(rcode=2)
    there = any(name == q.name or name.endswith('.' + q.name) for name, _ in NAMES)
    return q.answer(*[(None, q.kind, 60, data) for data in NAMES.get((q.name, q.kind), [])], rcode=0 if there else 3)


WORLD = FakeDns(answer)


def tree(top):
    """Everything below a directory: its kind, mode, and what it holds."""
    found = {}
    for path, dirs, files in os.walk(top):
        for name in dirs + files:
            full = os.path.join(path, name)
            found[os.path.relpath(full, top)] = (os.lstat(full).st_mode, None if name in dirs else open(full, 'rb').read())
    return found


def machine(d, base, ip, *more, host='mx.a.example', address='joe@a.example', **kw):
    return run([POSTHORN, '-C', d, 'quickstart', '--hostname', host, '--ip', ip, '--port-base', str(base), '--dns', WORLD.addr,
                '--yes', *more, address], **kw)


class Served:
    """posthorn -C DIR serve."""

    def __init__(self, d, env=None):
        self.d = d
        self.log = open(d + '.log', 'w+')
        self.proc = subprocess.Popen([POSTHORN, '-C', d, 'serve'], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=env)

    def ready(self):
        return wait_until(lambda: self.proc.poll() is not None or run([POSTHORN, '-C', self.d, 'status']).returncode == 0, 40) and \
            self.proc.poll() is None

    def end(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        code = self.proc.wait(60)
        self.log.seek(0)
        if code != 0:
            tap.note(self.log.read()[-3000:])
        self.log.close()
        return code


def ours(top):
    found = []
    for path in glob.glob('/proc/[0-9]*/cwd'):
        try:
            if os.readlink(path).startswith(top):
                found.append(path)
        except OSError:
            pass
    return found


def password_in(text):
    return re.search(r'^password: (\S+)$', text, re.M).group(1)


def receive(ip, base, rcpt):
    with smtplib.SMTP(ip, base + 25, timeout=30) as c:
        c.starttls(context=client_context())
        c.sendmail('a@b.example', [rcpt], 'From: a@b.example\r\nSubject: for %s\r\n\r\nx\r\n' % rcpt)


def subjects(ip, base, password, mailbox='INBOX', login='joe@a.example'):
    with imaplib.IMAP4_SSL(ip, base + 993, ssl_context=client_context(), timeout=30) as c:
        c.login(login, password)
        if c.select(mailbox)[0] != 'OK':
            return []
        data = c.fetch('1:*', '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1]
        return [part[1].decode().strip() for part in data if isinstance(part, tuple)]


def write(ip, base, password, sender, rcpt, subject):
    with smtplib.SMTP(ip, base + 587, timeout=30) as c:
        c.starttls(context=client_context())
        c.login(sender, password)
        c.sendmail(sender, [rcpt], 'From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\nx\r\n' % (sender, rcpt, subject))


def test_machine(top, base):
    d = top + '/a'
    r = machine(d, base, ADDRESSES[0])
    if not ok(r.returncode == 0, 'one command, no question', r.stdout + r.stderr):
        return
    password = password_in(r.stdout)
    ok('warning' not in r.stderr, 'all is as it should be: no warning', r.stderr)
    ok(re.fullmatch('[a-z2-9]{4}(-[a-z2-9]{4}){3}', password), 'a password that can be typed')
    ok(re.search(r'^ *a\.example\. 300 IN MX 10 mx\.a\.example\.$', r.stdout, re.M) and
       ' IN A ' not in r.stdout, 'its records are printed, but for those that are there')
    ok(all('port %d,' % (base + p) in r.stdout for p in (143, 465, 587, 993)), 'and the settings of clients')
    ok('posthorn -C %s serve' % d in r.stdout, 'and how to start it')
    shown = run([POSTHORN, '-C', d, 'config', 'show']).stdout
    want = ['hostname = mx.a.example', 'outgoing-ports = %d' % (base + 25), 'outgoing-ports = 25', 'dns.forwarder = ' + WORLD.addr,
            'postmaster-account = joe', 'listener.public.address = 127.0.7.1', 'listener.public.smtp = %d' % (base + 25)]
    ok(set(want) <= set(shown.split('\n')), 'as it was told to be', shown)
    ok(stat.S_IMODE(os.stat(d + '/var/tls/mx.a.example/key.pem').st_mode) == 0o600, 'the key is private')
    before = tree(d)
    r = machine(d, base, ADDRESSES[0])
    ok(r.returncode == 100 and 'already' in r.stderr and tree(d) == before, 'a second one refuses and changes nothing', r.stderr)
    other = top + '/b'
    r = machine(other, base, ADDRESSES[1], '--password-stdin', '--account', 'j.q', host='mx.b.example', address='joe@b.example',
                input='chosen by me\n')
    ok(r.returncode == 0 and 'chosen by me' not in r.stdout + r.stderr, 'another one, with a password of ours', r.stderr)
    one, two = Served(d), Served(other)
    try:
        if ok(one.ready() and two.ready(), 'both run, on the same ports of two addresses'):
            test_mail(d, base, password)
            write(ADDRESSES[0], base, password, 'joe@a.example', 'joe@b.example', 'to b')
            write(ADDRESSES[1], base, 'chosen by me', 'joe@b.example', 'joe@a.example', 'to a')
            ok(wait_until(lambda: 'Subject: to b' in subjects(ADDRESSES[1], base, 'chosen by me', login='joe@b.example'), 60), 'one writes to the other')
            ok(wait_until(lambda: 'Subject: to a' in subjects(ADDRESSES[0], base, password), 60), 'and the other back')
    finally:
        ok(one.end() == 0 and two.end() == 0, 'stopped')
    ok(not ours(top), 'nothing runs any more', ours(top))


def test_mail(d, base, password):
    ip = ADDRESSES[0]
    for rcpt in ('joe@a.example', 'joe+x@a.example', 'postmaster@a.example'):
        receive(ip, base, rcpt)
    ok(wait_until(lambda: subjects(ip, base, password) == ['Subject: for joe@a.example', 'Subject: for joe+x@a.example'], 20), 'mail comes in')
    ok(wait_until(lambda: subjects(ip, base, password, 'Postmaster') == ['Subject: for postmaster@a.example'], 20), 'that to postmaster too')
    with smtplib.SMTP(ip, base + 587, timeout=30) as c:
        c.ehlo()
        ok('PLAIN' not in c.esmtp_features.get('auth', ''), 'no password without TLS')
    write(ip, base, password, 'joe@a.example', 'joe@a.example', 'to myself')
    ok(wait_until(lambda: 'Subject: to myself' in subjects(ip, base, password), 60), 'and what is sent to oneself')


def test_checks(top, base):
    with socket.socket() as s:
        s.bind((ADDRESSES[1], base + 25))
        s.listen()
        r = machine(top + '/checked', base, ADDRESSES[1], host='mx.moved.example', address='joe@moved.example')
    ok(r.returncode == 0, 'whatever is found is only told', r.stderr)
    for want in ('port %d of 127.0.7.2 cannot be listened on' % (base + 25), 'mx.moved.example leads to 127.0.0.1, by which nobody',
                 'mx.moved.example leads to 192.0.2.7, which is no address', 'mx.moved.example does not lead to 127.0.7.2',
                 'mail for moved.example goes to old.example', 'the reverse name of 127.0.7.2 is other.example'):
        ok(want in r.stderr, want, r.stderr)
    ok(re.search(r'^ *mx\.moved\.example\. 300 IN A 127\.0\.7\.2$', r.stdout, re.M), 'a record that is missing is told', r.stdout)
    asked = {name for name, kind, tcp in WORLD.seen}
    ok(all(n == '.' or n.endswith(('.example.', '.arpa.')) for n in asked), 'nothing else was looked up', asked)
    r = machine(top + '/new', base, ADDRESSES[1], host='mx.new.example', address='joe@new.example')
    ok(r.returncode == 0 and 'mx.new.example has no address' in r.stderr, 'a new name', r.stderr)
    r = machine(top + '/deaf', base, ADDRESSES[1], host='mx.broken', address='joe@broken.test')
    ok(r.returncode == 0 and 'unable to look mx.broken up' in r.stderr, 'no answers', r.stderr)
    ok(not os.path.exists(top + '/new/var/tmp/quickstart') and not os.listdir(top + '/new/var/tmp'), 'what was made for this is gone')
    asked = len(WORLD.seen)
    r = machine(top + '/unchecked', base, ADDRESSES[1], '--skip-checks', host='mx.moved.example', address='joe@moved.example')
    ok(r.returncode == 0 and not r.stderr and len(WORLD.seen) == asked, 'or nothing is looked up at all', r.stderr)


def test_failures(top, base):
    """Nothing may be left, of whatever was there before nothing may be lost."""
    rows = [
        ('a password that is too short', ['--password-stdin'], dict(input='short\n'), 100),
        ('an address with a separator', [], dict(address='joe+x@a.example', input=None), 100),
        ('an account that has no name', [], dict(address='"a b"@a.example'), 100),
    ]
    for name, more, kw, code in rows:
        r = machine(top + '/never', base, ADDRESSES[0], *more, **kw)
        ok(r.returncode == code and not os.path.exists(top + '/never'), name + ': nothing is left', r.stderr)
    d = top + '/prepared'
    for part in ('etc/domains', 'var'):
        os.makedirs(d + '/' + part)
    for name in ('etc/posthorn.conf.sample', 'etc/domains/domain.conf.sample', 'etc/services'):
        shutil.copy(SOURCE + '/' + name, d + '/' + name)
    before = tree(d)
    r = machine(d, base, ADDRESSES[0], '--password-stdin', input='short\n')
    ok(r.returncode == 100 and tree(d) == before, 'of what was there before all stays', sorted(set(tree(d)) ^ set(before)))
    with open(d + '/etc/services', 'w') as f:
        f.write('same-user\nservice nonsense user=- run no-such-program\n')
    before = tree(d)
    r = machine(d, base, ADDRESSES[0])
    ok(r.returncode == 100 and tree(d) == before, 'a table that cannot be used', r.stderr)
    os.makedirs(d + '/var/accounts/joe')
    before = tree(d)
    r = machine(d, base, ADDRESSES[0])
    ok(r.returncode == 100 and 'not empty' in r.stderr and tree(d) == before, 'mail that is there already: refused', r.stderr)
    shutil.rmtree(d + '/var')
    with open(d + '/etc/domains/a.example.conf', 'w'):
        pass
    r = machine(d, base, ADDRESSES[0])
    ok(r.returncode == 100 and 'already' in r.stderr and not os.path.exists(d + '/var'), 'a domain that is there already: refused', r.stderr)


def test_signal(top, base):
    """Stopped at any moment: by then it was ready, or it leaves nothing."""
    left, done = [], 0
    for i in range(8):
        d = '%s/stopped%d' % (top, i)
        p = subprocess.Popen([POSTHORN, '-C', d, 'quickstart', '--hostname', 'mx.a.example', '--ip', ADDRESSES[0], '--port-base', str(base),
                              '--dns', WORLD.addr, '--yes', 'joe@a.example'],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.01 * i)
        p.send_signal(signal.SIGTERM)
        out = p.communicate(timeout=60)
        done += p.returncode == 0
        if os.path.exists(d) and p.returncode != 0:
            left.append((p.returncode, sorted(tree(d)), out))
    ok(not left, 'stopped by a signal (%d of 8 were done): nothing is left' % done, left)


def test_misuse(top):
    usual = ['--hostname', 'mx.a.example', '--yes']
    for args in (['--yes'], usual, usual + ['joe'], usual + ['joe@a.example', 'x'], usual + ['--ip', 'x', 'joe@a.example'],
                 ['--hostname', 'mx', '--yes', 'joe@a.example'], usual + ['--port-base', '65000', 'joe@a.example'],
                 usual + ['--dns', 'dns.example', 'joe@a.example'], usual + ['--account', '..', 'joe@a.example'],
                 ['--password-stdin', 'joe@a.example'], usual + ['--sing', 'joe@a.example'], usual + ['joe@[127.0.0.1]']):
        r = run([POSTHORN, '-C', top + '/never', 'quickstart', *args])
        ok(r.returncode == 100 and r.stderr and not os.path.exists(top + '/never'), 'misuse: ' + ' '.join(args), r.stderr)
    if os.geteuid() != 0:
        r = run([POSTHORN, 'quickstart', *usual, 'joe@a.example'])
        ok(r.returncode == 100 and 'root' in r.stderr, 'a machine is for root to set up')


def test_by_hand():
    """What is told to do by hand makes the same users."""
    def read(name):
        with open(os.path.join(SOURCE, name)) as f:
            return f.read()
    table = set(re.findall(r'\bph-[a-z]+', re.sub('#.*', '', read('etc/services'))))
    ok(set(re.findall(r'^u (ph-[a-z]+) ', read('share/posthorn.sysusers'), re.M)) == table, 'sysusers has the users of the table', table)
    ok({'ph-' + u for u in re.search(r'for u in ([a-z ]+); do', read('INSTALL')).group(1).split()} == table, 'so has INSTALL', table)


# --- on a terminal

def talk(argv, answers, seconds=60):
    """Each answer behind the next question; exit code and all that was seen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(argv[0], argv)
    seen, at, end = '', 0, time.time() + seconds
    while time.time() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part.decode(errors='replace')
        while answers and (m := re.search(r': $', seen[at:])):
            at += m.end()
            os.write(fd, (answers.pop(0) + '\n').encode())
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen


def test_terminal(top, base):
    d = top + '/asked'
    argv = [POSTHORN, '-C', d, 'quickstart', '--skip-checks', '--ip', ADDRESSES[0], '--port-base', str(base)]
    code, seen = talk(argv, ['nonsense', 'Joe.Q@A.example', 'short', 'mail.a.example', 'n'])
    ok(code == 100 and not os.path.exists(d), 'no: nothing is made', seen)
    ok('That is not an address' in seen and 'That is not the full name' in seen, 'what cannot be is asked for again', seen)
    ok(d + '/etc' in seen and 'joe.q' in seen, 'what will be made is told before', seen)
    code, seen = talk(argv, ['Joe.Q@A.example', 'mail.a.example', ''])
    ok(code == 0 and os.path.exists(d + '/etc/accounts/joe.q.conf'), 'yes: all is made', seen)
    shown = run([POSTHORN, '-C', d, 'config', 'show', 'joe.q@a.example']).stdout
    ok('account = joe.q' in shown and 'password: ' in seen, 'with the address in it', shown)
    code, seen = talk(argv, [''])
    ok(code == 100 and 'already' in seen, 'not twice', seen)
    r = run(argv[:2] + [top + '/never'] + argv[3:], input='joe@a.example\n')
    ok(r.returncode == 100 and not os.path.exists(top + '/never'), 'no answers: nothing is made', r.stderr)


# --- a machine, as root: with an /etc of its own

SCRIPT = r'''
set -e
mount --make-rprivate /
cp -a /etc "$1/copy"
mount --bind "$1/copy" /etc
for u in $(awk -F: '/^ph-/ { print $1 }' /etc/passwd); do userdel "$u" 2>/dev/null || :; done
exec python3 "$0" inside "$1"
'''


def default_var():
    """Where the programs look for var when the environment does not count; None: it cannot be made there."""
    got = run(['make', '-s', '-f', '-', 'posthorn-var'], cwd=BUILD, input='include Makefile\nposthorn-var:\n\t@echo $(localstatedir)/posthorn\n')
    var = got.stdout.strip()
    at = var
    while at and not os.path.isdir(at):
        at = os.path.dirname(at)
    if got.returncode != 0 or at in ('', '/', '/usr', '/var', '/tmp') or BUILD.startswith(at) or SOURCE.startswith(at):
        return None
    return var if run(['mount', '-t', 'tmpfs', 'tmpfs', at]).returncode == 0 else None


def anybody(top, base, env, password):
    """sendmail for a user of the system, who may read little."""
    var, drop = default_var(), top + '/libexec/queue-drop'
    if var is None or not os.path.exists(drop):
        return tap.note('skipped: queue-drop cannot be made to look here')
    os.makedirs(var, mode=0o755)
    at = var
    while at != '/':
        os.chmod(at, os.stat(at).st_mode | 0o055)
        at = os.path.dirname(at)
    run(['mount', '--bind', top + '/var/posthorn', var])
    run(['useradd', '-M', 'posthorn-any'])
    user = pwd.getpwnam('posthorn-any')

    def send(args, data):
        return subprocess.run([top + '/bin/sendmail', *args], input=data, capture_output=True, text=True, env=env, cwd='/', timeout=60,
                              user=user.pw_uid, group=user.pw_gid, extra_groups=[])

    letter = 'From: joe@a.example\nTo: joe@a.example\nSubject: %s\n\nx\n'
    talk = 'EHLO me\r\nMAIL FROM:<joe@a.example>\r\nRCPT TO:<joe@a.example>\r\nDATA\r\n%s.\r\nQUIT\r\n'
    for what in ('before', 'after'):
        if what == 'after':
            with open(top + '/etc/posthorn/accounts/joe.conf', 'a') as f:
                f.write('system-users = { posthorn-any }\n')
            run([top + '/bin/posthorn', 'reload'], env=env)
            run([top + '/bin/posthorn', 'config', 'build'], env=env)
        r = send(['-t', '-i'], letter % ('t-' + what))
        ok(r.returncode == 0, 'sendmail -t, %s being a system-user' % what, r.stderr)
        r = send(['-bs'], talk % (letter % ('bs-' + what)).replace('\n', '\r\n'))
        ok(r.returncode == 0 and ' queued as ' in r.stdout, 'sendmail -bs, %s being a system-user' % what, r.stdout + r.stderr)
        if what == 'before':
            r = send(['-i', 'ann@b.example'], letter % 'out')
            ok(r.returncode == 77, 'and not to others than our own', r.returncode, r.stderr)
    froms = {'before': 'posthorn-any@mx.a.example', 'after': 'joe@a.example'}
    want = {('%s-%s' % (how, what), froms[what]) for how in ('t', 'bs') for what in froms}
    got = set()

    def arrived():
        with imaplib.IMAP4_SSL(ADDRESSES[0], base + 993, ssl_context=client_context(), timeout=30) as c:
            c.login('joe@a.example', password)
            c.select('INBOX')
            for part in c.fetch('1:*', '(BODY.PEEK[HEADER])')[1]:
                if isinstance(part, tuple):
                    m = email.message_from_bytes(part[1])
                    got.add((m['subject'], email.utils.parseaddr(m['from'])[1]))
        return want <= got
    ok(wait_until(arrived, 30), 'all arrive, from whom they are', got)
    for path in ('queue', 'auth', 'tls', 'accounts', 'tmp'):
        r = subprocess.run(['ls', top + '/var/posthorn/' + path], capture_output=True, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd='/')
        ok(r.returncode != 0, 'nobody else looks into %s/' % path)


def inside(top):
    """Run in the mount namespace: quickstart for the machine, with its directories elsewhere."""
    base = free_base()
    env = dict(os.environ, POSTHORN_ETC=top + '/etc/posthorn', POSTHORN_VAR=top + '/var/posthorn', POSTHORN_LIBEXEC=top + '/libexec')
    for d in ('etc/posthorn', 'var', 'bin', 'libexec'):
        os.makedirs(top + '/' + d)
    os.chmod(top, 0o755)
    shutil.copy(SOURCE + '/etc/services', top + '/etc/posthorn/services')
    for path in glob.glob(BUILD + '/libexec/*') + glob.glob(BUILD + '/libexec/*/*'):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            name = os.path.basename(path)
            where = '/libexec/verbs/' if '/verbs/' in path else '/libexec/'
            os.makedirs(top + where, exist_ok=True)
            shutil.copy(path, top + where + name)
    shutil.copy(BUILD + '/bin/posthorn', top + '/bin/posthorn')
    shutil.copy(BUILD + '/bin/sendmail', top + '/bin/sendmail')
    os.umask(0o077)         # as careful people have it
    argv = [top + '/bin/posthorn', 'quickstart', '--hostname', 'mx.a.example', '--ip', ADDRESSES[0], '--port-base', str(base), '--dns', WORLD.addr,
            '--yes']
    before, passwd = tree(top + '/etc'), open('/etc/passwd').read()
    drop = top + '/libexec/queue-drop'
    mode = os.stat(drop) if os.path.exists(drop) else None
    r = run(argv + ['--password-stdin', 'joe@a.example'], env=env, input='short\n')
    ok(r.returncode == 100 and tree(top + '/etc') == before and not os.path.exists(top + '/var/posthorn'), 'root, an error: files are gone', r.stderr)
    ok(open('/etc/passwd').read() == passwd and 'ph-' not in open('/etc/group').read(), 'and users', r.stderr)
    if mode:
        now = os.stat(drop)
        ok((now.st_uid, now.st_mode) == (mode.st_uid, mode.st_mode), 'queue-drop is as it was')
    r = run(argv + ['joe@a.example'], env=env)
    if not ok(r.returncode == 0, 'root sets up the machine', r.stdout + r.stderr):
        return
    users = {u.pw_name: u for u in pwd.getpwall() if u.pw_name.startswith('ph-')}
    ok({'ph-null', 'ph-tls', 'ph-auth', 'ph-store'} <= set(users), 'with its users')
    ok(all(u.pw_shell.endswith('nologin') and 0 < u.pw_uid < 1000 for u in users.values()), 'of the system, without a shell')
    ok(all(os.stat('%s/var/posthorn/%s' % (top, d)).st_uid == users[u].pw_uid
           for d, u in (('auth', 'ph-auth'), ('tls', 'ph-tls'), ('accounts', 'ph-store'))), 'directories are theirs')
    ok(os.stat(top + '/var/posthorn/tls/mx.a.example/key.pem').st_uid == users['ph-tls'].pw_uid and
       os.stat(top + '/var/posthorn/auth/secrets.tdb').st_uid == users['ph-auth'].pw_uid, 'and secrets')
    if mode:
        now = os.stat(drop)
        ok(now.st_uid == users['ph-queue'].pw_uid and stat.S_IMODE(now.st_mode) == 0o4755, 'queue-drop is set-uid ph-queue')
    log = open(top + '/log', 'w+')
    proc = subprocess.Popen([top + '/bin/posthorn', 'serve'], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        up = wait_until(lambda: proc.poll() is not None or run([top + '/bin/posthorn', 'status'], env=env).returncode == 0, 40)
        if ok(up and proc.poll() is None, 'it runs'):
            receive(ADDRESSES[0], base, 'joe@a.example')
            ok(wait_until(lambda: subjects(ADDRESSES[0], base, password_in(r.stdout)), 20), 'and takes mail')
            anybody(top, base, env, password_in(r.stdout))
    finally:
        proc.send_signal(signal.SIGTERM)
        ok(proc.wait(60) == 0, 'stopped')
        log.seek(0)
        if tap.failed:
            tap.note(log.read()[-3000:])


def test_root(top):
    if os.geteuid() != 0 or run(['unshare', '-m', 'true']).returncode != 0 or not shutil.which('useradd'):
        tap.note('skipped: not root, or no mount namespaces, or no useradd')
        return
    r = run(['unshare', '-m', 'sh', '-c', SCRIPT, os.path.abspath(__file__), top], 180)
    lines = [x for x in r.stdout.split('\n') if re.match('(not )?ok ', x)]
    ok(lines and r.returncode == 0 and not any(x.startswith('not') for x in lines),
       'a whole machine, as root (%d facts)' % len(lines), r.stdout + r.stderr)


if sys.argv[1:2] == ['inside']:
    inside(sys.argv[2] + '/machine')
    tap.done()
    sys.exit(0)
with tempfile.TemporaryDirectory(prefix='posthorn-t-') as top:
    top = os.path.realpath(top)
    base = free_base()
    test_by_hand()
    test_misuse(top)
    test_machine(top, base)
    test_checks(top, base)
    test_failures(top, base)
    test_signal(top, base)
    test_terminal(top, base)
    os.chmod(top, 0o755)
    test_root(top)
tap.done()
