#!/usr/bin/env python3
"""supervised with small stand-ins for services: table, restarts, order, end."""
import array
import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import POSTHORN, alive, wait_until
from ports import free_port
from tap import BUILD, SOURCE, Tap

tap = Tap()
ok = tap.ok

# A service: notes what happens to it in a file, and does what its words say.
SERVICE = r'''#!/usr/bin/env python3
import os, signal, socket, sys, time
name, words = sys.argv[1], sys.argv[2:]
out = open(os.path.join(os.environ['POSTHORN_VAR'], 'events'), 'a', buffering=1)
def note(what):
    out.write('%s %s %d\n' % (name, what, os.getpid()))
def on_term(sig, frame):
    if 'slow' in words:
        time.sleep(0.4)
    note('stopped')
    os._exit(0)
def on_hup(sig, frame):
    note('hup')
signal.signal(signal.SIGTERM, signal.SIG_IGN if 'deaf' in words else on_term)
signal.signal(signal.SIGHUP, on_hup)
note('start fds=%s nofile=%s' % (os.environ.get('LISTEN_FDNAMES', ''),
     __import__('resource').getrlimit(__import__('resource').RLIMIT_NOFILE)[0]))
if os.environ.get('LISTEN_FDS'):
    assert os.environ['LISTEN_PID'] == str(os.getpid())
if 'seal' in words:
    names = os.environ.get('LISTEN_FDNAMES', '').split(':')
    note('seal ' + (os.pread(3 + names.index('seal'), 100, 0).hex() if 'seal' in names else 'none'))
if 'crash' in words:
    sys.exit(7)
if 'late' in words:
    time.sleep(1)
if os.environ.get('NOTIFY_SOCKET'):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.sendto(b'STATUS=up\nREADY=1', os.environ['NOTIFY_SOCKET'])
if 'echo' in words:
    listener = socket.socket(fileno=3)
    while True:
        conn, _ = listener.accept()
        conn.sendall(b'%d' % os.getpid())
        conn.close()
while True:
    signal.pause()
'''


class System:
    """A directory with a table of services, and supervised running on it."""

    def __init__(self, table):
        self.dir = tempfile.TemporaryDirectory()
        top = self.top = self.dir.name
        os.makedirs(top + '/etc/domains')
        os.mkdir(top + '/etc/accounts')
        os.mkdir(top + '/var')
        self.prog = top + '/service'
        with open(self.prog, 'w') as f:
            f.write(SERVICE)
        os.chmod(self.prog, 0o755)
        with open(top + '/etc/services', 'w') as f:
            f.write(table.replace('PROG', self.prog))
        self.log = open(top + '/log', 'w+')
        self.proc = None

    def start(self):
        # not our stdout: prove waits for all who hold it
        self.proc = subprocess.Popen([POSTHORN, '-C', self.top, 'serve'], stderr=self.log,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        atexit.register(self.clean, self.proc)
        return self

    def clean(self, proc):
        """What a test that broke off has left running."""
        if proc.poll() is None:
            proc.kill()
            proc.wait()

    def run(self, *args):
        return subprocess.run([POSTHORN, '-C', self.top] + list(args), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True)

    def events(self):
        try:
            with open(self.top + '/var/events') as f:
                return [line.split() for line in f]
        except OSError:
            return []

    def pids(self):
        return [int(e[-1]) for e in self.events() if e[1] == 'start']

    def text(self):
        with open(self.top + '/log') as f:
            return f.read()

    def wait_log(self, want, seconds=60):
        return wait_until(lambda: want in self.text(), seconds)

    def end(self, sig=signal.SIGTERM):
        if self.proc.poll() is None:
            self.proc.send_signal(sig)
        rc = self.proc.wait(60)
        self.log.close()
        return rc


def test_errors():
    s = System('''# errors, all told at once
service one user=root
service two run PROG
service one user=- socket=/abs,name
  # a comment inside a line
  nofile=many run PROG
job j user=- run PROG
job k user=- daily=24:00 run PROG
directory ../up user=-
nonsense
service t user=- tcp=a,b,c run PROG
''')
    r = s.run('serve')
    ok(r.returncode == 100, 'errors in the table: 100')
    for want in (r'services:2: run and a program are missing', r'services:3: user= is missing',
                 r'services:4: "one" is there twice', r'services:4: a socket is', r'services:4: nofile=many',
                 r'services:7: every= or daily= is missing', r'services:8: daily=24:00',
                 r'services:9: "../up" is not a path', r'services:10: a line begins with', r'services:11: a TCP socket'):
        ok(re.search(want, r.stderr), 'told: ' + want)
    s = System('same-user\nservice a user=- run /nowhere/a\nservice b user=- run /nowhere/b\n')
    r = s.run('serve')
    ok(r.returncode == 100 and '/nowhere/a' in r.stderr and '/nowhere/b' in r.stderr, 'missing programs are told')
    s = System('service a user=ph-nobody-knows run PROG\n')
    if os.geteuid() == 0:
        ok('ph-nobody-knows' in s.run('serve').stderr, 'an unknown user is told')
    else:
        ok(True, 'an unknown user is told # SKIP not root')


def test_sockets():
    port = free_port()
    s = System('''same-user
directory deep user=- mode=0750
service echo user=- socket=run/echo,in socket=run/two,out,root,0666 tcp=public/smtp,127.0.0.1,%d nofile=77
	run PROG echo
service tcp user=- tcp=t,127.0.0.1,%d run PROG tcp echo
''' % (port, free_port())).start()
    ok(s.wait_log(' ready services=2'), 'all are ready')
    start = [e for e in s.events() if e[0] == 'echo'][0]
    ok('fds=in:out:public/smtp' in start, 'sockets are passed with their names')
    ok('nofile=77' in start, 'limits are set')
    ok(os.stat(s.top + '/var/run/two').st_mode & 0o777 == 0o666, 'mode of a socket')
    ok(os.stat(s.top + '/var/deep').st_mode & 0o777 == 0o750, 'directories are made')
    r = s.run('status')
    ok(r.returncode == 0 and re.search(r'echo +ready', r.stdout), 'status shows it')
    r = s.run('serve')
    ok(r.returncode == 100 and 'already running' in r.stderr, 'a second one says so and ends')
    ok(s.run('status').returncode == 0, 'and disturbs nothing')
    r = s.run('stop')
    ok(r.returncode == 0 and s.proc.wait(60) == 0, 'stop stops it')
    ok(s.run('stop').returncode == 100, 'then nothing is running')
    ok(s.run('status').returncode == 100, 'status says so too')


def test_seal():
    """The key is the same for all who get it, and for their next lives; a new supervisor makes a new one."""
    keys = []
    for _ in range(2):
        s = System("""same-user
service one user=- seal=yes socket=run/one,in run PROG one seal
service two user=- seal=yes run PROG two seal
service three user=- run PROG three seal
""").start()
        wait_until(lambda: len(s.pids()) == 3)
        ok(s.run('restart', 'two').returncode == 0, 'seal: a restart')
        got = wait_until(lambda: len([e for e in s.events() if e[1] == 'seal']) >= 4 and [e for e in s.events() if e[1] == 'seal'])
        s.end()
        mine = [e[2] for e in got if e[0] != 'three']
        ok(len(mine) == 3 and len(set(mine)) == 1 and len(mine[0]) == 64, 'seal: one key')
        ok([e[2] for e in got if e[0] == 'three'] == ['none'], 'seal: none for the others')
        keys.append(mine[0])
    ok(keys[0] != keys[1], 'seal: new with each supervisor')


def test_notify():
    """Anybody may write there; what comes along is closed, also with nothing said."""
    s = System('same-user\nservice one user=- run PROG one\n').start()
    wait_until(lambda: len(s.pids()) == 1)
    s.wait_log('ready services=1')
    pid = int(open(s.top + '/var/run/lock').read())
    before = len(os.listdir('/proc/%d/fd' % pid))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as c, open('/dev/null') as null:
        c.settimeout(5)
        c.connect(s.top + '/var/run/notify')
        for text in [b'', b'READY=1', b'x' * 3000] * 10:
            for n in (1, 3, 60):
                c.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [null.fileno()] * n))])
    ok(s.run('status').returncode == 0, 'strange datagrams: it answers')
    ok(len(os.listdir('/proc/%d/fd' % pid)) == before, 'and keeps no descriptor')
    ok(s.end() == 0, 'and stops')


def test_bound():
    port = free_port()
    s = System('same-user\nservice e user=- tcp=t,127.0.0.1,%d run PROG e echo\n' % port).start()
    s.wait_log(' ready services=1')

    def ask():
        with socket.create_connection(('127.0.0.1', port), 5) as c:
            c.settimeout(60)
            return int(c.recv(100))
    first = ask()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not alive(first))        # it may take a connection to its grave
    second = ask()
    ok(first != second, 'the socket stays bound while a service restarts: nobody is refused')
    ok('signal 9' in s.run('status').stdout, 'status tells how it ended')
    other = System('same-user\nservice e user=- tcp=t,127.0.0.1,%d run PROG e echo\n' % port)
    r = other.run('serve')
    ok(r.returncode == 111 and '127.0.0.1 port %d' % port in r.stderr, 'a port in use is named')
    ok(s.end() == 0, 'SIGTERM stops it')


def test_backoff():
    s = System('same-user\nservice c user=- run PROG c crash\nservice l user=- run PROG l late\n').start()
    time.sleep(2.5)

    def starts():
        return len([e for e in s.events() if e[0] == 'c'])
    wait_until(lambda: starts() >= 3)
    n = starts()
    ok(3 <= n <= 7, 'a service that crashes is started at growing intervals (%d times in 2.5 s)' % n)
    ok(' ready services' not in s.text(), 'the whole is not ready')
    wait_until(lambda: re.search(r'^l +ready', s.run('status').stdout, re.M), step=0.5)
    r = s.run('status')
    ok(r.returncode == 111 and 'exit 7' in r.stdout, 'status tells it')
    ok(re.search(r'^l +ready', r.stdout, re.M), 'one that is late is ready in the end')
    ok(s.end() == 0, 'stopped')


def test_order():
    s = System('''same-user
service three user=- run PROG three slow
service one user=- stop=1 run PROG one slow
service two user=- stop=2 reload=hup run PROG two slow
service uno user=- stop=1 ready=start run PROG uno
''').start()
    ok(s.wait_log(' ready services=4'), 'ready')
    wait_until(lambda: len(s.pids()) == 4)
    s.proc.send_signal(signal.SIGHUP)
    ok(wait_until(lambda: [e for e in s.events() if e[1] == 'hup']), 'SIGHUP is passed on')
    ok([e[0] for e in s.events() if e[1] == 'hup'] == ['two'], 'to those who want it')
    begin = time.time()
    ok(s.end(signal.SIGINT) == 0, 'SIGINT stops it')
    ok(time.time() - begin < 30, 'within seconds')
    order = [e[0] for e in s.events() if e[1] == 'stopped']
    ok(order[2:] == ['two', 'three'] and set(order[:2]) == {'one', 'uno'}, 'in order: ' + ' '.join(order))
    s = System('same-user\nservice d user=- grace=1s run PROG d deaf\n').start()
    s.wait_log(' ready services=1')
    begin = time.time()
    ok(s.end() == 0 and 0.8 < time.time() - begin < 30, 'a deaf one is killed after its grace')
    ok(not alive(s.pids()[0]), 'and gone')


def test_killed():
    s = System('same-user\nservice a user=- run PROG a\nservice b user=- run PROG b slow\n').start()
    s.wait_log(' ready services=2')
    s.end(signal.SIGKILL)
    ok(wait_until(lambda: not any(alive(p) for p in s.pids())), 'kill -9 leaves nothing behind')
    s.log = open(s.top + '/log', 'w+')
    s.start()
    ok(s.wait_log(' ready services=2'), 'and it can be started again')
    ok(s.end() == 0, 'stopped')


def test_jobs():
    s = System('''same-user
job often user=- every=1s run PROG often crash
job long user=- every=1s timeout=1s run PROG long
job night user=- daily=03:30 run PROG night
''').start()
    ok(wait_until(lambda: len([e for e in s.events() if e[0] == 'often']) >= 3), 'a job runs at its interval')
    ok(wait_until(lambda: [e for e in s.events() if e[:2] == ['long', 'stopped']]), 'one that takes too long is ended')
    ok(not [e for e in s.events() if e[0] == 'night'], 'one for another time of day does not run')
    out = wait_until(lambda: (lambda o: o if re.search(r'^often .* exit 7$', o, re.M) else None)(s.run('status').stdout)) or ''
    ok(re.search(r'^night +\d{4}-\d\d-\d\d 03:30:00', out, re.M), 'its next run is visible')
    ok(re.search(r'^often .* exit 7$', out, re.M), 'and results are')
    ok(s.end() == 0, 'stopped')
    ok(not any(alive(p) for p in s.pids()), 'no job is left')


def test_listeners():
    """The TCP sockets of the configuration, and what a reload makes of a change."""
    one, two = free_port(), free_port()
    s = System('same-user\nservice e user=- listeners=yes reload=hup run PROG e echo\n')

    def build(ports):
        with open(s.top + '/etc/posthorn.conf', 'w') as f:
            f.write('hostname = host.example\nlistener l {\naddress = { "127.0.0.1" }\n%s}\n' % ports)
        return s.run('config', 'build')

    def answers(port):
        try:
            with socket.create_connection(('127.0.0.1', port), 5) as c:
                got = c.recv(100)
                return int(got) if got else None    # nobody takes it any more
        except OSError:
            return None
    r = s.run('serve')
    ok(r.returncode == 111 and 'config build' in r.stderr, 'without a configuration it says what to do')
    r = build('smtp = %d\n' % one)
    if not ok(r.returncode == 0, 'config build'):
        print('#', r.stderr)
    s.start()
    ok(s.wait_log(' ready services=1'), 'ready')
    ok('fds=l/smtp' in s.events()[0], 'the listener is passed as LISTENER/SERVICE')
    pid = answers(one)
    ok(s.run('reload').returncode == 0 and wait_until(lambda: [e for e in s.events() if e[1] == 'hup']),
       'a reload without a change is a SIGHUP')
    ok(answers(one) == pid, 'and the service stays')
    build('imap = %d\n' % two)
    ok(s.run('reload').returncode == 0, 'a reload with other listeners')
    ok(wait_until(lambda: answers(two)) not in (None, pid), 'starts the service with them')
    ok('fds=l/imap' in s.events()[-1], 'and no others')
    ok(answers(one) is None, 'the old port is closed')
    pid = answers(two)
    ok(s.run('restart', 'e').returncode == 0 and wait_until(lambda: answers(two) not in (None, pid)), 'restart')
    ok(s.run('restart', 'nobody').returncode == 100, 'there is no such service: 100')
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(('127.0.0.1', one))
        taken.listen()
        build('imap = %d\nsmtp = %d\n' % (two, one))
        ok(s.run('reload').returncode == 100 and 'port %d' % one in s.text(), 'a port in use is told')
        ok(answers(two), 'and the rest goes on')
    ok(s.end() == 0, 'stopped')


def test_users():
    if os.geteuid() != 0:
        ok(True, 'users # SKIP not root')
        return
    s = System('directory d user=#61234 mode=0711\nservice u user=#61234 socket=run/u,u,#61235 run PROG u\n')
    os.chmod(s.top, 0o755)
    with open(s.top + '/var/events', 'w'):
        os.chmod(s.top + '/var/events', 0o666)
    s.start()
    ok(s.wait_log(' ready services=1'), 'a service runs as its user')
    pid = s.pids()[0]
    with open('/proc/%d/status' % pid) as f:
        status = f.read()
    ok(re.search(r'Uid:\s61234\s61234\s61234', status) and re.search(r'Gid:\s61234\s61234\s61234', status)
       and re.search(r'Groups:\s61234 *\n', status), 'with all its ids')
    ok(os.stat(s.top + '/var/d').st_uid == 61234, 'its directory is its own')
    ok(os.stat(s.top + '/var/run/u').st_uid == 61235, 'the socket is the owner\'s')
    s.end(signal.SIGKILL)
    ok(wait_until(lambda: not alive(pid)), 'and ends with the supervisor though its user changed')


def test_verbs():
    r = subprocess.run([POSTHORN, 'help'], stdout=subprocess.PIPE, text=True)
    ok(r.returncode == 0 and 'localserve' in r.stdout, 'help lists the verbs')
    pages = [f[9:-2] for f in os.listdir(os.path.join(SOURCE, 'libexec/verbs')) if re.match(r'posthorn-.*\.8$', f)]
    missing = [v for v in pages if not re.search(r'^  %s ' % v, r.stdout, re.M)]
    ok(not missing, 'every verb with a manual page is in it' + ' '.join([''] + missing))
    r = subprocess.run([POSTHORN, 'frobnicate'], stderr=subprocess.PIPE, text=True)
    ok(r.returncode == 100 and 'frobnicate' in r.stderr, 'an unknown verb: 100')
    r = subprocess.run([POSTHORN, '-C', '/nowhere', 'status'], stderr=subprocess.PIPE, text=True)
    ok(r.returncode == 100 and '/nowhere' in r.stderr, 'a directory that is not there: 100')
    ok(subprocess.run([POSTHORN], stderr=subprocess.DEVNULL).returncode == 100, 'no verb: 100')
    env = dict(os.environ, PATH='/nowhere')
    r = subprocess.run([POSTHORN, 'help', 'stop'], stdout=subprocess.PIPE, text=True, env=env)
    ok(r.returncode == 0 and 'posthorn-stop(8)' in r.stdout, 'help of one names its page')


test_verbs()
test_errors()
test_sockets()
test_seal()
test_notify()
test_bound()
test_backoff()
test_order()
test_killed()
test_jobs()
test_listeners()
test_users()
tap.done()
