#!/usr/bin/env python3
"""The real table of services with a user a trust boundary, as design 2 has it. Needs root."""
import imaplib
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from ports import free_port

BUILD = os.path.abspath(os.environ.get('top_builddir', '.'))
SOURCE = os.environ.get('top_srcdir', os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
USERS = {'ph-null': 61001, 'ph-tls': 61002, 'ph-auth': 61003, 'ph-store': 61004, 'ph-queue': 61005}
count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    if not good:
        failed += 1
    print('%sok %d - %s' % ('' if good else 'not ', count, name), flush=True)
    return good


def configure(top, ports):
    os.makedirs(top + '/etc/domains')
    os.makedirs(top + '/etc/accounts')
    os.mkdir(top + '/var')
    os.chmod(top, 0o755)
    with open(SOURCE + '/etc/services') as f:
        table = f.read()
    for user, uid in USERS.items():
        table = table.replace(user, '#%d' % uid)
    with open(top + '/etc/services', 'w') as f:
        f.write(table)
    with open(top + '/etc/posthorn.conf', 'w') as f:
        f.write('hostname = host.example\nlistener l {\naddress = { "127.0.0.1" }\n'
                'smtp = %d\nimap = %d\nimaps = %d\nsubmission = %d\ntrusted = { "127.0.0.0/8" }\n}\n'
                'transport relay {\nkind = submission\nhost = "127.0.0.1"\nport = %d\nuser = "me"\n}\n'
                'route all {\ntransport = relay\n}\n' % tuple(ports))
    with open(top + '/etc/domains/host.example.conf', 'w'):
        pass
    with open(top + '/etc/accounts/joe.conf', 'w') as f:
        f.write('address joe@host.example { }\n')


def install(top):
    """Copy the programs to where their users can reach them: the build may be in a closed home."""
    for part in ('bin', 'libexec'):
        for where, dirs, files in os.walk(os.path.join(BUILD, part)):
            to = os.path.join(top, os.path.relpath(where, BUILD))
            os.makedirs(to)
            for f in files:
                if os.access(os.path.join(where, f), os.X_OK):
                    shutil.copy(os.path.join(where, f), to)


def run(top, *args, stdin=''):
    return subprocess.run([top + '/bin/posthorn', '-C', top, *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)


def processes(top):
    """program -> set of uids, of all that works in the var directory."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.readlink('/proc/%s/cwd' % pid).startswith(top + '/var'):
                name = os.path.basename(os.readlink('/proc/%s/exe' % pid))
                found.setdefault(name, set()).add(os.stat('/proc/%s' % pid).st_uid)
        except OSError:
            pass
    return found


DOORS = {'smtp': 61002, 'submission': 61002, 'imap': 61002, 'imapd': 61003, 'queue-put': 61003, 'authd': 61001, 'verifyd': 61001,
         'dnsd': 61001, 'deliverd': 61001, 'queue-local': 61005, 'queue-remote': 61005, 'queue-send': 61005}
FREE = {'supervised', 'spawnd', 'posthorn'}     # these start others


def can_open(path, uid):
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                s.connect(path)
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def doors(top):
    """Each socket opens to the user that etc/services names, and to nobody else."""
    there = {f for f in os.listdir(top + '/var/run') if stat.S_ISSOCK(os.lstat(top + '/var/run/' + f).st_mode)}
    ok(set(DOORS) <= there, 'the doors are there: ' + ' '.join(sorted(there)))
    wrong = []
    for door, owner in DOORS.items():
        open_to = {uid for uid in [*USERS.values(), 65534] if can_open(top + '/var/run/' + door, uid)}
        if open_to != {owner}:
            wrong.append('%s: %s' % (door, open_to))
    ok(not wrong, 'each opens to one user: ' + ', '.join(wrong))


def secrets(pid):
    text = b''
    for name in ('environ', 'cmdline'):
        with open('/proc/%s/%s' % (pid, name), 'rb') as f:
            text += f.read()
    return text


def unconfined(top):
    """Programs that have no filter of system calls, but those that only start the ones that do; and who shows a password."""
    free, told, parents = [], set(), set()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if not os.readlink('/proc/%s/cwd' % pid).startswith(top + '/var'):
                continue
            name = os.path.basename(os.readlink('/proc/%s/exe' % pid))
            if b'pass-of-relay' in secrets(pid) or b'correct horse' in secrets(pid):
                told.add(name)
            with open('/proc/%s/status' % pid) as f:
                status = f.read()
        except OSError:
            continue
        if re.search(r'^Seccomp:\s+2$', status, re.M):
            parents.add((name, re.search(r'^PPid:\s+(\d+)', status, re.M).group(1)))
        elif name not in FREE:
            free.append((name, pid))
    return {name for name, pid in free if (name, pid) not in parents}, told


def send(top, ports):
    """A message through submission to a smart host that says nothing: all who have a part in it are there."""
    host = socket.socket()
    host.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    host.bind(('127.0.0.1', ports[4]))
    host.listen()
    host.settimeout(60)
    with host, smtplib.SMTP('127.0.0.1', ports[3], timeout=60) as smtp:
        smtp.starttls(context=ssl._create_unverified_context())
        smtp.login('joe@host.example', 'correct horse')
        smtp.sendmail('joe@host.example', ['joe@host.example', 'a@there.example'], 'From: joe@host.example\r\n\r\nx\r\n')
        c, _ = host.accept()
        with c:
            seen = processes(top)
            want = {'queue-put': 61005, 'queue-send': 61005, 'queue-remote': 61001, 'dnsd': 61001, 'queue-local': 61001, 'smtpd': 61001}
            for name, uid in want.items():
                ok(seen.get(name) == {uid}, '%s runs as its user, and only so: %s' % (name, seen.get(name)))
            free, told = unconfined(top)
            ok(not free, 'all who serve are confined: ' + ' '.join(free))
            ok(not told, 'no password in what others may see: ' + ' '.join(told))
    with open(top + '/log') as f:
        ok('pass-of-relay' not in f.read(), 'nor in the log')
    ok(stat.S_IMODE(os.stat(top + '/var/queue/secrets/relay').st_mode) == 0o600, 'the password of a transport is one user\'s')


def owners(top):
    """Everything below the directories of services that its user does not own."""
    strange = []
    for name, uid in (('accounts', 61004), ('auth', 61003), ('tls', 61002), ('tmp', 61001), ('queue', 61005)):
        for where, dirs, files in os.walk(os.path.join(top, 'var', name)):
            for path in [where] + [os.path.join(where, f) for f in files]:
                if os.lstat(path).st_uid != uid:
                    strange.append(path)
    return strange


def mail(top, ports):
    body = 'Subject: hello\r\n\r\n' + 'line of text\r\n' * 200000
    with smtplib.SMTP('127.0.0.1', ports[0], timeout=60) as smtp:
        smtp.starttls(context=ssl._create_unverified_context())
        smtp.sendmail('a@example.org', ['joe@host.example'], 'Subject: small\r\n\r\nx\r\n')
        smtp.sendmail('a@example.org', ['joe@host.example'], body)
    with imaplib.IMAP4('127.0.0.1', ports[1]) as imap:
        imap.starttls(ssl_context=ssl._create_unverified_context())
        imap.login('joe@host.example', 'correct horse')
        ok(imap.select()[1] == [b'2'], 'two messages came')
        ok(imap.fetch('2', 'BODY.PEEK[TEXT]')[1][0][1] == body.split('\r\n\r\n', 1)[1].encode(), 'the large one as it was sent')
        seen = processes(top)
        ok(imap.store('1', '+FLAGS', '(\\Deleted)')[0] == 'OK' and imap.expunge()[0] == 'OK', 'one is deleted')
    return seen


def test(top):
    ports = [free_port() for _ in range(5)]
    install(top)
    configure(top, ports)
    for args in (['config', 'build'], ['serve', '-n'], ['cert', 'selfsigned', 'host.example']):
        r = run(top, *args)
        ok(r.returncode == 0, 'posthorn ' + ' '.join(args)) or print('#', r.stdout)
    r = run(top, 'passwd', 'joe', stdin='correct horse\n')
    ok(r.returncode == 0, 'posthorn passwd') or print('#', r.stdout)
    r = run(top, 'transport', 'password', 'relay', stdin='pass-of-relay\n')
    ok(r.returncode == 0, 'posthorn transport password') or print('#', r.stdout)
    ok(not owners(top), 'verbs of root leave nothing of root behind: ' + ' '.join(owners(top)))
    with open(top + '/log', 'w') as log:
        proc = subprocess.Popen([top + '/bin/posthorn', '-C', top, 'serve'], stderr=log, stdin=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if run(top, 'status').returncode == 0:
                break
            time.sleep(0.05)
        seen = mail(top, ports)
        want = {'listend': 61002, 'authd': 61003, 'deliverd': 61004, 'imapd': 61004, 'verifyd': 61001}
        for name, uid in want.items():
            ok(seen.get(name) == {uid}, '%s runs as its user, and only so' % name)
        send(top, ports)
        doors(top)
        ok(seen.get('spawnd') == {61001, 61004, 61005}, 'spawnd as the users of its programs')
        ok(seen.get('supervised') == {0}, 'supervised as root')
        ok(not owners(top), 'every file is its user\'s: ' + ' '.join(owners(top)))
        for name in ('accounts', 'auth', 'tls', 'queue'):
            mode = stat.S_IMODE(os.stat(os.path.join(top, 'var', name)).st_mode)
            ok(mode == 0o700, name + ' is closed to all others')
    finally:
        proc.send_signal(signal.SIGTERM)
        ok(proc.wait(60) == 0, 'stopped')
        if failed or sys.exc_info()[0]:
            with open(top + '/log') as f:
                print(re.sub('^', '# ', f.read()[-3000:], flags=re.M))


if os.geteuid() != 0:
    print('1..0 # SKIP not root')
    sys.exit(0)
with tempfile.TemporaryDirectory() as where:
    test(os.path.realpath(where))
print('1..%d' % count)
sys.exit(failed != 0)
