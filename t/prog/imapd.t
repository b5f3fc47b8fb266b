#!/usr/bin/env python3
"""imapd through its descriptors: the conversations of t/imap, whole and byte by byte.

A conversation is lines of a client and of the server; several clients of one
account may take part (C2:, S2:), each with an imapd of its own.

    M: name         a message, on the lines that follow, each after "| "
    C: text         the client writes text and CRLF; {#name} is a message's size
    C<: name        the client writes the message and CRLF
    S: pattern      the server's next line; ... is anything, <word> the same each time
    S~: pattern     the same, other lines may come before it
    S<: name        the bytes of the message come next
    X: kill N       SIGTERM for client N's imapd
    X: drop BOX name   another program puts the message into BOX/new
    X: quota        (not a script's) see below
    E: -            the server closes the connection and exits with 0
"""
import base64, glob, os, random, re, select, shutil, signal, socket, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import BUILD, SOURCE, Tap

tap = Tap()
IMAPD = os.path.join(BUILD, "libexec/imapd/imapd")
TIMEOUT = 10


class Failed(Exception):
    pass


class Client:
    def __init__(self, var, n, slow, tag="login", input=b""):
        mine, theirs = socket.socketpair()
        env = {"PATH": os.environ["PATH"], "POSTHORN_VAR": var, "PEER_ACCOUNT": "user", "PEER_ID": "c%d" % n,
               "PEER_LOGIN": "user@localhost", "PEER_TAG": tag,
               "PEER_INPUT": base64.b64encode(input).decode()}
        for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if k in os.environ:
                env[k] = os.environ[k]
        wrap = os.environ.get("IMAPD_WRAP", "").split()
        self.log = open(os.path.join(var, "log.%d" % n), "wb")
        self.proc = subprocess.Popen(wrap + [IMAPD], stdin=theirs, stdout=theirs, stderr=self.log, cwd=var, env=env)
        theirs.close()
        self.sock, self.held, self.slow = mine, b"", slow
        self.sock.settimeout(TIMEOUT)

    def write(self, data):
        if not self.slow:
            self.sock.sendall(data)
            return
        for i in range(len(data)):
            self.sock.send(data[i:i + 1])

    def more(self):
        try:
            got = self.sock.recv(1 << 16)
        except socket.timeout:
            raise Failed("nothing came; held %r" % self.held)
        except ConnectionResetError:
            got = b""
        if not got:
            raise Failed("the connection was closed")
        self.held += got

    def line(self):
        while b"\r\n" not in self.held:
            self.more()
        line, self.held = self.held.split(b"\r\n", 1)
        return line.decode("utf-8", "surrogateescape")

    def take(self, n):
        while len(self.held) < n:
            self.more()
        got, self.held = self.held[:n], self.held[n:]
        return got

    def ended(self):
        if self.held:
            raise Failed("not read: %r" % self.held)
        try:
            if self.sock.recv(1):
                raise Failed("more came instead of the end")
        except ConnectionResetError:
            pass
        except socket.timeout:
            raise Failed("the connection stays open")
        code = self.proc.wait(TIMEOUT)
        if code != 0:
            raise Failed("exit code %d" % code)

    def close(self):
        self.sock.close()
        try:
            code = self.proc.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise Failed("it did not end when the client was gone")
        self.log.close()
        if code != 0:
            raise Failed("exit code %d at the end" % code)


def make_var():
    var = tempfile.mkdtemp(prefix="imapd.")
    os.mkdir(os.path.join(var, "accounts"))
    subprocess.run([os.path.join(BUILD, "t/imap/mkaccount"), os.path.join(var, "accounts/user")], check=True)
    return var


def verify(var):
    """The index says what the files say."""
    r = subprocess.run([os.path.join(BUILD, "libexec/verbs/verify"), "user"], cwd=var, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, env={**os.environ, "POSTHORN_VAR": var})
    if r.returncode != 0:
        raise Failed("posthorn verify: %s" % r.stdout.decode())


class Script:
    def __init__(self, path, slow):
        self.path, self.slow = path, slow
        self.clients, self.messages, self.words = {}, {}, {}
        self.var = make_var()

    def client(self, n):
        if n not in self.clients:
            self.clients[n] = c = Client(self.var, n, self.slow)
            if not re.fullmatch(r"login OK \[CAPABILITY IMAP4rev1 [^]]*\] .*", c.line()):
                raise Failed("no answer to the login")
        return self.clients[n]

    def fill(self, text):
        text = re.sub(r"\{(~?)#(\w+)(\+?)\}",
                      lambda m: "%s{%d%s}" % (m[1], len(self.messages[m[2]]), m[3]), text)
        return re.sub(r"<(\w+)>", lambda m: self.words.get(m[1], m[0]), text)

    def match(self, pattern, line):
        out, names = "", []
        for part in re.split(r"(\.\.\.|<[a-z]\w*>)", self.fill(pattern)):
            if part == "...":
                out += ".*"
            elif re.fullmatch(r"<[a-z]\w*>", part):
                names.append(part[1:-1])
                out += r"(?P<%s>[^ \]\)]+)" % part[1:-1] if names.count(part[1:-1]) == 1 else "(?P=%s)" % part[1:-1]
            else:
                out += re.escape(part)
        m = re.fullmatch(out, line)
        if m:
            self.words.update(m.groupdict())
        return m is not None

    def step(self, kind, n, text):
        if kind == "C":
            self.client(n).write(self.fill(text).encode("utf-8") + b"\r\n")
        elif kind == "C<":
            self.client(n).write(self.messages[text] + b"\r\n")
        elif kind == "S":
            line = self.client(n).line()
            if not self.match(text, line):
                raise Failed("got  %s\n# want %s" % (line, self.fill(text)))
        elif kind == "S~":
            seen = []
            while True:
                try:
                    line = self.client(n).line()
                except Failed as e:
                    raise Failed("%s\n# before %s came\n# %s" % (e, self.fill(text), "\n# ".join(seen)))
                if self.match(text, line):
                    break
                seen.append(line)
        elif kind == "S<":
            want = self.messages[text]
            got = self.client(n).take(len(want))
            if got != want:
                raise Failed("got  %r\n# want %r" % (got, want))
        elif kind == "E":
            self.client(n).ended()
        elif kind == "X":
            self.extra(text.split())
        else:
            raise Failed("what is %s?" % kind)

    def extra(self, words):
        if words[0] == "kill":
            self.clients[int(words[1])].proc.send_signal(signal.SIGTERM)
        elif words[0] == "drop":
            name = "%d.%d_%d.elsewhere" % (time.time(), os.getpid(), len(os.listdir("/proc")))
            box = os.path.join(self.var, "accounts/user/mail", words[1])
            with open(os.path.join(box, "tmp", name), "wb") as f:
                f.write(self.messages[words[2]])
            os.rename(os.path.join(box, "tmp", name), os.path.join(box, "new", name))
        elif words[0] == "hangup":
            c = self.clients.pop(int(words[1]))
            c.close()
        else:
            raise Failed("what is %s?" % words[0])

    def run(self):
        message = None
        try:
            for number, line in enumerate(open(self.path, encoding="utf-8"), 1):
                line = line.rstrip("\n")
                if message is not None and line.startswith("|"):
                    self.messages[message] += line[2:].encode("utf-8") + b"\r\n"
                    continue
                message = None
                if not line or line.startswith("#"):
                    continue
                m = re.fullmatch(r"([A-Z])(\d*)([<~]?): ?(.*)", line)
                if not m:
                    raise Failed("line %d: not understood: %s" % (number, line))
                if m[1] == "M":
                    message = m[4]
                    self.messages[message] = b""
                    continue
                try:
                    self.step(m[1] + m[3], int(m[2] or 1), m[4])
                except Failed as e:
                    raise Failed("line %d: %s" % (number, e))
            for c in self.clients.values():
                if c.held:
                    raise Failed("not read: %r" % c.held)
        finally:
            try:
                for c in self.clients.values():
                    c.close()
                verify(self.var)
            finally:
                if os.environ.get("KEEP"):
                    print("# kept " + self.var)
                else:
                    shutil.rmtree(self.var)


def attempt(name, run):
    try:
        run()
        return tap.ok(True, name)
    except Failed as e:
        return tap.ok(False, name, str(e))


def test_preauth(var):
    c = Client(var, 90, False, tag="", input=b"a NOOP\r\nb LOGOUT\r\n")
    for want in (r"\* PREAUTH \[CAPABILITY IMAP4rev1 .*\] .*", r"a OK .*", r"\* BYE .*", r"b OK .*"):
        line = c.line()
        if not re.fullmatch(want, line):
            raise Failed("got %s" % line)
    c.ended()
    c.close()


TOKENS = [b"(", b")", b'"', b"\\", b"{3+}\r\nabc", b"*", b"%", b"1:*", b" ", b"<0.5>", b"[]", b"[1.2.HEADER]", b"NIL",
          b"UID ", b"\0", b"\xff", b"~{1+}\r\nx", b"4294967295", b"BODY[HEADER.FIELDS (x)]", b"OR ", b"NOT ", b"&AAA-"]


def mutated(rng, lines):
    line = rng.choice(lines)
    for _ in range(rng.choice([0, 1, 1, 2, 4])):
        at = rng.randint(0, len(line))
        line = rng.choice([line[:at] + rng.choice(TOKENS) + line[at:], line[:at] + line[at + 1:],
                           line[:at] + rng.choice(lines)[at:]])
    return line + b"\r\n"


def test_nonsense(var):
    """Commands of the conversations with bytes added, lost and mixed: every session ends as it should."""
    rng, lines = random.Random(3501), []
    for path in glob.glob(os.path.join(SOURCE, "t/imap/*.txt")):
        found = re.findall(r"^C\d*: ?(.*)$", open(path, encoding="utf-8").read(), re.M)
        lines += [re.sub(r"\{#\w+\+?\}", "{20+}\r\nSubject: x\r\n\r\nabcdef", x).encode()
                  for x in found if "LOGOUT" not in x and "IDLE" not in x]
    for i in range(20):
        c = Client(var, 200 + i, False)
        said = b"a SELECT INBOX\r\n" + b"".join(mutated(rng, lines) for _ in range(100))
        writer = threading.Thread(target=lambda: (c.sock.sendall(said), c.sock.shutdown(socket.SHUT_WR)))
        writer.start()
        try:
            while c.sock.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        writer.join()
        c.close()
    verify(var)


def test_broken(var):
    """An account that cannot be opened: the client hears of it, the exit code says temporary."""
    path = os.path.join(var, "accounts/user")
    shutil.rmtree(path)
    open(path, "w").close()
    c = Client(var, 91, False)
    for want in (r"login NO \[UNAVAILABLE\] .*", r"\* BYE .*"):
        line = c.line()
        if not re.fullmatch(want, line):
            raise Failed("got %s" % line)
    if c.proc.wait(TIMEOUT) != 111:
        raise Failed("exit code %d" % c.proc.returncode)
    c.sock.close()
    c.log.close()


class Model:
    """A client that believes what it is told, and notices when two things told disagree."""

    def __init__(self, var, n, rng):
        self.c, self.rng, self.n = Client(var, n, False), rng, n
        self.c.line()
        self.uids, self.count, self.running = [], 0, ""
        self.do("SELECT INBOX")

    def told(self, line):
        m = re.fullmatch(r"\* (\d+) (EXISTS|EXPUNGE|FETCH)( \(UID (\d+) FLAGS \(([^)]*)\)\))?", line)
        if not m:
            return
        seq = int(m[1])
        if m[2] == "EXISTS":
            if seq < len(self.uids):
                raise Failed("EXISTS %d below what it was, %d" % (seq, len(self.uids)))
            self.uids += [None] * (seq - len(self.uids))
        elif seq < 1 or seq > len(self.uids):
            raise Failed("client %d has %d messages and is told %s" % (self.n, len(self.uids), line))
        elif m[2] == "EXPUNGE":
            if re.match("FETCH|STORE|SEARCH", self.running):
                raise Failed("EXPUNGE during " + self.running)
            del self.uids[seq - 1]
        else:
            uid = int(m[4])
            if self.uids[seq - 1] not in (None, uid):
                raise Failed("client %d: %s, but it was UID %s" % (self.n, line, self.uids[seq - 1]))
            self.uids[seq - 1] = uid

    def do(self, command):
        self.running, self.count = command, self.count + 1
        if command.startswith("SELECT"):
            self.uids = []
        tag = "t%d" % self.count
        self.c.write(("%s %s\r\n" % (tag, command)).encode())
        while True:
            line = self.c.line()
            if line.startswith(tag + " "):
                if line.startswith(tag + " BAD"):
                    raise Failed("%s: %s" % (command, line))
                return line
            self.told(line)

    def step(self):
        n = len(self.uids)
        some = "%d:%d" % tuple(sorted(self.rng.choice([1, n, self.rng.randint(1, max(n, 1))]) for _ in "ab")) if n else "1:*"
        flag = self.rng.choice(["\\Deleted", "\\Flagged", "\\Deleted", "work"])
        self.do(self.rng.choice([
            "NOOP", "FETCH %s FLAGS" % some, "UID FETCH 1:* FLAGS", "SEARCH ALL", "CHECK",
            "STORE %s +FLAGS (%s)" % (some, flag), "STORE %s -FLAGS.SILENT (%s)" % (some, flag),
            "UID COPY %d:* Archive" % self.rng.randint(1, 100), "UID MOVE %d Archive" % self.rng.randint(1, 200),
            "EXPUNGE", "UID EXPUNGE %d:%d" % (self.rng.randint(1, 50), self.rng.randint(50, 200)),
            "APPEND INBOX {15+}\r\nSubject: x\r\n\r\ny", "APPEND INBOX (\\Seen) {15+}\r\nSubject: x\r\n\r\nz",
            "STATUS Archive (MESSAGES)", "SELECT INBOX" if self.rng.random() < .2 else "NOOP"]) if n else
            "APPEND INBOX {15+}\r\nSubject: x\r\n\r\ny")


def test_many(var):
    models = [Model(var, 100 + i, random.Random(i)) for i in range(4)]
    failures = []

    def work(m):
        try:
            for _ in range(400):
                m.step()
        except Failed as e:
            failures.append(e)

    for _ in range(60):
        models[0].do("APPEND INBOX {15+}\r\nSubject: x\r\n\r\ny")
    threads = [threading.Thread(target=work, args=(m,)) for m in models]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]
    for m in models:
        m.do("NOOP")
    for m in models:
        m.do("UID FETCH 1:* FLAGS")
    for m in models[1:]:
        if m.uids != models[0].uids:
            raise Failed("clients believe different things: %r %r" % (m.uids, models[0].uids))
    for m in models:
        m.c.close()


def main():
    only = sys.argv[1:] or os.environ.get("IMAP_SCRIPTS", "").split()
    scripts = sorted(glob.glob(os.path.join(SOURCE, "t/imap/*.txt")))
    for path in scripts:
        name = os.path.basename(path)[:-4]
        if only and name not in only:
            continue
        for slow in (False, True):
            if not attempt("%s, %s" % (name, "byte by byte" if slow else "whole"), Script(path, slow).run):
                break
    if not only:
        var = make_var()
        attempt("a client that is known already, with input", lambda: test_preauth(var))
        attempt("four clients at once", lambda: test_many(var))
        attempt("nonsense", lambda: test_nonsense(var))
        attempt("an account that cannot be opened", lambda: test_broken(var))
        shutil.rmtree(var)
    tap.done()


main()
