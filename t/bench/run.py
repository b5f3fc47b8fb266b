#!/usr/bin/env python3
"""make bench: the figures of the project beside those of its peers, in one run on one machine.

Prints a table; nothing passes or fails here. t/bench/RESULTS.md keeps runs worth keeping.
Words on the command line pick sections: accept, submit, out, latency, imap, memory, config.
"""
import glob, os, queue, re, shutil, signal, smtplib, socket, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
import nsd
import peers
from imap import Imap
from ports import free_base, free_port

build = os.environ.get('top_builddir', '.')
source = os.environ.get('top_srcdir', '.')
MESSAGES = int(os.environ.get('BENCH_MESSAGES', 10000))
MAILBOX = int(os.environ.get('BENCH_MAILBOX', 100000))
OUT = int(os.environ.get('BENCH_OUT', 1000))
SIZE, SESSIONS = 4096, 10


def row(what, value, note=''):
    print('| %-62s | %16s | %s |' % (what, value, note), flush=True)


class Posthorn:
    def __init__(self, top):
        self.base = free_base()
        self.dir = os.path.join(top, 'posthorn')
        self.smtp, self.imap = 25 + self.base, 143 + self.base
        self.log = open(os.path.join(top, 'posthorn.log'), 'w')
        self.proc = subprocess.Popen([build + '/bin/posthorn', 'localserve', '-d', self.dir, '-p', str(self.base)],
                                     stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.proc.stdout:
            if line.strip() == 'ready':
                return
        raise SystemExit('posthorn localserve did not get ready; see ' + self.log.name)

    def inbox(self):
        return os.path.join(self.dir, 'var/accounts/user/mail/INBOX')

    def verb(self, *words):
        return subprocess.run([build + '/bin/posthorn', '-C', self.dir, *words], capture_output=True, text=True)

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait(20)

    def pids(self):
        """All processes below localserve."""
        children = {}
        for stat in glob.glob('/proc/[0-9]*/stat'):
            try:
                fields = open(stat).read().rsplit(')', 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(stat.split('/')[2]))
        found, todo = [], [self.proc.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children.get(pid, [])
        return found


def pss(pid):
    try:
        for line in open('/proc/%d/smaps_rollup' % pid):
            if line.startswith('Pss:'):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def comm(pid):
    try:
        return open('/proc/%d/comm' % pid).read().strip()
    except OSError:
        return ''


def bench_accept(top):
    loop = os.path.join(top, 'loop')
    os.mkdir(loop)
    seconds = float(subprocess.check_output([build + '/t/bench/plainloop', loop, str(SESSIONS), str(MESSAGES), str(SIZE)]))
    row('create, write, fsync, rename, fsync directory; 10 processes', '%.0f/s' % (MESSAGES / seconds))

    pf = peers.Postfix(os.path.join(top, 'pf'))
    try:
        row('Postfix, accept into its queue', '%.0f/s' % (MESSAGES / peers.smtp_source(pf.port, MESSAGES, SESSIONS, SIZE, 'user@localhost')))
    finally:
        pf.stop()

    dv = peers.Dovecot(os.path.join(top, 'dv'))
    pf = peers.Postfix(os.path.join(top, 'pf2'), dv.lmtp)
    try:
        begin = time.time()
        peers.smtp_source(pf.port, MESSAGES, SESSIONS, SIZE, 'user@localhost')
        while len(os.listdir(dv.mail + '/new')) < MESSAGES and time.time() < begin + 300:
            time.sleep(0.1)
        row('Postfix, LMTP into Dovecot\'s maildir', '%.0f/s' % (MESSAGES / (time.time() - begin)))
    finally:
        pf.stop()
        dv.stop()

    ph = Posthorn(top)
    try:
        seconds = peers.smtp_source(ph.smtp, MESSAGES, SESSIONS, SIZE, 'user@localhost')
        row('posthorn, accept and deliver into the maildir', '%.0f/s' % (MESSAGES / seconds))
        imap = Imap(ph.imap)
        _, answer = imap.command('STATUS INBOX (MESSAGES)')
        row('  messages then in INBOX', re.search(rb'MESSAGES (\d+)', answer).group(1).decode(), 'sent %d' % MESSAGES)
    finally:
        ph.stop()


BODY = b'x' * 70 + b'\r\n'


def message(i):
    head = ('Return-Path: <sender@example.org>\r\nReceived: from example.org by localhost; Mon, 16 Nov 2026 10:00:00 +0000\r\n'
            'From: Sender %d <sender%d@example.org>\r\nTo: user@localhost\r\nSubject: message %d\r\n'
            'Date: Mon, 16 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\n\r\n' % (i % 97, i % 97, i, i))
    return head.encode() + BODY * 24


def fill(folder, name):
    for i in range(MAILBOX):
        data = message(i)
        with open(os.path.join(folder, name(i, data)), 'wb') as f:
            f.write(data)


COMMANDS = [
    ('SELECT', 'SELECT INBOX', None),
    ('FETCH 1:* (UID FLAGS)', 'FETCH 1:* (UID FLAGS)', None),
    ('STORE 1:10000 +FLAGS (\\Flagged)', 'STORE 1:10000 +FLAGS.SILENT (\\Flagged)', 'STORE 1:10000 -FLAGS.SILENT (\\Flagged)'),
    ('STORE 1:10000 +FLAGS (\\Flagged), told', 'STORE 1:10000 +FLAGS (\\Flagged)', 'STORE 1:10000 -FLAGS.SILENT (\\Flagged)'),
]


def time_imap(port):
    """Best of five of each command in one warm session; SELECT with and without login."""
    first = Imap(port)
    took, answer = first.command('SELECT INBOX')
    exists = int(re.search(rb'(\d+) EXISTS', answer).group(1))
    times = {'first SELECT (scan)': took}
    logins = []
    for _ in range(5):
        begin = time.perf_counter()
        other = Imap(port)
        other.command('SELECT INBOX')
        logins.append(time.perf_counter() - begin)
        other.close()
    times['connect, LOGIN, SELECT'] = min(logins)
    for name, line, undo in COMMANDS:
        best = []
        for _ in range(5):
            best.append(first.command(line)[0])
            if undo:
                first.command(undo)
        times[name] = min(best)
    first.close()
    return exists, times


def bench_imap(top):
    dv = peers.Dovecot(os.path.join(top, 'dvimap'))
    try:
        for d in ('cur', 'new', 'tmp'):
            os.makedirs(os.path.join(dv.mail, d), exist_ok=True)
        fill(os.path.join(dv.mail, 'cur'), lambda i, data: '%d.M%dP1.host,S=%d,W=%d:2,' % (1760000000 + i, i, len(data), len(data)))
        subprocess.run(['chown', '-R', 'nobody:nogroup', dv.mail], check=True)
        count, dovecot = time_imap(dv.port)
    finally:
        dv.stop()
    shutil.rmtree(os.path.join(top, 'dvimap'))

    ph = Posthorn(top)
    try:
        Imap(ph.imap).close()  # the first login makes the account
        fill(os.path.join(ph.inbox(), 'new'), lambda i, data: '%d.M%dP1.host' % (1760000000 + i, i))
        mine, ours = time_imap(ph.imap)
        for name in dovecot:
            row('%s, %d messages (Dovecot %d)' % (name, mine, count), '%.2f ms' % (ours[name] * 1000), 'Dovecot %.2f ms' % (dovecot[name] * 1000))
    finally:
        ph.stop()
    shutil.rmtree(ph.dir)


def bench_memory(top):
    ph = Posthorn(top)
    try:
        time.sleep(1)
        rows = sorted(((pss(p), comm(p)) for p in ph.pids()), reverse=True)
        row('the whole system, idle (PSS)', '%.1f MiB' % (sum(r[0] for r in rows) / 1024), ' '.join('%s:%d' % (c, k) for k, c in rows))
        peers.smtp_source(ph.smtp, 100, 2, SIZE, 'user@localhost')
        before = set(ph.pids())
        sessions = [Imap(ph.imap) for _ in range(20)]
        for s in sessions:
            s.command('SELECT INBOX')
            s.command('FETCH 1:* (FLAGS ENVELOPE)')
        mine = [p for p in ph.pids() if p not in before and comm(p).startswith('imapd')]
        row('an IMAP session (PSS, mean of %d), FETCH just answered' % len(mine), '%.0f KiB' % (sum(map(pss, mine)) / max(1, len(mine))))
        time.sleep(3)
        row('  the same, silent for three seconds', '%.0f KiB' % (sum(map(pss, mine)) / max(1, len(mine))))
        for s in sessions:
            s.close()
    finally:
        ph.stop()


class Sender:
    """A system that quickstart made, whose mail for any other domain goes to a port on loopback by MX."""

    def __init__(self, top, port):
        self.base = free_base()
        self.dir = os.path.join(top, 'sender')
        self.submissions = 465 + self.base
        self.nsd = nsd.Nsd({'example.org.': nsd.zone('@ MX 10 mx\nmx A 127.0.0.1', 'example.org.')})
        made = subprocess.run([build + '/bin/posthorn', '-C', self.dir, 'quickstart', '--hostname', 'mail.bench.example',
                               '--ip', '127.0.0.1', '--port-base', str(self.base), '--dns', self.nsd.addr,
                               '--yes', 'user@bench.example'], capture_output=True, text=True)
        if made.returncode != 0:
            raise SystemExit('quickstart: ' + made.stderr)
        self.password = re.search(r'^password: (\S+)', made.stdout, re.M).group(1)
        conf = os.path.join(self.dir, 'etc/posthorn.conf')
        text = re.sub(r'^outgoing-ports.*$', 'outgoing-ports = { %d }' % port, open(conf).read(), flags=re.M)
        with open(conf, 'w') as f:
            f.write(text + '\nmax-outgoing-per-day = 1000000\nmax-first-time-recipients-per-day = 1000000\n')
        self.verb('config', 'build')
        self.log = open(os.path.join(top, 'sender.log'), 'w')
        self.proc = subprocess.Popen([build + '/bin/posthorn', '-C', self.dir, 'serve'], stderr=self.log, stdout=self.log)
        peers.wait_port(self.submissions)

    verb, pids = Posthorn.verb, Posthorn.pids

    def queue_send(self, sig):
        for p in self.pids():
            if comm(p) == 'queue-send':
                os.kill(p, sig)

    def submit(self, messages, size=SIZE, rcpt='friend@example.org'):
        return peers.submit(build + '/t/bench/submit', self.submissions, 'user@bench.example', self.password,
                            'user@bench.example', messages, SESSIONS, size, rcpt)

    def waiting(self):
        return len(os.listdir(self.dir + '/var/queue/msg'))

    def stop(self):
        Posthorn.stop(self)
        self.nsd.close()


def drained(queue, messages, begin):
    """Deliveries a second since begin, once the queue is empty."""
    end = time.time() + 120
    while queue.waiting() and time.time() < end:
        time.sleep(0.005)
    if queue.waiting():
        return 'not in two minutes'
    return '%.0f/s' % (messages / (time.time() - begin))


def bench_submit(top):
    dv = peers.Dovecot(os.path.join(top, 'dv'))
    pf = peers.Postfix(os.path.join(top, 'pf'), sasl=dv.sasl)
    try:
        seconds = peers.submit(build + '/t/bench/submit', pf.port, 'user@localhost', 'posthorn', 'user@localhost', MESSAGES, SESSIONS, SIZE,
                               'friend@example.org')
        row('Postfix with Dovecot SASL, submission over TLS', '%.0f/s' % (MESSAGES / seconds))
    finally:
        pf.stop()
        dv.stop()
    ph = Sender(top, free_port())
    try:
        ph.queue_send(signal.SIGSTOP)
        seconds = ph.submit(MESSAGES)
        row('posthorn, the same', '%.0f/s' % (MESSAGES / seconds), '%d in the queue' % ph.waiting())
        ph.queue_send(signal.SIGCONT)
    finally:
        ph.stop()


def bench_out(top):
    sink = peers.Sink()
    pf = peers.Postfix(os.path.join(top, 'pf'), relay=sink.port)
    ph = None
    try:
        peers.smtp_source(pf.port, OUT, SESSIONS, SIZE, 'friend@example.org')
        time.sleep(2)
        begin = time.time()
        pf.resume()
        row('Postfix, %d messages to one domain' % OUT, drained(pf, OUT, begin))
        ph = Sender(top, sink.port)
        for n in (OUT, 10 * OUT):
            ph.queue_send(signal.SIGSTOP)
            ph.submit(n)
            begin = time.time()
            most, watcher = [0], threading.Event()
            thread = threading.Thread(target=watch_pss, args=(ph, most, watcher))
            ph.queue_send(signal.SIGCONT)
            if n > OUT:
                thread.start()
            row('posthorn, %d messages to one domain' % n, drained(ph, n, begin))
            if n > OUT:
                watcher.set()
                thread.join()
        row('  the whole system meanwhile (PSS)', '%.1f MiB' % (most[0] / 1024))
    finally:
        pf.stop()
        sink.stop()
        if ph:
            ph.stop()


def watch_pss(system, most, over):
    while not over.is_set():
        most[0] = max(most[0], sum(map(pss, system.pids())))
        time.sleep(0.2)


def bench_latency(top):
    """From submission's 250 to the peer's, with nothing else to do."""
    peer = Peer()
    ph = Sender(top, peer.port)
    took = []
    try:
        for i in range(21):
            with smtplib.SMTP_SSL('127.0.0.1', ph.submissions) as s:
                s.login('user@bench.example', ph.password)
                s.sendmail('user@bench.example', ['friend@example.org'], 'From: user@bench.example\nSubject: %d\n\nhello\n' % i)
                accepted = time.time()
            took.append(peer.took.get(timeout=30) - accepted)
            time.sleep(0.5)
        took = sorted(took[1:])
        row('from submission\'s 250 to the peer\'s 250, median of 20', '%.1f ms' % (1000 * took[10]), 'longest %.1f ms' % (1000 * took[-1]))
    finally:
        ph.stop()
        peer.stop()


class Peer(threading.Thread):
    """A server that takes no time, and tells when it said 250 to a message."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.create_server(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]
        self.took = queue.Queue()
        self.start()

    def run(self):
        while True:
            try:
                conn = self.sock.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        f = conn.makefile('rb')
        conn.sendall(b'220 peer\r\n')
        data = False
        for line in f:
            word = line[:4].upper()
            if data:
                if line == b'.\r\n':
                    data = False
                    conn.sendall(b'250 ok\r\n')
                    self.took.put(time.time())
            elif word == b'EHLO':
                conn.sendall(b'250-peer\r\n250 PIPELINING\r\n')
            elif word == b'DATA':
                data = True
                conn.sendall(b'354 go\r\n')
            else:
                conn.sendall(b'221 bye\r\n' if word == b'QUIT' else b'250 ok\r\n')

    def stop(self):
        self.sock.close()


def bench_config(top):
    subprocess.run([source + '/t/bench/config.sh'], check=False)


SECTIONS = {'accept': bench_accept, 'submit': bench_submit, 'out': bench_out, 'latency': bench_latency,
            'imap': bench_imap, 'memory': bench_memory, 'config': bench_config}
picked = sys.argv[1:] or list(SECTIONS)
print('| %-62s | %16s | %s |\n|---|---|---|' % ('what', 'figure', 'beside it'))
for section in picked:
    work = tempfile.mkdtemp(prefix='posthorn-bench.')
    os.chmod(work, 0o755)
    try:
        SECTIONS[section](work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
