"""A scriptable SMTP server that behaves as badly as a test asks it to.

    s = FakeSMTP(ip='127.0.0.1')            # s.port; several may listen
    s.reply['RCPT'] = '550 5.1.1 no'        # or a list, one a command, or a function of the line
    s.mails                                 # transactions it accepted: dicts from, to, body, params …
    s.stop()

What a step may be told to do, in `reply` under accept, GREETING, EHLO, HELO, STARTTLS,
AUTH, MAIL, RCPT, DATA, BODY (in the middle of a message), END (the message's end),
RSET, NOOP, QUIT, BDAT:
    'text'          the reply; several lines are divided by \\n and get their hyphens
    b'bytes'        written as they are
    CLOSE           close the connection, nothing said
    RESET           the same with RST
    SILENT          say nothing, and listen on
    (action, …)     one after the other; a number waits that many seconds
    function(line)  returns one of these
    [a, b, …]       one for each time; the last one stays. None: as usual
Options (attributes or keywords):
    extensions      what EHLO offers
    tls             an ssl.SSLContext: STARTTLS is offered; implicit=True: from the first byte
    half_tls        in the middle of the handshake: close
    flush           a liar about PIPELINING: input that came with a command is thrown away
    greeting_delay  seconds
    users           {name: password}: AUTH PLAIN and LOGIN are checked (others by `auth`, a function)
    dot             what ends a message (b'\\r\\n.\\r\\n')
Each connection is in s.sessions: .lines (commands as they came), .tls, .closed; s.sessions[i].flights is
how many pieces its bytes came in.
"""
import base64
import os
import socket
import ssl
import struct
import subprocess
import threading
import time


class _Action:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


CLOSE, RESET, SILENT = _Action('CLOSE'), _Action('RESET'), _Action('SILENT')

EXTENSIONS = ['PIPELINING', 'SIZE 52428800', 'ENHANCEDSTATUSCODES', '8BITMIME', 'SMTPUTF8', 'DSN']


class _Over(Exception):
    pass


def make_ca(folder, name='fake test authority'):
    """A certificate authority: folder/ca.pem and ca.key."""
    if not os.path.exists(folder + '/ca.pem'):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-keyout', folder + '/ca.key', '-out', folder + '/ca.pem', '-days', '30', '-subj', '/CN=' + name],
                       check=True, capture_output=True)
    return folder + '/ca.pem'


def make_cert(folder, *names, days=30):
    """A certificate for these names (addresses too), signed by the authority; an ssl.SSLContext with it."""
    make_ca(folder)
    stem = folder + '/' + names[0].replace('*', '_').replace(':', '_')
    san = ','.join(('IP:' if n.replace('.', '').isdigit() or ':' in n else 'DNS:') + n for n in names)
    subprocess.run(['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', stem + '.key', '-out', stem + '.csr', '-subj', '/CN=' + names[0]],
                   check=True, capture_output=True)
    with open(stem + '.ext', 'w') as f:
        f.write('subjectAltName=' + san + '\n')
    subprocess.run(['openssl', 'x509', '-req', '-in', stem + '.csr', '-CA', folder + '/ca.pem', '-CAkey', folder + '/ca.key',
                    '-CAcreateserial', '-out', stem + '.pem', '-days', str(days), '-extfile', stem + '.ext'],
                   check=True, capture_output=True)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(stem + '.pem', stem + '.key')
    return ctx


class _Session(threading.Thread):
    def __init__(self, server, sock, peer):
        super().__init__(daemon=True)
        self.server, self.sock, self.peer = server, sock, peer
        self.lines, self.buf = [], b''
        self.tls = self.closed = False
        self.flights = 0
        self.login = None
        self.reset()

    def reset(self):
        self.sender, self.to, self.params, self.rcpt_params, self.body = None, [], '', [], b''

    # --- bytes

    def fill(self):
        part = self.sock.recv(65536)
        if not part:
            raise _Over()
        self.flights += 1
        self.buf += part

    def line(self):
        while b'\n' not in self.buf:
            self.fill()
        one, self.buf = self.buf.split(b'\n', 1)
        if self.server.flush:
            self.buf = b''
        return one.rstrip(b'\r').decode('utf-8', 'replace')

    def write(self, data):
        self.sock.sendall(data)

    def say(self, what):
        """Do an action; True when something was said."""
        if what is SILENT:
            return False
        if what is CLOSE:
            raise _Over()
        if what is RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            raise _Over()
        if isinstance(what, (int, float)):
            time.sleep(what)
        elif isinstance(what, bytes):
            self.write(what)
        elif isinstance(what, tuple):
            for w in what:
                self.say(w)
        else:
            lines = what.split('\n')
            code = lines[0][:3]
            out = [lines[0]] + [code + ' ' + x for x in lines[1:]]
            for i, x in enumerate(out):
                self.write((x[:3] + ('-' if i + 1 < len(out) else ' ') + x[4:] + '\r\n').encode())
        return True

    def scripted(self, step, line=''):
        """What the script says of this step, or None."""
        with self.server.lock:
            r = self.server.reply.get(step)
            if isinstance(r, list):
                r = (r.pop(0) if len(r) > 1 else r[0]) if r else None
        return r(line) if callable(r) and not isinstance(r, _Action) else r

    def step(self, step, usual, line=''):
        """Say it; the code that was said, or None."""
        r = self.scripted(step, line)
        r = usual if r is None else r
        said = self.say(r)
        if isinstance(r, tuple):
            r = next((x for x in reversed(r) if isinstance(x, str)), '')
        return r[:3] if said and isinstance(r, str) else None

    # --- the dialogue

    def run(self):
        try:
            self.dialogue()
        except (_Over, OSError, ssl.SSLError, ValueError):
            pass
        finally:
            self.closed = True
            try:
                self.sock.close()
            except OSError:
                pass

    def begin_tls(self):
        if self.server.half_tls:
            self.sock.recv(16)
            raise _Over()
        self.buf = b''
        self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        self.tls = True

    def dialogue(self):
        a = self.scripted('accept')
        if a is not None:
            self.say(a)
        if self.server.implicit:
            self.begin_tls()
        if self.server.greeting_delay:
            time.sleep(self.server.greeting_delay)
        self.step('GREETING', '220 %s ESMTP fake' % self.server.name)
        while True:
            line = self.line()
            self.lines.append(line)
            verb = line.split(' ')[0].upper()
            getattr(self, 'do_' + verb, self.do_unknown)(line)

    def do_unknown(self, line):
        self.step(line.split(' ')[0].upper(), '500 5.5.1 what?', line)

    def do_EHLO(self, line):
        ext = list(self.server.extensions)
        if self.server.tls and not self.tls and not self.server.implicit:
            ext.append('STARTTLS')
        if self.server.auth_names and (self.tls or self.server.auth_plain):
            ext.append('AUTH ' + self.server.auth_names)
        ext += self.server.extensions_tls if self.tls else []
        self.reset()
        self.step('EHLO', '\n'.join(['250 ' + self.server.name] + ext), line)

    def do_HELO(self, line):
        self.reset()
        self.step('HELO', '250 ' + self.server.name, line)

    def do_STARTTLS(self, line):
        code = self.step('STARTTLS', '220 go' if self.server.tls else '502 no', line)
        if code == '220':
            if not self.server.tls:
                raise _Over()
            self.begin_tls()

    def do_AUTH(self, line):
        r = self.scripted('AUTH', line)
        if r is not None:
            self.say(r)
            return
        good = False
        words = line.split(' ')
        mech = words[1].upper()
        if self.server.auth is not None:
            good = self.server.auth(self, mech, words[2] if len(words) > 2 else None)
        elif mech == 'PLAIN':
            _, user, password = base64.b64decode(words[2]).decode().split('\0')
            good = self.server.users.get(user) == password
        elif mech == 'LOGIN':
            user = base64.b64decode(self.ask('VXNlcm5hbWU6')).decode()
            good = self.server.users.get(user) == base64.b64decode(self.ask('UGFzc3dvcmQ6')).decode()
        self.login = good
        self.say('235 2.7.0 in' if good else '535 5.7.8 wrong')

    def ask(self, challenge):
        self.say('334 ' + challenge)
        return self.line()

    def do_MAIL(self, line):
        code = self.step('MAIL', '250 2.1.0 ok', line)
        if code == '250':
            self.sender, _, self.params = line[line.index('<') + 1:].partition('>')
            self.params = self.params.strip()
            self.to, self.rcpt_params = [], []

    def do_RCPT(self, line):
        if self.sender is None and 'RCPT' not in self.server.reply:
            self.say('503 5.5.1 MAIL first')
            return
        code = self.step('RCPT', '250 2.1.5 ok', line)
        if code in ('250', '251'):
            to, _, params = line[line.index('<') + 1:].partition('>')
            self.to.append(to)
            self.rcpt_params.append(params.strip())

    def do_DATA(self, line):
        usual = '354 go' if self.to else '554 5.5.1 no valid recipients'
        if self.step('DATA', usual, line) != '354':
            return
        dot = self.server.dot
        body, i = bytearray(b'\r\n'), -1
        while i < 0:
            if not self.buf:
                self.fill()
            at = max(0, len(body) - len(dot))       # what is before was searched
            body += self.buf
            self.buf = b''
            b = self.scripted('BODY')
            if b is not None:
                self.body = bytes(body[2:])
                self.say(b)
            i = body.find(dot, at)
        self.buf = bytes(body[i + len(dot):])
        body = bytes(body[:i + len(dot)])
        self.body = body[2:-len(dot) + 2] if body != b'\r\n.\r\n' else b''
        self.body = b'\r\n'.join(x[1:] if x.startswith(b'.') else x for x in self.body.split(b'\r\n'))
        self.end(line)

    def do_BDAT(self, line):
        words = line.split(' ')
        n = int(words[1])
        while len(self.buf) < n:
            self.fill()
        self.body += self.buf[:n]
        self.buf = self.buf[n:]
        if len(words) > 2 and words[2].upper() == 'LAST':
            self.end(line)
        else:
            self.step('BDAT', '250 2.0.0 ok', line)

    def end(self, line):
        mail = {'from': self.sender, 'to': self.to, 'body': self.body, 'params': self.params, 'tls': self.tls,
                'rcpt_params': self.rcpt_params, 'session': self, 'at': time.time()}
        r = self.scripted('END', line)
        r = '250 2.0.0 queued' if r is None else r
        with self.server.lock:
            # counted when its end has come; `said` is what the client could hear of it
            mail['said'] = r
            self.server.ended.append(mail)
            if any(isinstance(x, str) and x[0] == '2' for x in (r if isinstance(r, tuple) else (r,))):
                self.server.mails.append(mail)
        self.reset()
        self.say(r)

    def do_RSET(self, line):
        self.reset()
        self.step('RSET', '250 2.0.0 ok', line)

    def do_NOOP(self, line):
        self.step('NOOP', '250 2.0.0 ok', line)

    def do_QUIT(self, line):
        self.step('QUIT', '221 2.0.0 bye', line)
        raise _Over()


class FakeSMTP:
    """One listener; threads serve it until stop()."""

    def __init__(self, ip='127.0.0.1', port=0, **options):
        self.name = 'mx.fake.example'
        self.reply = {}
        self.extensions = list(EXTENSIONS)
        self.extensions_tls = []
        self.tls, self.implicit, self.half_tls = None, False, False
        self.flush = False
        self.greeting_delay = 0
        self.users, self.auth, self.auth_names, self.auth_plain = {}, None, '', False
        self.dot = b'\r\n.\r\n'
        for k, v in options.items():
            if not hasattr(self, k):
                raise TypeError(k)
            setattr(self, k, v)
        self.lock = threading.Lock()
        self.mails, self.ended, self.sessions = [], [], []
        self.ip = ip
        self.sock = socket.socket(socket.AF_INET6 if ':' in ip else socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((ip, port))
        self.sock.listen(100)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, peer = self.sock.accept()
            except OSError:
                return
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s = _Session(self, c, peer)
            with self.lock:
                self.sessions.append(s)
            s.start()

    def commands(self, i=-1):
        """The commands of a session."""
        return self.sessions[i].lines

    def wait(self, n, seconds=30, what='mails'):
        """Until n messages are there; True if so."""
        end = time.time() + seconds
        while len(getattr(self, what)) < n and time.time() < end:
            time.sleep(0.01)
        return len(getattr(self, what)) >= n

    def clear(self):
        with self.lock:
            self.mails, self.ended, self.sessions = [], [], []
            self.reply = {}

    def stop(self):
        """No more connections; those that are there end."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for s in list(self.sessions):
            try:
                s.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
