#!/usr/bin/env python3
"""posthorn config: every kind of error named with file and line, all at once;
a failed build keeps the old database; a build of what changed equals a full
one; builds and readers at the same time; a build killed at any moment."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import BUILD, Tap

tap = Tap()
ok = tap.ok
CONFIG = f"{BUILD}/libexec/verbs/config"


class Home:
    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="config.")
        self.etc = self.top + "/etc"
        for d in ("/etc/domains", "/etc/accounts", "/var", "/var2"):
            os.makedirs(self.top + d)
        self.write("posthorn.conf", "hostname = mail.example.org\nseparators = \"+\"\n"
                   "postmaster { account = joe }\nlistener public { address = 127.0.0.1 smtp = 25 }\n")
        self.write("domains/example.org.conf", "")
        self.write("accounts/joe.conf", "address joe@example.org { }\nsystem-users = { joe }\n")

    def write(self, name, text):
        """As verbs and editors do it, by rename."""
        with open(f"{self.etc}/{name}.tmp", "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write(text)
        os.rename(f"{self.etc}/{name}.tmp", f"{self.etc}/{name}")

    def remove(self, name):
        os.unlink(f"{self.etc}/{name}")

    def run(self, *args, var="var", **kw):
        env = dict(os.environ, POSTHORN_ETC=self.etc, POSTHORN_VAR=f"{self.top}/{var}")
        return subprocess.run([CONFIG, *args], env=env, capture_output=True, text=True, timeout=60, **kw)

    def popen(self, *args):
        env = dict(os.environ, POSTHORN_ETC=self.etc, POSTHORN_VAR=self.top + "/var")
        return subprocess.Popen([CONFIG, *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def dump(self, var="var"):
        """All records but the stamps of the files, which tell when they were read."""
        return [line for line in self.run("dump", var=var).stdout.split("\n") if not line.startswith("f")]

    def db(self):
        """Both files, byte for byte."""
        out = []
        for name in ("config.tdb", "config.delta.tdb"):
            if os.path.exists(f"{self.top}/var/{name}"):
                with open(f"{self.top}/var/{name}", "rb") as f:
                    out.append(f.read())
        return out

    def free(self):
        shutil.rmtree(self.top)


# --- one kind of error a row: file, text, line of the error, what is said of it
ERRORS = [
    ("unknown option", "accounts/x.conf", "full-nam = x\n", 1, "unknown option full-nam"),
    ("unknown section", "accounts/x.conf", "\nadress joe@x { }\n", 2, "unknown section adress"),
    ("unknown option in a section", "accounts/x.conf", "address x@example.org {\n mailbx = x\n}\n", 2, "unknown option mailbx"),
    ("option given twice", "accounts/x.conf", "quota = 1\n\nquota = 2\n", 3, "quota is already in line 1"),
    ("section given twice", "accounts/x.conf", "address x@example.org {}\naddress x@example.org {}\n", 2, "is already in line 1"),
    ("the same address spelled twice", "accounts/x.conf", "address x@example.org {}\naddress X@Example.org {}\n", 2,
     "x@example.org is already in TOP/etc/accounts/x.conf:1"),
    ("address of another account", "accounts/x.conf", "\naddress Joe@example.org {}\n", 2,
     "joe@example.org is already in TOP/etc/accounts/joe.conf:1"),
    ("alias that is an address", "domains/example.org.conf", "alias joe { members = joe@example.org }\n", None,
     "joe@example.org is already in TOP/etc/domains/example.org.conf:1"),
    ("missing brace at the end", "accounts/x.conf", "quota = 1\naddress x@example.org {\n", 2, "not closed: a } is missing"),
    ("missing brace of a list", "domains/example.org.conf", "alias x { members = { joe@example.org\n}", 1, "alias: the section is not closed"),
    ("brace too many", "accounts/x.conf", "quota = 1\n}\n", 2, "closes nothing"),
    ("string not closed", "accounts/x.conf", "full-name = \"x\nquota = 1\n", 1, "not closed"),
    ("comment not closed", "accounts/x.conf", "quota = 1 /* x\n", 1, "does not end"),
    ("value missing", "accounts/x.conf", "quota =\n\n", 1, "a value is missing"),
    ("comma missing", "domains/example.org.conf", "alias x { members = { joe@example.org joe@example.org } }\n", 1, "comma is missing"),
    ("comma too many", "domains/example.org.conf", "alias x { members = { joe@example.org, } }\n", 1, "comma without"),
    ("+=", "accounts/x.conf", "quota += 5\n", 1, "quota: = or { expected"),
    ("variable", "accounts/x.conf", "full-name = \"${HOME}\"\n", 1, "variables are not taken"),
    ("function", "posthorn.conf", "hostname = x\ninclude(\"/etc/passwd\")\n", 2, "include"),
    ("list for one value", "accounts/x.conf", "quota = { 1, 2 }\n", 1, "takes one value"),
    ("option as section", "accounts/x.conf", "quota { }\n", 1, "is an option"),
    ("section as option", "accounts/x.conf", "address = x@example.org\n", 1, "is a section"),
    ("section without its name", "accounts/x.conf", "address { }\n", 1, "needs a name"),
    ("section with a name too many", "posthorn.conf", "hostname = x.example\npostmaster x { account = joe }\n", 2, "takes no name"),
    ("an error behind comments", "domains/example.org.conf", "# a\n/* b\n */ // c\nalias x { # d\n members = { # e\n joe@example.org } }\ndisabled = x # f\n", 7,
     "is not true or false"),
    ("bad boolean", "domains/example.org.conf", "disabled = maybe\n", 1, "is not true or false"),
    ("bad size", "accounts/x.conf", "quota = -5\n", 1, "is not a size"),
    ("size too large", "accounts/x.conf", "quota = 99999999999999999999G\n", 1, "is not a size"),
    ("bad port", "posthorn.conf", "hostname = x.example\nlistener a { address = 127.0.0.1 smtp = 65536 }\n", 2, "is not a port"),
    ("bad number", "posthorn.conf", "hostname = x.example\nauth-failures-per-day = x\n", 2, "is not a number"),
    ("bad IP address", "posthorn.conf", "hostname = x.example\nlistener a { address = { 127.0.0.1, 127.0.0 } }\n", 2, "\"127.0.0\" is not an IP address"),
    ("bad network", "posthorn.conf", "hostname = x.example\nlistener a { address = 127.0.0.1\n trusted = 10.0.0.0/33 }\n", 3, "is not an IP address or network"),
    ("bad host name", "posthorn.conf", "hostname = -x\n", 1, "is not a host name"),
    ("option missing", "posthorn.conf", "separators = \"\"\n", None, "hostname is missing"),
    ("option of a section missing", "posthorn.conf", "hostname = x.example\nlistener a { }\n", 2, "address is missing"),
    ("bad address", "accounts/x.conf", "address x { }\n", 1, "is not an address"),
    ("separator in an address", "accounts/x.conf", "address \"x+y@example.org\" { }\n", 1, "hold no separator"),
    ("separator in an alias", "domains/example.org.conf", "alias \"x+y\" { members = joe@example.org }\n", 1, "hold no separator"),
    ("alias with a domain", "domains/example.org.conf", "alias x@example.org { members = joe@example.org }\n", 1, "only the localpart"),
    ("domain not ours", "accounts/x.conf", "address x@example.com { }\n", 1, "example.com is not a domain of ours"),
    ("member that does not exist", "domains/example.org.conf", "alias x {\n members = { joe@example.org,\n who@example.org } }\n", 3,
     "alias x@example.org: who@example.org is not an address"),
    ("member that is an alias", "domains/example.org.conf", "alias x { members = joe@example.org }\nalias y { members = x@example.org }\n", 2, "is an alias itself"),
    ("no members", "domains/example.org.conf", "alias x { members = { } }\n", 1, "members is empty"),
    ("catch-all that does not exist", "domains/example.org.conf", "catch-all = who@example.org\n", 1, "catch-all of example.org: who@example.org is not"),
    ("mailbox with a dot-dot", "accounts/x.conf", "address x@example.org { mailbox = a/../b }\n", 1, "is not a mailbox name"),
    ("bad SMTP error", "accounts/x.conf", "address x@example.org { smtp-error = 250 }\n", 1, "is not 421 or 550"),
    ("SMTP error and mailbox", "accounts/x.conf", "address x@example.org { smtp-error = 550\n mailbox = x }\n", 2, "exclude each other"),
    ("account's name", "accounts/.x..y.conf", "", None, None),
    ("account's name with a space", "accounts/x y.conf", "", None, "file's name must be"),
    ("domain's name in capitals", "domains/Example.net.conf", "", None, "file's name must be"),
    ("a domain that IDNA does not know", "domains/xn--a.example.conf", "", None, "is not that of a domain"),
    ("an international domain in capitals", "domains/B\u00dcCHER.example.conf".replace("BU", "bu").replace("CHER", "cher"), "", None, "but this would be: b\u00fccher.example"),
    ("not UTF-8", "accounts/x.conf", "full-name = \"\udcff\"\n", None, "is not text in UTF-8"),
    ("a port to call that is 0", "posthorn.conf", "hostname = x.example\noutgoing-ports = { 25, 0 }\n", 2, "0 is no port to call"),
    ("too many ports to call", "posthorn.conf", "hostname = x.example\noutgoing-ports = { 1, 2, 3, 4, 5 }\n", 2, "1 to 4 ports"),
    ("no port to call", "posthorn.conf", "hostname = x.example\noutgoing-ports = { }\n", 2, "1 to 4 ports"),
    ("no connection at all", "posthorn.conf", "hostname = x.example\noutgoing-connections = 0\n", 2, "must be 1 at least"),
    ("a forwarder that is a name", "posthorn.conf", "hostname = x.example\ndns { forwarder = { dns.example } }\n", 2, "is not an IP address, or ADDRESS@PORT"),
    ("a forwarder's port", "posthorn.conf", "hostname = x.example\ndns {\n forwarder = { 127.0.0.1,\n \"127.0.0.1@70000\" } }\n", 4, "is not an IP address, or ADDRESS@PORT"),
    ("a stub without a server", "posthorn.conf", "hostname = x.example\ndns { stub = { \"example.\" } }\n", 2, "is not a zone, a space"),
    ("a stub of no zone", "posthorn.conf", "hostname = x.example\ndns { stub = { \"-x 127.0.0.1\" } }\n", 2, "is not a zone, a space"),
    ("a zone file that is not there", "posthorn.conf", "hostname = x.example\ndns { zone-file = { nowhere.zone } }\n", 2, "nowhere.zone: No such file"),
    ("a trust anchor", "posthorn.conf", "hostname = x.example\ndns { trust-anchor = { \"example. A 192.0.2.1\" } }\n", 2, "is not a DS or DNSKEY"),
    ("a transport without its kind", "posthorn.conf", "hostname = x.example\n\ntransport a { }\n", 3, "kind is missing"),
    ("an unknown kind", "posthorn.conf", "hostname = x.example\ntransport a { kind = or }\n", 2, "is not submissions, submission, smtp, direct or fail"),
    ("a transport without its host", "posthorn.conf", "hostname = x.example\ntransport a { kind = smtp }\n", 2, "host is missing"),
    ("a host that is none", "posthorn.conf", "hostname = x.example\ntransport a { kind = smtp host = \"a b\" }\n", 2, "is not a host name or an IP address"),
    ("what is nothing for its kind", "posthorn.conf", "hostname = x.example\ntransport a { kind = direct\n host = x.example }\n", 3, "host is nothing for a transport of kind direct"),
    ("submissions without TLS", "posthorn.conf", "hostname = x.example\ntransport a { kind = submissions host = x.example\n tls = off }\n", 3, "always with TLS"),
    ("mechanisms without a user", "posthorn.conf", "hostname = x.example\ntransport a { kind = smtp host = x.example mechanisms = { PLAIN } }\n", 2, "without a user"),
    ("an unknown mechanism", "posthorn.conf", "hostname = x.example\ntransport a { kind = smtp host = x.example user = a mechanisms = { GSSAPI } }\n", 2, "\"GSSAPI\" is not SCRAM-SHA-256-PLUS"),
    ("direct over nothing", "posthorn.conf", "hostname = x.example\ntransport a { kind = direct ipv4 = no ipv6 = no }\n", 2, "neither ipv4 nor ipv6"),
    ("a code that is no failure", "posthorn.conf", "hostname = x.example\ntransport a { kind = fail code = 250 }\n", 2, "code: 400 to 599"),
    ("a certificate that is not there", "posthorn.conf", "hostname = x.example\ntransport a { kind = smtp host = x.example ca-file = no.pem }\n", 2, "no.pem: No such file"),
    ("a route without a transport", "posthorn.conf", "hostname = x.example\nroute a { }\n", 2, "transport is missing"),
    ("a route to no transport", "posthorn.conf", "hostname = x.example\ntransport b { kind = fail }\nroute a { transport = c }\n", 3, "route a: there is no transport c"),
    ("a route's domain", "posthorn.conf", "hostname = x.example\ntransport b { kind = fail }\nroute a { to-domain = { \"..x\" } transport = b }\n", 3, "is not a domain, or one with a dot"),
    ("a system user of another account", "accounts/x.conf", "quota = 1\nsystem-users = { a,\n joe }\n", 3,
     "system user joe is already in TOP/etc/accounts/joe.conf:2"),
    ("a system user twice", "accounts/x.conf", "system-users = { a, a }\n", 1, "system user a is already in"),
    ("a system user that is none", "accounts/x.conf", "system-users = { \"a:b\" }\n", 1, "is not the name of a user"),
    ("postmaster's account", "posthorn.conf", "hostname = x.example\n\npostmaster { account = who }\n", 3, "there is no account who"),
]


def test_errors():
    for name, path, text, line, want in ERRORS:
        h = Home()
        h.write(path, text)
        r = h.run("check")
        if want is None:
            ok(r.returncode == 0, f"{name}: not a file of ours", r.stderr)
        else:
            place = f"{h.etc}/{path}" + (f":{line}: " if line else ":")
            want = want.replace("TOP", h.top)
            hits = [x for x in r.stderr.split("\n") if want in x and (line is None or x.startswith(place))]
            ok(r.returncode == 100 and hits, f"{name}: named with file and line", f"want {place} {want}\n{r.stderr}")
            b = h.run("build")
            ok(b.returncode == 100 and b.stderr == r.stderr and not os.path.exists(h.top + "/var/config.tdb"),
               f"{name}: build says the same and builds nothing", b.stderr)
        h.free()


def test_fine():
    h = Home()
    h.write("accounts/x.conf", "# c\n// c\n/* { \n */\nfull-name = 'a \"b\" \\' {'\nquota = 1M # \"\n"
            "address \"x@example.org\" { /* } */ mailbox = \"A/b c\" }\r\naddress 'y@example.org' { }\n")
    h.write("domains/b\u00fccher.example.conf", "separators = \"\"\ncatch-all = y@example.org\nalias t { # a\n members = { # b\n \"joe@example.org\" /* { */ , // c\n x@example.org # d\n } }")
    h.write("accounts/x.conf~", "backup")
    h.write("accounts/.x.conf", "{{{")
    r = h.run("check")
    ok(r.returncode == 0 and r.stderr == "", "comments, quotes, backups of editors are fine", r.stderr)
    h.run("build")
    r = h.run("show", "nobody+x@b\u00fccher.example")
    ok("account = x" in r.stdout and "catch-all = true" in r.stdout, "what was built is shown", r.stdout + r.stderr)
    ok(h.run("show", "X+y@Example.ORG").stdout.split("\n")[3] == "mailbox = A/b c", "a mailbox with a space")
    ok(h.run("show", "who@example.com").returncode == 100, "an address not ours")
    h.write("lab.zone", "")
    h.write("posthorn.conf", "hostname = mail.example.org\ndns { zone-file = { lab.zone } }\n"
            "transport relay { kind = submissions host = relay.example.net }\nroute all { transport = relay }\n"
            "listener public { address = 127.0.0.1 smtp = 25 }\n")
    h.run("build")
    shown = h.run("show").stdout.split("\n")
    ok({"outgoing-ports = 25", f"dns.zone-file = {h.etc}/lab.zone", "transport.relay.port = 465", "route.all.transport = relay"} <= set(shown),
       "ports, DNS, transports and routes are shown", "\n".join(shown))
    ok(h.run("show", "route.all.transport").stdout == "relay\n", "one of them")
    ok(h.run("show", "listener.public.smtp").stdout == "25\n", "one setting")
    ok(h.run("show", "nonsense").returncode == 100, "no such setting")
    ok(h.run("check", "x").returncode == 100 and h.run("sing").returncode == 100 and h.run().returncode == 100 and
       h.run("build", "-x").returncode == 100, "wrong use is 100")
    h.free()


def test_all_at_once():
    h = Home()
    h.run("build")
    before, dump = h.db(), h.dump()
    h.write("posthorn.conf", "hostname = mail.example.org\nlistner public { }\npostmaster { account = who }\n")
    h.write("domains/example.org.conf", "disabled = perhaps\nalias t { members = nobody@example.org }\n")
    h.write("accounts/ann.conf", "address ann@example.org {\n")
    h.write("accounts/bob.conf", "\naddress joe@example.org { }\nfull-nam = x\nquota = lots\n")
    want = ["posthorn.conf:2: unknown section listner", "posthorn.conf:3: postmaster", "example.org.conf:1: disabled",
            "example.org.conf:2: alias t@example.org: nobody@", "ann.conf:1: address: the section is not closed",
            "full-nam", "bob.conf:4: quota"]
    for verb in ("check", "build"):
        r = h.run(verb)
        missing = [w for w in want if w not in r.stderr]
        ok(r.returncode == 100 and not missing, f"{verb}: typo, key, brace, number and member are all named at once", f"{missing}\n{r.stderr}")
        ok("joe@example.org is already in" in r.stderr, f"{verb}: so is the address in two files", r.stderr)
    ok(h.db() == before, "the old database is untouched")
    ok(h.dump() == dump and h.run("show", "joe@example.org").returncode == 0, "and in use")
    ok(sorted(os.listdir(h.top + "/var")) == ["config.lock", "config.tdb"], "nothing else is left", os.listdir(h.top + "/var"))
    h.free()


def test_spellings():
    h = Home()
    h.write("domains/b\u00fccher.example.conf", "alias t { members = x@xn--bcher-kva.example }\n")
    h.write("accounts/x.conf", "address x@xn--bcher-kva.example { }\n")
    ok(h.run("build").returncode == 0, "an international domain, addresses in its A-label")
    ok("address = x@b\u00fccher.example" in h.run("show", "x@XN--bcher-kva.example").stdout, "is found in either spelling")
    h.write("domains/xn--bcher-kva.example.conf", "")
    r = h.run("build")
    ok(r.returncode == 100 and "is the same domain as" in r.stderr, "the same domain in both spellings", r.stderr)
    h.remove("domains/b\u00fccher.example.conf")
    r = h.run("build")
    ok(r.returncode == 0 and "address = x@xn--bcher-kva.example" in h.run("show", "x@b\u00fccher.example").stdout, "one is fine", r.stderr)
    h.run("build", "-f", var="var2")
    ok(h.dump() == h.dump("var2"), "and a full build the same")
    h.free()


def test_missing():
    for name in ("posthorn.conf", "domains", "accounts"):
        h = Home()
        h.run("build")
        before = h.db()
        os.rename(f"{h.etc}/{name}", f"{h.top}/gone")
        for verb in ("check", "build"):
            r = h.run(verb)
            ok(r.returncode == 100 and f"{h.etc}/{name}: No such file" in r.stderr, f"{verb}: {name} is missing", r.stderr)
        ok(h.db() == before, "the old one stays")
        h.free()
    h = Home()
    h.run("build")
    os.chmod(h.etc + "/accounts/joe.conf", 0)
    if os.geteuid() != 0:
        ok("Permission denied" in h.run("check").stderr, "a file that cannot be read")
    os.unlink(h.etc + "/accounts/joe.conf")
    os.symlink("nowhere", h.etc + "/accounts/joe.conf")
    r = h.run("check")
    ok(r.returncode == 100 and "joe.conf" in r.stderr, "a file that leads nowhere", r.stderr)
    h.free()


def test_references():
    """A file that did not change is named when a change elsewhere breaks it."""
    h = Home()
    h.write("domains/example.org.conf", "\nalias t {\n members = { joe@example.org,\n ann@example.org } }\ncatch-all = ann@example.org\n")
    h.write("accounts/ann.conf", "address ann@example.org { }\naddress a@example.org { }\n")
    ok(h.run("build").returncode == 0, "an alias and a catch-all")
    h.write("accounts/ann.conf", "address a@example.org { }\n")
    r = h.run("build")
    ok("example.org.conf:4: alias t@example.org: ann@example.org" in r.stderr and
       "example.org.conf:5: catch-all of example.org: ann@example.org" in r.stderr, "an address gone, its alias and catch-all named", r.stderr)
    h.remove("accounts/ann.conf")
    r = h.run("build")
    ok(r.returncode == 100 and "alias t@example.org" in r.stderr, "an account gone", r.stderr)
    h.write("accounts/bob.conf", "address ann@example.org { }\n")
    r = h.run("build")
    ok(r.returncode == 0, "an address that moved to another account is fine", r.stderr)
    h.remove("domains/example.org.conf")
    r = h.run("build")
    ok(r.returncode == 100 and "bob.conf:1" in r.stderr and "joe.conf:1" in r.stderr, "a domain gone", r.stderr)
    h.free()


# --- the same by any way

class Model:
    """Random edits of a few files; some of them make the whole wrong."""

    def __init__(self, h, rnd):
        self.h, self.rnd = h, rnd
        self.domains = {f"d{i}.example": {"aliases": {}, "options": {}} for i in range(3)}
        self.accounts = {f"a{i}": set() for i in range(5)}
        self.machine = {"separators": "+", "quota": "5M", "postmaster": "a0"}
        for i in range(5):
            self.accounts[f"a{i}"].add(f"u{i}@d{i % 3}.example")
        self.write_machine()
        for d in self.domains:
            self.write_domain(d)
        for a in self.accounts:
            self.write_account(a)
        h.remove("domains/example.org.conf")
        h.remove("accounts/joe.conf")

    def write_machine(self):
        self.h.write("posthorn.conf", "hostname = mail.example.org\nquota = {quota}\nseparators = \"{separators}\"\n"
                     "postmaster {{ account = {postmaster} }}\n".format(**self.machine))

    def write_domain(self, d):
        m = self.domains[d]
        text = "".join(f"{k} = {v}\n" for k, v in sorted(m["options"].items()))
        text += "".join(f"alias {a} {{ members = {{ {', '.join(sorted(v))} }} }}\n" for a, v in sorted(m["aliases"].items()))
        self.h.write(f"domains/{d}.conf", text)

    def write_account(self, a):
        users = ", ".join(x.replace("@", "-") for x in sorted(self.accounts[a]))
        self.h.write(f"accounts/{a}.conf", "".join(f"address {x} {{ }}\n" for x in sorted(self.accounts[a])) +
                     f"system-users = {{ {users} }}\n")

    def address(self):
        return f"u{self.rnd.randrange(9)}@d{self.rnd.randrange(4)}.example"

    def edit(self):
        rnd = self.rnd
        kind = rnd.choice(["address"] * 6 + ["alias"] * 4 + ["option"] * 3 + ["machine", "account", "domain"])
        if kind == "address":
            a = rnd.choice(sorted(self.accounts))
            self.accounts[a] ^= {self.address()}
            self.write_account(a)
        elif kind == "account":
            a = f"a{rnd.randrange(7)}"
            if a in self.accounts and rnd.random() < 0.5:
                del self.accounts[a]
                self.h.remove(f"accounts/{a}.conf")
            else:
                self.accounts.setdefault(a, set())
                self.write_account(a)
        elif kind == "domain":
            d = f"d{rnd.randrange(4)}.example"
            if d in self.domains and rnd.random() < 0.3:
                del self.domains[d]
                self.h.remove(f"domains/{d}.conf")
            else:
                self.domains.setdefault(d, {"aliases": {}, "options": {}})
                self.write_domain(d)
        elif kind == "machine":
            self.machine.update(rnd.choice([{"separators": "+"}, {"separators": "+-"}, {"quota": str(rnd.randrange(9))},
                                            {"postmaster": f"a{rnd.randrange(6)}"}]))
            self.write_machine()
        elif self.domains:
            d = rnd.choice(sorted(self.domains))
            m = self.domains[d]
            if kind == "alias":
                v = m["aliases"].setdefault(f"t{rnd.randrange(3)}", set())
                v ^= {self.address()}
                m["aliases"] = {k: v for k, v in m["aliases"].items() if v}
            else:
                key, value = rnd.choice([("disabled", "true"), ("case-sensitive", "true"), ("separators", '"-_"'), ("catch-all", self.address())])
                if m["options"].pop(key, None) is None:
                    m["options"][key] = value
            self.write_domain(d)

    def mend(self):
        """Back to something that checks."""
        ours = {f"{d}" for d in self.domains}
        seen = set()
        for a in sorted(self.accounts):
            self.accounts[a] = {x for x in self.accounts[a] if x.split("@")[1] in ours and x not in seen}
            seen |= self.accounts[a]
            self.write_account(a)
        for d, m in self.domains.items():
            m["aliases"] = {k: v & seen for k, v in m["aliases"].items() if v & seen}
            if m["options"].get("catch-all") not in seen:
                m["options"].pop("catch-all", None)
            self.write_domain(d)
        self.machine["postmaster"] = sorted(self.accounts)[0]
        self.write_machine()


def test_incremental(seed, rounds):
    h = Home()
    rnd = random.Random(seed)
    m = Model(h, rnd)
    r = h.run("build")
    good, same_rc, same_dump, said = 0, True, True, ""
    bad_in_a_row = 0
    for _ in range(rounds):
        for _ in range(rnd.choice([1, 1, 2, 4])):
            m.edit()
        if bad_in_a_row > 3:
            m.mend()
        before = h.dump()
        one, full = h.run("build"), h.run("build", "-f", var="var2")
        bad_in_a_row = 0 if full.returncode == 0 else bad_in_a_row + 1
        if one.returncode != full.returncode:
            same_rc, said = False, f"one: {one.stderr}\nfull: {full.stderr}"
            break
        if full.returncode == 0:
            good += 1
            if h.dump() != h.dump("var2"):
                same_dump, said = False, "\n".join(sorted(set(h.dump()) ^ set(h.dump("var2"))))
                break
        elif h.dump() != before:
            same_dump, said = False, "a build that failed changed something"
            break
    ok(same_rc, f"seed {seed}: a build of what changed fails when a full one does", said)
    ok(same_dump, f"seed {seed}: and makes the same database", said)
    ok(good > rounds // 8, f"seed {seed}: {good} of {rounds} had no error")
    h.free()


# --- at the same time

def test_two_builds():
    h = Home()
    h.run("build")
    for i in range(6):
        h.write(f"accounts/n{i}.conf", f"address n{i}@example.org {{ }}\n")
        ps = [h.popen("build", *(["-f"] if j % 2 else [])) for j in range(4)]
        out = [p.communicate()[0] for p in ps]
        if any(p.returncode for p in ps):
            break
    ok(all(p.returncode == 0 for p in ps), "builds at the same time take turns", out)
    h.run("build", "-f", var="var2")
    ok(h.dump() == h.dump("var2"), "and leave what one makes")
    h.free()


def test_reader():
    h = Home()
    h.run("build")
    stop, wrong, n = threading.Event(), [], [0]

    def read():
        while not stop.is_set():
            r = h.run("show", "joe@example.org")
            n[0] += 1
            if r.returncode != 0 or "account = joe" not in r.stdout:
                wrong.append(r.stdout + r.stderr)

    t = threading.Thread(target=read)
    t.start()
    for i in range(40):
        h.write("accounts/ann.conf", "".join(f"address x{j}@example.org {{ }}\n" for j in range(i * 10)))
        r = h.run("build", *(["-f"] if i % 4 == 0 else []))
        if r.returncode:
            wrong.append(r.stderr)
    stop.set()
    t.join()
    ok(not wrong and n[0] > 5, f"a reader sees the old or the new, never nothing ({n[0]} looks)", wrong)
    h.free()


def test_killed():
    h = Home()
    h.run("build")
    bad = []
    rnd = random.Random(4)
    for i in range(40):
        h.write("accounts/ann.conf", "".join(f"address x{j}@example.org {{ }}\n" for j in range((i * 37) % 200)))
        p = h.popen("build", *(["-f"] if i % 3 == 0 else []))
        time.sleep(rnd.random() * 0.006)
        p.send_signal(signal.SIGKILL)
        p.communicate()
        if i % 4 == 0:
            a, b = h.run("build"), h.run("build", "-f", var="var2")
            if a.returncode or b.returncode or h.dump() != h.dump("var2"):
                bad.append(a.stderr + b.stderr)
    ok(not bad, "a build killed at any moment is mended by the next", bad)
    h.free()


def test_umask():
    """Services and everybody's programs read it, whoever built it."""
    h = Home()
    before = os.umask(0o077)
    h.run("build")
    modes = [os.stat(f"{h.top}/var/config.tdb").st_mode & 0o777]
    h.write("accounts/ann.conf", "address x@example.org { }\n")
    h.run("build", "-f")
    modes.append(os.stat(f"{h.top}/var/config.tdb").st_mode & 0o777)
    os.umask(before)
    ok(modes == [0o644] * 2, "what is built can be read, with any umask", [oct(m) for m in modes])
    h.free()


test_errors()
test_umask()
test_fine()
test_all_at_once()
test_missing()
test_spellings()
test_references()
for s in (1, 2, 3):
    test_incremental(s, 60)
test_two_builds()
test_reader()
test_killed()
tap.done()
