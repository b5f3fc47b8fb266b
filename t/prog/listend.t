#!/usr/bin/env python3
"""listend through its sockets: a stand-in for the sessions behind it, real TLS clients before it."""
import hashlib
import hmac
import os
import queue
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from ipc import listener, parse, record, recv_fds
from tap import BUILD, Tap

tap = Tap()
ok = tap.ok
LISTEND = os.path.join(BUILD, 'libexec/listend/listend')


def openssl(*args, **kw):
    return subprocess.run(('openssl',) + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, **kw).stdout


def make_cert(folder, *names, days=30, key='ec'):
    os.makedirs(folder, exist_ok=True)
    new = {'ec': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-sha384'],
           'rsa': ['-newkey', 'rsa:2048', '-sha256']}[key]
    for f in ('cert.pem', 'key.pem'):   # as a tool would: new files in place of the old
        if os.path.exists(os.path.join(folder, f)):
            os.unlink(os.path.join(folder, f))
    openssl('req', '-x509', *new, '-nodes', '-keyout', os.path.join(folder, 'key.pem'), '-out', os.path.join(folder, 'cert.pem'),
            '-days', str(days), '-subj', '/CN=' + names[0], '-addext', 'subjectAltName=' + ','.join('DNS:' + n for n in names))


class Session:
    """What a session process has: facts, data, control."""

    def __init__(self, rec, fds):
        self.raw = rec
        self.facts = parse(rec)
        self.blocking = os.get_blocking(fds[0])
        self.data = socket.socket(fileno=fds[0])
        self.control = socket.socket(fileno=fds[1])
        self.data.settimeout(10)
        self.control.settimeout(10)

    def starttls(self, go=b'220 go\r\n'):
        self.data.sendall(go)
        self.control.send(b'S')
        rec, fds = recv_fds(self.control)
        if not rec:
            return None
        facts = parse(rec)
        old, self.data = self.data, socket.socket(fileno=fds[0])
        self.data.settimeout(10)
        old.close()
        self.control.send(b'G')
        return facts

    def close(self):
        self.data.close()
        self.control.close()


class Backend:
    """The service's door: answers 'spawned' as it is told to."""

    def __init__(self, path, answer='ok', backlog=100):
        self.path, self.answer, self.sessions, self.held = path, answer, queue.Queue(), []
        self.sock = listener(path, backlog)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c = self.sock.accept()[0]
            except OSError:
                return
            rec, fds = recv_fds(c)
            if self.answer == 'silent':
                self.held += [c] + [socket.socket(fileno=fd) for fd in fds]
                continue
            if self.answer == 'error':
                c.send(record('spawned', error='no more room'))
                for fd in fds:
                    os.close(fd)
                continue
            if self.answer != 'gone':
                c.send(record('spawned', ok='1'))
                self.sessions.put(Session(rec, fds))
            else:
                for fd in fds:
                    os.close(fd)
            c.close()

    def next(self):
        return self.sessions.get(timeout=10)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        os.unlink(self.path)


KEY = os.urandom(32)
SEALED = ('id', 'service', 'listener', 'rip', 'rport', 'lip', 'lport', 'tls', 'cipher', 'sni', 'fingerprint', 'exporter',
          'endpoint', 'trusted')


def is_sealed(facts):
    text = record('seal', **{n: facts.get(n, '') for n in SEALED})
    return facts.get('seal') == hmac.new(KEY, text, 'sha256').hexdigest()


RUNNING = []
HOST = 'mail.example.org'


class Listend:
    """A listend with one socket for each service, in a var directory of its own."""

    SERVICES = ('smtp', 'submission', 'submissions', 'imap', 'imaps')

    def __init__(self, var, *args, limit=None):
        self.var = var
        os.makedirs(os.path.join(var, 'run'), exist_ok=True)
        self.log = open(os.path.join(var, 'log'), 'w+')
        self.seal = os.memfd_create('seal')
        os.write(self.seal, KEY)
        self.socks, self.port = [], {}
        for name in self.SERVICES:
            s = socket.socket()
            s.bind(('127.0.0.1', 0))
            s.listen(1000)
            self.socks.append(s)
            self.port[name] = s.getsockname()[1]
        self.pid = os.fork()
        RUNNING.append(self.pid)
        if self.pid == 0:
            try:
                self.become(args, limit)
            finally:
                os._exit(99)
        self.wait_log('loaded|no-certificate|unusable')
        time.sleep(0.05)

    def become(self, args, limit):
        fds = [os.dup(s.fileno()) for s in self.socks] + [self.seal]
        fds = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
        os.dup2(self.log.fileno(), 2)
        for i, fd in enumerate(fds):
            os.dup2(fd, 3 + i)
            os.set_inheritable(3 + i, True)
        os.closerange(3 + len(fds), 1000)
        os.chdir(self.var)
        if limit:
            import resource
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)),
                          LISTEN_FDNAMES=':'.join('public/' + s for s in self.SERVICES) + ':seal')
        os.execv(LISTEND, [LISTEND] + list(args))

    def text(self):
        with open(os.path.join(self.var, 'log')) as f:
            return f.read()

    def wait_log(self, pattern, n=1):
        for _ in range(200):
            if len(re.findall(pattern, self.text())) >= n:
                return True
            time.sleep(0.02)
        return False

    def connect(self, service):
        s = socket.create_connection(('127.0.0.1', self.port[service]), timeout=10)
        return s

    def tls(self, service, sni='mail.example.org', raw=None, ctx=None):
        return (ctx or client()).wrap_socket(raw or self.connect(service), server_hostname=sni)

    def fds(self):
        return len(os.listdir('/proc/%d/fd' % self.pid))

    def wait_fds(self, n):
        for _ in range(200):
            if self.fds() <= n:
                return True
            time.sleep(0.05)
        return False

    def cpu(self):
        with open('/proc/%d/stat' % self.pid) as f:
            return sum(int(x) for x in f.read().rsplit(')', 1)[1].split()[11:13]) / os.sysconf('SC_CLK_TCK')

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        status = os.waitpid(self.pid, 0)[1]
        RUNNING.remove(self.pid)
        for s in self.socks:
            s.close()
        if status: print('# ' + self.text()[-3000:].replace('\n', '\n# '))
        self.log.close()
        return status


def client(version=None, cert=None):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    if version:
        ctx.minimum_version = ctx.maximum_version = version
    if cert:
        ctx.load_cert_chain(cert + '/cert.pem', cert + '/key.pem')
    return ctx


def read_all(s):
    got = b''
    try:
        while True:
            part = s.recv(65536)
            if not part:
                return got
            got += part
    except (ConnectionError, ssl.SSLError) as e:
        return got + b' (' + str(e).encode() + b')'


def names_of(s):
    pem = ssl.DER_cert_to_PEM_cert(s.getpeercert(True))
    return openssl('x509', '-noout', '-ext', 'subjectAltName', input=pem.encode()).decode()


def test_plain(ld, smtp, imap):
    c = ld.connect('smtp')
    s = smtp.next()
    ok(s.facts.get('conn') == '1' and s.facts.get('service') == 'smtp' and s.facts.get('listener') == 'public', 'a connection comes to its service')
    ok(s.facts['rip'] == '127.0.0.1' and s.facts['rport'] == str(c.getsockname()[1]) and s.facts['lip'] == '127.0.0.1' and
       s.facts['lport'] == str(ld.port['smtp']), 'with both addresses')
    ok(re.fullmatch('[a-z2-7]{16}', s.facts['id']) is not None, 'and an id')
    ok(is_sealed(s.facts), 'all of it sealed')
    ok(s.facts.get('starttls') == '1' and 'tls' not in s.facts and s.facts.get('trusted') == '1', 'and what it may do')
    ok(s.data.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) and s.data.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) and
       s.blocking, 'on a socket without delay, with keepalive, and one that blocks')
    s.data.sendall(b'220 hello\r\n')
    ok(c.recv(100) == b'220 hello\r\n', 'bytes go out')
    c.sendall(b'QUIT\r\n')
    ok(s.data.recv(100) == b'QUIT\r\n', 'and in')
    c.shutdown(socket.SHUT_WR)
    ok(s.data.recv(100) == b'', 'a half-closed connection is seen')
    s.data.sendall(b'221 bye\r\n')
    s.close()
    ok(read_all(c) == b'221 bye\r\n', 'and still answered')
    c.close()
    c = ld.connect('imap')
    ok(imap.next().facts['service'] == 'imap', 'each service has its door')
    c.close()


def test_last_words(ld, smtp):
    c = ld.connect('smtp')
    s = smtp.next()
    c.sendall(b'x' * 100000)
    s.data.sendall(b'500 no\r\n')
    s.close()
    ok(read_all(c) == b'500 no\r\n', 'the last reply arrives although the session left bytes unread')
    c.close()


def test_tls(ld, smtp, imap):
    for version, name in ((ssl.TLSVersion.TLSv1_2, 'TLSv1.2'), (ssl.TLSVersion.TLSv1_3, 'TLSv1.3')):
        c = ld.tls('imaps', ctx=client(version))
        s = imap.next()
        f = s.facts
        ok(f['service'] == 'imaps' and f['tls'] == name and f['cipher'].startswith('TLS_') and f['sni'] == 'mail.example.org' and
           'starttls' not in f and 'fingerprint' not in f, name + ': the facts')
        ok(is_sealed(f), name + ': sealed')
        der = c.getpeercert(True)
        ok(f.get('endpoint') == hashlib.sha384(der).hexdigest(), name + ': tls-server-end-point is by the signature\'s hash')
        s.data.sendall(b'* OK hello\r\n')
        ok(c.recv(100) == b'* OK hello\r\n', name + ': bytes go out')
        c.sendall(b'a noop\r\n')
        ok(s.data.recv(100) == b'a noop\r\n', name + ': and in')
        blob = os.urandom(3000000)
        got = []
        t = threading.Thread(target=lambda: (got.append(read_all(s.data)), s.close()))
        t.start()
        c.sendall(blob)
        c.unwrap() if version == ssl.TLSVersion.TLSv1_2 else c.shutdown(socket.SHUT_WR)
        t.join()
        ok(got[0] == blob, name + ': three megabytes and the end of them arrive')
        c.close()
    c = ld.tls('imaps')
    s = imap.next()
    t = threading.Thread(target=lambda: (s.data.sendall(blob), s.close()))
    t.start()
    ok(read_all(c) == blob, 'and in the other direction')
    t.join()
    c.close()


def test_versions(ld):
    for arg, good in (('-tls1', False), ('-tls1_1', False), ('-tls1_2', True), ('-tls1_3', True)):
        r = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % ld.port['imaps'], arg, '-cipher', 'ALL:@SECLEVEL=0'],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = r.stdout.decode(errors='replace')
        ok((r.returncode == 0 and 'Cipher is (NONE)' not in text) == good, '%s is %s' % (arg, 'spoken' if good else 'refused'))
        if not good:
            ok('alert protocol version' in text, 'with an alert')


def refused_name(ld, service, sni):
    try:
        ld.tls(service, sni).close()
        return False
    except ssl.SSLError as e:
        return 'UNRECOGNIZED_NAME' in str(e).upper()


def test_sni(ld, smtp, sub, imap):
    def served(service, sni):
        c = ld.tls(service, sni)
        text = names_of(c)
        c.close()
        return text
    ok('mail.example.org' in served('imaps', 'mail.example.org'), 'the host name\'s certificate')
    ok('DNS:other.example' in served('imaps', 'other.example'), 'another name has another')
    ok('DNS:other.example' in served('imaps', 'OTHER.example'), 'in any case')
    ok('*.wild.example' in served('imaps', 'a.wild.example'), 'a wildcard stands for a label')
    ok(refused_name(ld, 'imaps', 'a.b.wild.example'), 'but not for two')
    ok(refused_name(ld, 'imaps', 'wild.example'), 'nor for none')
    ok(refused_name(ld, 'submissions', 'unknown.example'), 'an unknown name is refused')
    ok('mail.example.org' in served('imaps', None), 'no name gets the host name\'s')
    # python sends no address as a name; GnuTLS, and so mutt, does
    r = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % ld.port['imaps'], '-servername', '127.0.0.1'],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    ok(b'mail.example.org' in r.stdout and b'alert' not in r.stderr, 'an address as the name counts as none')
    for _ in range(6):
        imap.next().close()
    c = ld.connect('smtp')
    s = smtp.next()
    c.recv(0)
    threading.Thread(target=s.starttls).start()
    c.recv(100)
    t = ld.tls('smtp', 'unknown.example', raw=c)
    ok('mail.example.org' in names_of(t), 'on port 25 an unknown name falls back')
    t.close()
    s.close()


def test_alpn(ld, imap):
    for offer, want in (['imap'], 'imap'), (['h2', 'imap'], 'imap'), (['h2'], None), (['smtp'], None):
        ctx = client()
        ctx.set_alpn_protocols(offer)
        c = ld.tls('imaps', ctx=ctx)
        ok(c.selected_alpn_protocol() == want, 'ALPN %s' % ','.join(offer))
        c.close()
        imap.next().close()


def test_starttls(ld, smtp):
    c = ld.connect('smtp')
    s = smtp.next()
    c.sendall(b'STARTTLS\r\n')
    s.data.recv(100)
    facts = []
    t = threading.Thread(target=lambda: facts.append(s.starttls()))
    t.start()
    ok(c.recv(100) == b'220 go\r\n', 'STARTTLS: the go-ahead is in plain text')
    tls = ld.tls('smtp', raw=c)
    t.join()
    ok(facts[0]['tls'] == 'TLSv1.3' and 'exporter' in facts[0] and 'endpoint' in facts[0], 'the session learns the facts')
    ok(is_sealed({**s.facts, **facts[0]}) and facts[0]['seal'] != s.facts['seal'], 'with a new seal')
    tls.sendall(b'EHLO x\r\n')
    ok(s.data.recv(100) == b'EHLO x\r\n', 'and then speaks through TLS')
    s.data.sendall(b'250 ok\r\n')
    ok(tls.recv(100) == b'250 ok\r\n', 'in both directions')
    s.close()
    ok(read_all(tls) == b'', 'to its orderly end')
    tls.close()


def test_injection(ld, smtp):
    c = ld.connect('smtp')
    s = smtp.next()
    c.sendall(b'STARTTLS\r\nINJECTED\r\n')
    line = s.data.recv(10)      # as a session that reads no further than the line's end
    t = threading.Thread(target=s.starttls)
    t.start()
    ok(line == b'STARTTLS\r\n' and c.recv(100) == b'220 go\r\n', 'plaintext behind STARTTLS in one packet')
    tls = ld.tls('smtp', raw=c)
    t.join()
    tls.sendall(b'EHLO x\r\n')
    got = s.data.recv(100)
    ok(got == b'EHLO x\r\n', 'is thrown away: the first bytes of the session are those sent through TLS')
    s.close()
    tls.close()
    # the same, arriving after the go-ahead: it breaks the handshake
    c = ld.connect('smtp')
    s = smtp.next()
    c.sendall(b'STARTTLS\r\n')
    s.data.recv(100)
    t = threading.Thread(target=s.starttls)
    t.start()
    c.recv(100)
    time.sleep(0.1)
    c.sendall(b'INJECTED\r\n')
    try:
        ld.tls('smtp', raw=c)
        ok(False, 'plaintext in place of a handshake')
    except (ssl.SSLError, OSError):
        ok(True, 'plaintext in place of a handshake breaks it')
    t.join()
    ok(s.data.fileno() == -1 or s.control.recv(10) == b'', 'and the session ends')
    s.close()


def test_client_cert(ld, var, sub, smtp):
    for key in ('ec', 'rsa'):
        folder = os.path.join(var, 'client-' + key)
        make_cert(folder, 'me', key=key)
        want = hashlib.sha256(openssl('pkey', '-pubin', '-outform', 'der', input=openssl('x509', '-noout', '-pubkey', '-in', folder + '/cert.pem'))).hexdigest()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            c = ld.tls('submissions', ctx=client(version, cert=folder))
            s = sub.next()
            ok(s.facts.get('fingerprint') == want, 'client certificate (%s, %s): the fingerprint is its key\'s' % (key, version.name))
            ok(is_sealed(s.facts), 'sealed')
            s.close()
            c.close()
    c = ld.connect('smtp')
    s = smtp.next()
    facts = []
    t = threading.Thread(target=lambda: facts.append(s.starttls()))
    t.start()
    c.recv(100)
    tls = client(cert=folder).wrap_socket(c, server_hostname='mail.example.org')
    t.join()
    ok('fingerprint' not in facts[0], 'servers on port 25 are not asked for one')
    tls.close()
    s.close()


def s_client(ld, service, *args):
    p = subprocess.Popen(['openssl', 's_client', '-connect', '127.0.0.1:%d' % ld.port[service], '-servername', 'mail.example.org'] + list(args),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p


def test_exporter(ld, imap):
    p = s_client(ld, 'imaps', '-tls1_3', '-keymatexport', 'EXPORTER-Channel-Binding', '-keymatexportlen', '32')
    s = imap.next()
    s.data.sendall(b'* BYE\r\n')
    s.close()
    text = p.communicate()[0].decode(errors='replace')
    m = re.search('Keying material: ([0-9A-F]+)', text)
    ok(m is not None and m.group(1).lower() == s.facts['exporter'], 'tls-exporter equals the client\'s')
    c = ld.tls('imaps', ctx=client(ssl.TLSVersion.TLSv1_2))
    s = imap.next()
    ok('exporter' in s.facts, 'there is one with TLS 1.2 and the extended master secret')
    s.close()
    c.close()
    ctx = client(ssl.TLSVersion.TLSv1_2)
    ctx.options |= 1        # SSL_OP_NO_EXTENDED_MASTER_SECRET
    c = ctx.wrap_socket(ld.connect('imaps'), server_hostname='mail.example.org')
    s = imap.next()
    ok('exporter' not in s.facts and 'endpoint' in s.facts, 'and none without it')
    s.close()
    c.close()


def test_out_of_turn(ld, smtp):
    for wish in (b'G', b'X'):
        c = ld.connect('smtp')
        s = smtp.next()
        s.control.send(wish)
        ok(s.control.recv(10) == b'', 'a session that says %s out of turn is left' % wish.decode())
        s.close()
        ok(read_all(c) == b'', 'and its connection closed')
        c.close()


def test_tickets(ld, imap, smtp, var):
    ctx = client(ssl.TLSVersion.TLSv1_3, cert=os.path.join(var, 'client-ec'))
    c = ld.tls('imaps', ctx=ctx)
    s = imap.next()
    s.data.sendall(b'x')
    c.recv(1)
    again = ctx.wrap_socket(ld.connect('imaps'), server_hostname=HOST, session=c.session)
    s2 = imap.next()
    ok(again.session_reused and s2.facts.get('fingerprint') and s2.facts['fingerprint'] == s.facts['fingerprint'] and
       s2.facts['exporter'] != s.facts['exporter'], 'a resumed session has its client key still, and a channel binding of its own')
    for x in (c, s, again, s2):
        x.close()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        ctx = client(version)
        c = ld.tls('imaps', ctx=ctx)
        s = imap.next()
        s.data.sendall(b'x')
        c.recv(1)
        session = c.session
        ok(session.has_ticket, '%s: a ticket is given' % version.name)
        s.close()
        c.close()
        c = ctx.wrap_socket(ld.connect('imaps'), server_hostname='mail.example.org', session=session)
        s = imap.next()
        ok(c.session_reused and s.facts['sni'] == 'mail.example.org' and 'endpoint' in s.facts, '%s: and taken, with the same facts' % version.name)
        s.close()
        c.close()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        c = ld.connect('smtp')
        s = smtp.next()
        t = threading.Thread(target=s.starttls)
        t.start()
        c.recv(100)
        tls = ld.tls('smtp', raw=c, ctx=client(version))
        t.join()
        s.data.sendall(b'x')
        tls.recv(1)
        ok(tls.session is None or not tls.session.has_ticket, '%s: none on port 25' % version.name)
        tls.close()
        s.close()


def test_reload(ld, var, imap):
    folder = os.path.join(var, 'tls', 'other.example')
    c = ld.tls('imaps', 'other.example')
    s = imap.next()
    before = c.getpeercert(True)
    with open(os.path.join(folder, 'cert.pem'), 'w') as f:
        f.write('-----BEGIN CERTIFICATE-----\nbroken\n')
    os.kill(ld.pid, signal.SIGHUP)
    ok(ld.wait_log('kept certificate=other.example error='), 'a broken certificate is told')
    c2 = ld.tls('imaps', 'other.example')
    ok(c2.getpeercert(True) == before, 'and the old one goes on')
    c2.close()
    imap.next().close()
    make_cert(folder, 'other.example', 'new.example')
    n = ld.text().count('loaded certificate=other.example')
    os.kill(ld.pid, signal.SIGHUP)
    ok(ld.wait_log('loaded certificate=other.example', n + 1), 'a good one is loaded')
    c3 = ld.tls('imaps', 'new.example')
    ok('new.example' in names_of(c3) and c3.getpeercert(True) != before, 'and served, by its new name too')
    imap.next().close()
    c3.close()
    c.sendall(b'still here\r\n')
    ok(s.data.recv(100) == b'still here\r\n', 'a connection of before goes on')
    s.close()
    c.close()
    os.rename(folder, os.path.join(var, 'gone'))
    os.kill(ld.pid, signal.SIGHUP)
    ok(ld.wait_log('dropped certificate=other.example') and refused_name(ld, 'imaps', 'other.example'), 'one that is removed is served no more')


def test_doors(ld, imap, smtp):
    imap.close()
    t = time.time()
    plain, tls = ld.connect('imap'), ld.tls('imaps')
    c = ld.connect('smtp')
    s = smtp.next()
    ok(time.time() - t < 0.5, 'another service\'s connections do not wait for one that is down')
    s.close()
    c.close()
    ok(re.fullmatch(rb'\* BYE service not available, try again later \([a-z2-7]{16}\)\r\n', read_all(plain)) is not None, 'IMAP is told BYE')
    ok(read_all(tls).startswith(b'* BYE '), 'within TLS too')
    ok(1.5 < time.time() - t < 5, 'after the time it was given')
    c = ld.connect('imap')
    time.sleep(0.3)
    imap = Backend(imap.path)
    s = imap.next()
    s.data.sendall(b'* OK\r\n')
    ok(c.recv(100) == b'* OK\r\n', 'one that comes back in time is found')
    s.close()
    c.close()
    for answer, why in (('silent', 'does not answer'), ('error', 'refuses'), ('gone', 'hangs up')):
        imap.answer = answer
        a = read_all(ld.connect('imap'))
        ok(a.startswith(b'* BYE '), 'a service that %s' % why)
    imap.answer = 'ok'
    smtp.close()
    full = Backend(smtp.path + 'x', backlog=0)
    full.sock.shutdown(socket.SHUT_RDWR)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(smtp.path)
    door.listen(0)
    waiting = [ld.connect('smtp') for _ in range(5)]
    t = time.time()
    c = ld.connect('imap')
    s = imap.next()
    ok(time.time() - t < 0.5, 'a door with a full backlog holds nobody up')
    s.close()
    c.close()
    ok(all(read_all(w).startswith(b'421 4.3.2 ') for w in waiting), 'and its own are told 421 4.3.2')
    door.close()
    os.unlink(smtp.path)
    return imap, Backend(smtp.path)


def test_rude(ld, imap, smtp, fds):
    c = ld.tls('imaps')
    s = imap.next()
    s.data.setblocking(False)
    sent = 0
    deadline = time.time() + 5
    while time.time() < deadline:
        try:
            sent += s.data.send(b'x' * 65536)
            deadline = min(deadline, time.time() + 0.5)
        except BlockingIOError:
            time.sleep(0.02)
    cpu = ld.cpu()
    time.sleep(0.5)
    ok(ld.cpu() - cpu < 0.1, 'a client that never reads (%d KiB held) costs no time' % (sent // 1024))
    c2 = ld.tls('imaps')
    s2 = imap.next()
    c2.sendall(b'x')
    ok(s2.data.recv(1) == b'x', 'others go on')
    c2.close()
    s2.close()
    c.close()
    s.close()
    c = ld.tls('imaps')
    s = imap.next()
    c.setblocking(False)
    blocked = 0
    while blocked < 25:
        try:
            c.send(b'y' * 16384)
            blocked = 0
        except ssl.SSLWantWriteError:
            blocked += 1
            time.sleep(0.02)
    cpu = ld.cpu()
    time.sleep(0.5)
    ok(ld.cpu() - cpu < 0.1, 'nor does a session that never reads')
    s.close()
    c.setblocking(True)
    ok(b'' == read_all(c).split(b' (')[0], 'and when it is gone the client is told')
    c.close()
    # clients that go away at any point of a handshake, with and without saying so
    hello = capture_hello()
    for n in list(range(0, len(hello), 23)) + [len(hello)]:
        for linger in (False, True):
            c = ld.connect('imaps')
            c.sendall(hello[:n])
            if linger:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            c.close()
    for linger in (False, True):
        c = ld.tls('imaps')
        if linger:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        s = imap.next()
        socket.socket.close(c)
        ok(s.data.recv(10) == b'', 'a client that %s ends its session' % ('resets' if linger else 'closes without a word'))
        s.close()
    for service, b in (('smtp', smtp), ('imaps', imap)):
        c = ld.connect(service)
        c.close()
    try:
        smtp.next().close()
    except queue.Empty:
        pass
    ok(ld.wait_fds(fds), 'every descriptor is given back (%d of %d)' % (ld.fds(), fds))


def capture_hello():
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = client().wrap_bio(a, b, server_hostname='mail.example.org')
    try:
        o.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return b.read()


SIG = b'\r\n\r\n\0\r\nQUIT\n'


def proxy4(src, sport, dst='203.0.113.5', dport=25):
    body = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack('!HH', sport, dport)
    return SIG + b'\x21\x11' + struct.pack('!H', len(body)) + body


def test_proxy_and_limits(var):
    ld = Listend(var, '-n', HOST, '-p', '127.0.0.1', '-t', '198.51.100.0/24')
    smtp, imap = Backend(os.path.join(var, 'run/smtp')), Backend(os.path.join(var, 'run/imap'))
    c = ld.connect('smtp')
    c.sendall(proxy4('192.0.2.1', 4321) + b'EHLO early\r\n')
    s = smtp.next()
    ok((s.facts['rip'], s.facts['rport'], s.facts['lip'], s.facts['lport']) == ('192.0.2.1', '4321', '203.0.113.5', '25') and
       'trusted' not in s.facts, 'PROXY v2: the peer is who the proxy says')
    ok(s.data.recv(100) == b'EHLO early\r\n', 'and what follows the header is the session\'s')
    s.close()
    c.close()
    body = socket.inet_pton(socket.AF_INET6, '2001:db8::1') + socket.inet_pton(socket.AF_INET6, '2001:db8::2') + struct.pack('!HH', 1, 993)
    raw = ld.connect('imaps')
    header = SIG + b'\x21\x21' + struct.pack('!H', len(body)) + body
    for i in range(0, len(header), 7):
        raw.sendall(header[i:i + 7])
        time.sleep(0.005)
    c = ld.tls('imaps', raw=raw)
    s = imap.next()
    ok(s.facts['rip'] == '2001:db8::1' and s.facts['lport'] == '993', 'IPv6, in pieces, before TLS')
    s.close()
    c.close()
    c = ld.connect('smtp')
    c.sendall(SIG + b'\x20\x00\x00\x00')
    s = smtp.next()
    ok(s.facts['rip'] == '127.0.0.1', 'LOCAL keeps the address')
    s.close()
    c.close()
    for bad, name in ((b'PROXY TCP4 192.0.2.1 203.0.113.5 1 25\r\n', 'version 1'), (b'EHLO x\r\n' * 3, 'no header')):
        c = ld.connect('smtp')
        c.sendall(bad)
        ok(read_all(c).split(b' (')[0] == b'', '%s is not taken' % name)
        c.close()

    def from_(ip, service='smtp'):
        c = ld.connect(service)
        c.sendall(proxy4(ip, 1000))
        return c
    good = [from_('192.0.2.10') for _ in range(30)]
    sessions = [smtp.next() for _ in good]
    over = from_('192.0.2.10')
    ok(read_all(over).startswith(b'421 4.7.0 too many connections'), 'the 31st connection of an address is refused')
    waiting = [from_('192.0.2.10', 'imaps') for _ in range(30)]
    time.sleep(0.2)
    over = from_('192.0.2.10', 'imaps')
    ok(read_all(ld.tls('imaps', raw=over)).startswith(b'* BYE too many connections'), 'with implicit TLS after the handshake')
    for c in waiting:
        c.close()
    neighbour = from_('192.0.2.11')
    smtp.next()
    trusted = [from_('198.51.100.7') for _ in range(40)]
    ok(all(smtp.next().facts.get('trusted') == '1' for _ in trusted), 'trusted networks have no limit')
    ok(True, 'nor do neighbours suffer')
    for s in sessions[:5]:
        s.close()
    for c in good[:5]:
        read_all(c)
        c.close()
    time.sleep(0.2)
    again = [from_('192.0.2.10') for _ in range(5)]
    ok([smtp.next().facts['rip'] for _ in again] == ['192.0.2.10'] * 5, 'those that ended make room')
    refused = 0
    time.sleep(60 - time.monotonic() % 60 if time.monotonic() % 60 > 50 else 0)
    for _ in range(310):
        c = from_('192.0.2.200')
        try:
            s = smtp.sessions.get(timeout=0.05)
            s.close()
        except queue.Empty:
            refused += 1
        c.close()
    ok(5 <= refused <= 15, 'past 300 connections in a minute an address is refused (%d of 310)' % refused)
    ok(ld.stop() == 0, 'stopped in order')
    for b in (smtp, imap):
        b.close()


def test_idle(var, n=2000):
    ld = Listend(var, '-n', HOST, '-t', '127.0.0.0/8')
    imap = Backend(os.path.join(var, 'run/imap'), backlog=1000)
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n = min(n, (hard - 100) // 4)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def rss():
        with open('/proc/%d/status' % ld.pid) as f:
            return int(re.search(r'RssAnon:\s+(\d+)', f.read()).group(1))
    first, ctx, keep = None, client(), []
    for i in range(n):
        c = ld.tls('imaps', ctx=ctx)
        s = imap.next()
        s.data.sendall(b'* OK hello\r\n')
        c.recv(100)
        keep += [c, s]
        if i == 99:
            first = rss()
    each = (rss() - first) / (n - 100)
    print('# %d idle TLS connections: %.1f KiB each' % (n, each))
    with open(LISTEND, 'rb') as f:
        plain = b'__asan_init' not in f.read()
    ok(each < 20 or not plain, 'an idle TLS connection costs little memory')
    c, s = keep[-2:]
    t = time.time()
    for _ in range(200):
        c.sendall(b'x' * 100)
        s.data.recv(100)
        s.data.sendall(b'y' * 100)
        c.recv(100)
    each = (time.time() - t) / 200
    print('# beside them: %.0f us for a question and its answer' % (each * 1e6))
    ok(each < 0.02, 'and holds nobody up: no stall of a delayed acknowledgement')
    t = time.time()
    ok(ld.stop() == 0 and 2 < time.time() - t < 6, 'with connections open it waits three seconds before it stops')
    for k in keep:
        k.close()
    imap.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_descriptors(var):
    ld = Listend(var, '-n', HOST, '-t', '127.0.0.0/8', limit=160)
    imap = Backend(os.path.join(var, 'run/imap'))
    cs = [ld.connect('imap') for _ in range(60)]
    sessions = []
    try:
        while True:
            sessions.append(imap.sessions.get(timeout=1))
    except queue.Empty:
        pass
    ok(10 <= len(sessions) < 60, 'without descriptors no more are taken (%d)' % len(sessions))
    cpu = ld.cpu()
    time.sleep(1)
    ok(ld.cpu() - cpu < 0.1 and 'pause' in ld.text(), 'and the loop does not spin')
    for s in sessions:
        s.close()
    for c in cs[:len(sessions)]:
        c.close()
    more = 0
    try:
        while len(sessions) + more < 60:
            imap.sessions.get(timeout=2).close()
            more += 1
            time.sleep(0.01)
    except queue.Empty:
        pass
    ok(len(sessions) + more == 60, 'those that waited come when there is room')
    for c in cs:
        c.close()
    ok(ld.stop() == 0, 'stopped')
    imap.close()


def test_no_certificate(var):
    ld = Listend(var)
    smtp = Backend(os.path.join(var, 'run/smtp'))
    c = ld.connect('smtp')
    s = smtp.next()
    ok('starttls' not in s.facts, 'without a certificate STARTTLS is not offered')
    s.close()
    c.close()
    try:
        ld.tls('imaps')
        ok(False, 'and implicit TLS fails')
    except OSError:
        ok(True, 'and implicit TLS fails')
    make_cert(os.path.join(var, 'tls', 'late'), 'mail.example.org')
    os.kill(ld.pid, signal.SIGHUP)
    ok(ld.wait_log('loaded'), 'one that comes later is taken')
    c = ld.connect('smtp')
    s = smtp.next()
    ok(s.facts.get('starttls') == '1', 'and STARTTLS is offered')
    s.close()
    c.close()
    ld.stop()
    smtp.close()


def test_configured(top):
    var, etc = os.path.join(top, 'var'), os.path.join(top, 'etc')
    os.makedirs(os.path.join(etc, 'domains'))
    os.makedirs(os.path.join(etc, 'accounts'))
    with open(os.path.join(etc, 'posthorn.conf'), 'w') as f:
        f.write('hostname = mail.example.org\nlistener public {\n\taddress = { 127.0.0.1 }\n\tsmtp = 25\n\timaps = 993\n\thostname = imap.example.org\n\tstarttls = false\n'
                '\ttrusted = { 198.51.100.0/24 }\n\tproxy = { 127.0.0.1 }\n\tconnections = 2\n}\n')
    make_cert(os.path.join(var, 'tls', 'a'), 'mail.example.org')
    make_cert(os.path.join(var, 'tls', 'b'), 'imap.example.org')
    subprocess.run([os.path.join(BUILD, 'libexec/verbs/config'), 'build'], check=True,
                   env=dict(os.environ, POSTHORN_ETC=etc, POSTHORN_VAR=var), cwd=var)
    ld = Listend(var)
    smtp, imap = Backend(os.path.join(var, 'run/smtp')), Backend(os.path.join(var, 'run/imap'))
    cs = []
    for _ in range(3):
        cs.append(ld.connect('smtp'))
        cs[-1].sendall(proxy4('192.0.2.1', 1000))
    s = smtp.next()
    ok(s.facts['rip'] == '192.0.2.1' and 'starttls' not in s.facts, 'configured: proxies, and STARTTLS not offered')
    ok(read_all(cs[2]).startswith(b'421 4.7.0'), 'configured: two connections at once and no third')
    c = ld.connect('smtp')
    c.sendall(proxy4('198.51.100.1', 1000))
    smtp.next()
    ok(smtp.next().facts.get('trusted') == '1', 'configured: trusted networks')
    c = ld.connect('imaps')
    c.sendall(proxy4('192.0.2.1', 1000))
    ok('imap.example.org' in names_of(ld.tls('imaps', None, raw=c)), 'configured: the listener\'s own name')
    ok(ld.stop() == 0, 'stopped')
    for b in (smtp, imap):
        b.close()


def test_usage():
    def run(*args, **env):
        return subprocess.run([LISTEND] + list(args), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env).returncode
    ok(run('-x') == 100 and run('-m', '1.1') == 100 and run('-t', 'nonsense') == 100 and run('-w', '0') == 100 and run('more') == 100, 'wrong use: 100')
    ok(run() == 100, 'no sockets: 100')


def main(top):
    var = os.path.join(top, 'var')
    make_cert(os.path.join(var, 'tls', 'mail.example.org'), 'mail.example.org')
    make_cert(os.path.join(var, 'tls', 'other.example'), 'other.example', key='rsa')
    make_cert(os.path.join(var, 'tls', 'wild'), '*.wild.example')
    test_usage()
    ld = Listend(var, '-n', HOST, '-t', '127.0.0.0/8', '-w', '2')
    fds = ld.fds()
    smtp, sub, imap = (Backend(os.path.join(var, 'run', n)) for n in ('smtp', 'submission', 'imap'))
    test_plain(ld, smtp, imap)
    test_last_words(ld, smtp)
    test_tls(ld, smtp, imap)
    imap.sessions = queue.Queue()
    test_versions(ld)
    time.sleep(0.2)
    imap.sessions = queue.Queue()
    test_sni(ld, smtp, sub, imap)
    test_alpn(ld, imap)
    test_starttls(ld, smtp)
    test_injection(ld, smtp)
    test_client_cert(ld, var, sub, smtp)
    test_exporter(ld, imap)
    test_tickets(ld, imap, smtp, var)
    test_out_of_turn(ld, smtp)
    test_reload(ld, var, imap)
    imap, smtp = test_doors(ld, imap, smtp)
    test_rude(ld, imap, smtp, fds)
    ok(ld.stop() == 0, 'SIGTERM: stopped in order')
    for b in (smtp, sub, imap):
        b.close()
    for name, test in ('limits', test_proxy_and_limits), ('idle', test_idle), ('fds', test_descriptors):
        v = os.path.join(top, name)
        make_cert(os.path.join(v, 'tls', 'x'), 'mail.example.org')
        test(v)
    test_configured(os.path.join(top, 'configured'))
    os.makedirs(os.path.join(top, 'none'))
    test_no_certificate(os.path.join(top, 'none'))


with tempfile.TemporaryDirectory() as top:
    try:
        main(top)
    finally:
        for pid in RUNNING:
            os.kill(pid, signal.SIGKILL)
tap.done()
