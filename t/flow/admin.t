#!/usr/bin/env python3
"""Changes by the verbs while everything runs: the next delivery, the next login see them."""
import imaplib
import os
import select
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/lib"))
from ports import free_base

BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
POSTHORN = os.path.join(BUILD, "bin/posthorn")
count = failed = 0


def ok(good, name, more=""):
    global count, failed
    count += 1
    if not good:
        failed += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good and more:
        print("# " + str(more).replace("\n", "\n# "), flush=True)


class Local:
    def __init__(self):
        self.top = tempfile.mkdtemp()
        self.dir = self.top + "/ph"
        self.base = free_base()
        self.log = open(self.top + "/log", "a+", encoding="utf-8")
        self.p = subprocess.Popen([POSTHORN, "localserve", "-d", self.dir, "-p", str(self.base)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        text, end = b"", time.time() + 40
        while b"\nready\n" not in text and time.time() < end:
            if select.select([self.p.stdout], [], [], 1)[0]:
                part = os.read(self.p.stdout.fileno(), 65536)
                if not part:
                    break
                text += part
        self.ready = b"\nready\n" in text

    def verb(self, *args, given=""):
        r = subprocess.run([POSTHORN, "-C", self.dir, *args], input=given, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=60)
        return r.returncode, r.stdout

    def good(self, *args, given=""):
        code, text = self.verb(*args, given=given)
        if code != 0:
            ok(False, "posthorn " + " ".join(args), text)

    def send(self, *rcpts, sender="a@example.com", msg_from="a@example.com", subject="x"):
        """The reply to RCPT (250 when all were taken), then to the message."""
        with smtplib.SMTP("127.0.0.1", self.base + 25, timeout=30) as s:
            s.ehlo("client.example")
            s.mail(sender)
            for r in rcpts:
                code, text = s.rcpt(r)
                if code != 250:
                    return code, text
            return s.data(f"From: {msg_from}\r\nSubject: {subject}\r\n\r\nx\r\n".encode())

    def login(self, user, password):
        """An IMAP session, or the refusal's text."""
        m = imaplib.IMAP4("127.0.0.1", self.base + 143, timeout=30)
        try:
            m.starttls()
            m.login(user, password)
            return m
        except imaplib.IMAP4.error as e:
            m.shutdown()
            return str(e)

    def exists(self, user, password, mailbox="INBOX"):
        m = self.login(user, password)
        if isinstance(m, str):
            return m
        typ, data = m.select(mailbox)
        m.logout()
        return int(data[0]) if typ == "OK" else typ

    def end(self):
        self.p.terminate()
        try:
            self.p.wait(30)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        if failed:
            self.log.seek(0)
            print("# " + self.log.read()[-6000:].replace("\n", "\n# "))
        shutil.rmtree(self.top)


def test_account(h):
    ok(h.send("ann@localhost")[0] == 550, "nobody called ann yet")
    ok("ann" not in h.verb("account", "list")[1], "no account either")
    h.good("account", "add", "ann", "ann@localhost")
    h.good("passwd", "ann", given="correct horse\n")
    ok(h.send("ann@localhost")[0] == 250, "mail for a new account is taken at once")
    got = h.exists("ann@localhost", "correct horse")
    ok(got == 1, "and read there", got)
    h.good("address", "add", "-m", "Lists/a", "ann", "lists@localhost")
    ok(h.send("lists+x@localhost")[0] == 250, "a new address")
    got = h.exists("lists@localhost", "correct horse", "Lists/a")
    ok(got == 1, "logs in as well, and has a mailbox of its own", got)
    h.good("account", "disable", "ann", "gone fishing")
    got = h.login("ann@localhost", "correct horse")
    ok(isinstance(got, str) and "gone fishing" in got, "a disabled login is told why", got)
    got = h.login("ann@localhost", "wrong horse")
    ok(isinstance(got, str) and "gone fishing" not in got, "only with the right password", got)
    ok(h.send("ann@localhost")[0] == 250, "mail is still taken")
    h.good("account", "enable", "ann")
    got = h.exists("ann@localhost", "correct horse")
    ok(got == 2, "and read when enabled again", got)


def test_quota(h):
    h.good("account", "quota", "ann", "100")
    got = h.send("ann@localhost")
    ok(got[0] == 452 or got[0] == 552, "over a new quota", got)
    h.good("account", "quota", "ann", "default")
    ok(h.send("ann@localhost")[0] == 250, "and without it")


def test_alias(h):
    before = h.exists("user@localhost", "posthorn")
    h.good("alias", "add", "team@localhost", "ann@localhost", "user@localhost")
    ok(h.send("team@localhost")[0] == 550, "an alias refuses strangers")
    h.good("alias", "set", "team@localhost", "post-public", "true")
    ok(h.send("team@localhost")[0] == 250, "unless told otherwise")
    ok(h.exists("user@localhost", "posthorn") == before + 1, "each member has it")
    got = h.login("team@localhost", "posthorn")
    ok(isinstance(got, str), "nobody logs in as an alias", got)
    code, text = h.verb("account", "rm", "ann")
    ok(code == 100 and "alias team@localhost" in text, "a member cannot be removed", text)


def test_domain(h):
    ok(h.send("ann@other.example")[0] == 550, "a domain not ours")
    h.good("domain", "add", "other.example")
    h.good("domain", "catch-all", "other.example", "user@localhost")
    ok(h.send("who@other.example")[0] == 250, "a new domain with a catch-all")
    h.good("domain", "disable", "other.example")
    ok(h.send("who@other.example")[0] == 450, "a disabled one says to come again")
    h.good("domain", "rm", "other.example")
    ok(h.send("who@other.example")[0] == 550, "and is forgotten")


def test_removed(h):
    h.good("alias", "rm", "team@localhost")
    h.good("account", "rm", "--delete-mail", "ann")
    ok(h.send("ann@localhost")[0] == 550, "a removed account takes no mail")
    ok(isinstance(h.login("ann@localhost", "correct horse"), str), "nor a login")
    h.good("account", "add", "ann", "ann@localhost")
    ok(isinstance(h.login("ann@localhost", "correct horse"), str), "the next of that name does not have its password")
    h.good("passwd", "ann", given="another horse\n")
    got = h.exists("ann@localhost", "another horse")
    ok(got == 0, "nor its mail", got)


local = Local()
try:
    ok(local.ready, "localserve is ready")
    test_account(local)
    test_quota(local)
    test_alias(local)
    test_domain(local)
    test_removed(local)
finally:
    local.end()
print(f"1..{count}")
sys.exit(failed != 0)
