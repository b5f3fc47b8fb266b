#!/usr/bin/env python3
"""The verbs that change the configuration: what each does when it succeeds,
and that a refusal changes nothing, keeps the old database and says why."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import BUILD, Tap

tap = Tap()
ok = tap.ok
VERBS = f"{BUILD}/libexec/verbs"

TOP = tempfile.mkdtemp(prefix="admin.")
ETC, VAR = TOP + "/etc", TOP + "/var"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(path):
    with open(f"{ETC}/{path}", encoding="utf-8") as f:
        return f.read()


def env():
    return dict(os.environ, POSTHORN_ETC=ETC, POSTHORN_VAR=VAR, POSTHORN_LIBEXEC=os.path.dirname(VERBS))


def run(*args):
    return subprocess.run([f"{VERBS}/{args[0]}", *args[1:]], env=env(), capture_output=True, text=True, timeout=60)


def state():
    """All files of etc, and the database but for the stamps of files."""
    out = {}
    for d, _, names in os.walk(ETC):
        for n in names:
            with open(os.path.join(d, n), "rb") as f:
                out[os.path.join(d, n)] = f.read()
    out["db"] = [x for x in run("config", "dump").stdout.split("\n") if not x.startswith("f")]
    return out


def good(name, *args, want=""):
    r = run(*args)
    ok(r.returncode == 0 and r.stderr == "" and want in r.stdout, name, f"{r.returncode} {r.stdout}{r.stderr}")
    c = run("config", "check")
    if c.returncode != 0:
        ok(False, name + ": and the configuration checks", c.stderr)
    return r.stdout


def refused(name, *args, want=""):
    before = state()
    r = run(*args)
    after = state()
    ok(r.returncode == 100 and want in r.stderr and r.stderr, f"refused: {name}", f"{r.returncode} {r.stdout}{r.stderr}")
    ok(before == after, "nothing was changed", sorted(k for k in before if before[k] != after.get(k)) + sorted(set(after) - set(before)))


def setup():
    write(ETC + "/posthorn.conf", "# the machine\nhostname = mail.example.org\nseparators = \"+\"\npostmaster { account = joe }\n")
    write(ETC + "/domains/example.org.conf", "")
    write(ETC + "/accounts/joe.conf", "# Joe is the first\naddress joe@example.org { }	# his own\n")
    os.makedirs(VAR + "/accounts")
    good("build", "config", "build")


def test_domain():
    good("domain add", "domain", "add", "Example.NET")
    ok(read("domains/example.net.conf") == "", "an empty file is made")
    good("domain list", "domain", "list", want="example.net\nexample.org\n")
    refused("a domain that is there", "domain", "add", "example.net", want="already")
    for bad in ("../x", "a/b", "", ".", "..", "-x.example", ".hidden", "x..y", "a b", "x" * 64 + ".example"):
        refused(f"a domain called {bad!r}", "domain", "add", bad, want="is not a domain's name")
    good("domain disable", "domain", "disable", "example.net")
    good("domain list", "domain", "list", want="example.net disabled\n")
    ok(read("domains/example.net.conf") == "disabled = true\n", "an option is written")
    good("domain enable", "domain", "enable", "example.net")
    ok(read("domains/example.net.conf") == "", "and taken away")
    refused("to disable a domain not ours", "domain", "disable", "example.com", want="there is no domain")
    good("domain catch-all", "domain", "catch-all", "example.net", "joe@example.org")
    good("a catch-all", "config", "show", "who@example.net", want="account = joe")
    refused("a catch-all that does not exist", "domain", "catch-all", "example.net", "who@example.org", want="is not an address of any account")
    good("no catch-all", "domain", "catch-all", "example.net")
    refused("to remove a domain with addresses", "domain", "rm", "example.org", want="joe@example.org: example.org is not a domain of ours")
    good("domain rm", "domain", "rm", "example.net")
    ok(not os.path.exists(ETC + "/domains/example.net.conf"), "the file is gone")
    refused("to remove it again", "domain", "rm", "example.net", want="there is no domain")
    for bad in ([], ["sing"], ["add"], ["add", "a", "b"], ["rm"], ["list", "x"], ["catch-all"]):
        refused(f"wrong use: {bad}", "domain", *bad, want="usage")


def test_account():
    good("account add", "account", "add", "-n", 'Ann "the" $HOME \\', "ann", "ann@example.org", "a.n@example.org")
    ok(read("accounts/ann.conf").endswith("address ann@example.org { }\naddress a.n@example.org { }\n"), "its file", read("accounts/ann.conf"))
    good("account show", "account", "show", "ann", want='full-name: Ann "the" $HOME \\\n')
    good("account list", "account", "list", want="ann\njoe\n")
    ok(os.path.isdir(VAR + "/accounts/ann/mail/INBOX/cur") and os.path.isdir(VAR + "/accounts/ann/mail/Sent/cur"), "its mailboxes are there")
    refused("an account that is there", "account", "add", "ann", "x@example.org", want="already")
    refused("an address that is taken", "account", "add", "bob", "JOE@example.org", want="joe@example.org is already in " + ETC + "/accounts/joe.conf:2")
    refused("an address of a domain not ours", "account", "add", "bob", "bob@example.com", want="not a domain of ours")
    refused("an address with a separator", "account", "add", "bob", "bob+x@example.org", want="separator")
    refused("no address at all", "account", "add", "bob", "bob", want="is not an address")
    for bad in ("../bob", "a/b", "", ".", "..", ".bob", "b\nob", "x" * 65, "b\u00f6b", "bob.", "a..b"):
        refused(f"an account called {bad!r}", "account", "add", bad, "bob@example.org", want="is not an account's name")
    good("account disable", "account", "disable", "ann", "please call \"us\"")
    good("account list", "account", "list", want="ann disabled\n")
    good("its text", "account", "show", "ann", want='login-disabled: please call "us"\n')
    refused("a text too long", "account", "disable", "ann", "x" * 256, want="one line of text, not too long")
    good("account enable", "account", "enable", "ann")
    good("account list", "account", "list", want="ann\n")
    good("account quota", "account", "quota", "ann", "5G")
    good("its quota", "account", "show", "ann", want="quota: 5368709120\n")
    refused("a quota that is none", "account", "quota", "ann", "much", want="is not a size")
    good("the default quota", "account", "quota", "ann", "default")
    good("account full-name", "account", "full-name", "ann", "Ann {")
    good("its name", "account", "show", "ann", want="full-name: Ann {\n")
    good("no full name", "account", "full-name", "ann")
    ok(read("accounts/ann.conf") == "address ann@example.org { }\naddress a.n@example.org { }\n", "all options are gone again", read("accounts/ann.conf"))
    refused("to show an account that is not there", "account", "show", "bob", want="there is no account bob")
    refused("to remove the postmaster", "account", "rm", "joe", want="there is no account joe")
    for bad in ([], ["add", "x"], ["rm"], ["show"], ["list", "x"], ["disable", "ann"], ["disable", "ann", ""], ["quota", "ann"], ["add", "-x", "y", "z"]):
        refused(f"wrong use: {bad}", "account", *bad, want="usage")


def test_account_rm():
    mail = VAR + "/accounts/ann/mail/INBOX/cur"
    os.makedirs(mail, exist_ok=True)
    write(mail + "/1.x", "x")
    r = run("account", "rm", "ann")
    ok(r.returncode == 0 and "accounts/ann" in r.stdout and os.path.exists(mail + "/1.x"), "account rm keeps the mail and says where it is", r.stdout + r.stderr)
    ok(not os.path.exists(ETC + "/accounts/ann.conf"), "its file is gone")
    refused("its name with another's mail", "account", "add", "ann", "ann@example.org", want="earlier account")
    good("unless told to", "account", "add", "-k", "ann", "ann@example.org")
    ok(os.path.exists(mail + "/1.x"), "the mail is taken over")
    r = run("account", "rm", "--delete-mail", "ann")
    ok(r.returncode == 0 and not os.path.exists(VAR + "/accounts/ann"), "account rm --delete-mail", r.stderr)
    ok(os.listdir(VAR + "/accounts") == [], "nothing is left", os.listdir(VAR + "/accounts"))


def test_address():
    good("account add", "account", "add", "ann", "ann@example.org")
    good("address add", "address", "add", "joe", "joe.q@example.org")
    good("address add -m", "address", "add", "-m", 'Lists/a "b"', "joe", "lists@example.org")
    good("its mailbox", "config", "show", "lists@example.org", want='mailbox = Lists/a "b"\n')
    good("a quoted localpart", "address", "add", "joe", '"joe q"@example.org')
    ok(read("accounts/joe.conf").startswith("# Joe is the first\naddress joe@example.org { }\t# his own\naddress joe.q@"), "comments and lines stay", read("accounts/joe.conf"))
    good("address list", "address", "list", "joe", want="joe q@example.org joe\n")
    ok("ann@example.org ann\njoe@example.org joe\n" in good("address list of all", "address", "list"), "in the order of names")
    refused("an address twice", "address", "add", "joe", "Joe.Q@EXAMPLE.org", want="already in")
    refused("an address of another", "address", "add", "joe", "ann@example.org", want="already in")
    refused("a mailbox that cannot be", "address", "add", "-m", "../x", "joe", "x@example.org", want="is not a mailbox name")
    refused("an account that is not there", "address", "add", "bob", "bob@example.org", want="there is no account")
    refused("an address that is not there", "address", "rm", "who@example.org", want="is not an address of an account")
    good("address rm, in another spelling", "address", "rm", "JOE.Q+x@example.org")
    good("address rm, quoted", "address", "rm", '"joe q"@example.org')
    good("address rm of one with settings", "address", "rm", "lists@example.org")
    ok(read("accounts/joe.conf") == "# Joe is the first\naddress joe@example.org { }\t# his own\n", "as it was before", read("accounts/joe.conf"))
    for bad in ([], ["add", "joe"], ["rm"], ["list", "a", "b"], ["add", "-x", "a", "b"]):
        refused(f"wrong use: {bad}", "address", *bad, want="usage")


def test_alias():
    write(ETC + "/domains/example.org.conf", "# ours\nalias old {	# of old\n\tmembers = {\n\t\tjoe@example.org,	# Joe\n\t\tann@example.org	# Ann\n\t}\n}\n")
    good("build", "config", "build")
    good("alias add", "alias", "add", "Team@example.org", "joe@example.org")
    good("alias list", "alias", "list", "team@example.org", want="team@example.org\n\tjoe@example.org\n")
    good("alias addmember", "alias", "addmember", "team@example.org", "ann@example.org")
    good("alias list", "alias", "list", want="team@example.org\n\tjoe@example.org\n\tann@example.org\n")
    refused("a member twice", "alias", "addmember", "team@example.org", "Ann@example.org", want="already a member")
    refused("a member that does not exist", "alias", "addmember", "team@example.org", "who@example.org", want="is not an address of any account")
    refused("a member that is an alias", "alias", "addmember", "team@example.org", "old@example.org", want="is an alias itself")
    refused("to remove an address that is a member", "address", "rm", "ann@example.org", want="alias old@example.org: ann@example.org")
    refused("to remove an account that is a member", "account", "rm", "ann", want="alias team@example.org: ann@example.org")
    good("alias set", "alias", "set", "team@example.org", "post-public", "true")
    good("alias set again", "alias", "set", "team@example.org", "post-public", "yes")
    good("its option", "alias", "list", "team@example.org", want="team@example.org post-public\n")
    refused("an option that is none", "alias", "set", "team@example.org", "members", "x", want="usage")
    refused("a value that is none", "alias", "set", "team@example.org", "post-public", "maybe", want="is not true or false")
    good("alias rmmember", "alias", "rmmember", "team@example.org", "ANN@example.org")
    refused("who is no member", "alias", "rmmember", "team@example.org", "ann@example.org", want="not a member")
    refused("to remove the last member", "alias", "rmmember", "team@example.org", "joe@example.org", want="members is empty")
    refused("an alias that is there", "alias", "add", "team@example.org", "ann@example.org", want="already")
    refused("an alias that is an address", "alias", "add", "joe@example.org", "ann@example.org", want="already in")
    refused("an alias of a domain not ours", "alias", "add", "x@example.com", "ann@example.org", want="there is no domain")
    good("alias rm", "alias", "rm", "team+x@example.org")
    refused("to remove it again", "alias", "rm", "team@example.org", want="there is no alias")
    good("a member of a list with comments", "alias", "rmmember", "old@example.org", "ann@example.org")
    good("and one more", "alias", "addmember", "old@example.org", "ann@example.org")
    ok(read("domains/example.org.conf") == "# ours\nalias old {	# of old\n\tmembers = {\n\t\tjoe@example.org,\n\t\tann@example.org	# Joe\n\t}\n}\n",
       "the comments of others stay", read("domains/example.org.conf"))
    write(ETC + "/domains/example.org.conf", "alias l { members = { joe@example.org, /* , */ ann@example.org } }\n")
    good("build", "config", "build")
    good("the first of a line", "alias", "rmmember", "l@example.org", "joe@example.org")
    ok(read("domains/example.org.conf") == "alias l { members = { ann@example.org } }\n", "on one line", read("domains/example.org.conf"))
    good("one more", "alias", "addmember", "l@example.org", "joe@example.org")
    good("the last of a line", "alias", "rmmember", "l@example.org", "joe@example.org")
    ok(read("domains/example.org.conf") == "alias l { members = { ann@example.org } }\n", "on one line", read("domains/example.org.conf"))
    write(ETC + "/domains/example.org.conf", "alias l { members = ann@example.org }\n")
    good("build", "config", "build")
    good("a second to a single one", "alias", "addmember", "l@example.org", "joe@example.org")
    ok(read("domains/example.org.conf") == "alias l { members = { ann@example.org, joe@example.org } }\n", "makes a list", read("domains/example.org.conf"))
    write(ETC + "/domains/example.org.conf", "alias old { members = joe@example.org }\n")
    good("build", "config", "build")
    for bad in ([], ["add", "x@example.org"], ["rm"], ["addmember", "old@example.org"], ["set", "old@example.org", "post-public"]):
        refused(f"wrong use: {bad}", "alias", *bad, want="usage")


def test_broken():
    """With an error somewhere else nothing is changed either, and it is named."""
    write(ETC + "/accounts/bad.conf", "quota = lots\n")
    refused("a change while another file is wrong", "address", "add", "joe", "new@example.org", want="accounts/bad.conf:1: quota")
    os.unlink(ETC + "/accounts/bad.conf")
    text = read("accounts/joe.conf")
    write(ETC + "/accounts/joe.conf", text + "address {\n")
    refused("a change of a file that is wrong", "address", "add", "joe", "new@example.org", want="accounts/joe.conf:3")
    write(ETC + "/accounts/joe.conf", text)
    r = subprocess.run([f"{VERBS}/config", "show"], env=dict(env(), POSTHORN_VAR=TOP + "/nowhere"), capture_output=True, text=True)
    ok(r.returncode == 111 and "var directory" in r.stderr, "no var directory is 111", r.stderr)
    os.chmod(VAR, 0o500)
    if os.geteuid() != 0:
        r = run("address", "add", "joe", "new@example.org")
        ok(r.returncode != 0 and "new@" not in read("accounts/joe.conf"), "var cannot be written", r.stderr)
    os.chmod(VAR, 0o755)


def test_at_once():
    ps = [subprocess.Popen([f"{VERBS}/address", "add", "joe", f"n{i}@example.org"], env=env()) for i in range(12)]
    rcs = [p.wait() for p in ps]
    got = run("address", "list", "joe").stdout
    ok(rcs == [0] * 12 and all(f"n{i}@example.org" in got for i in range(12)), "many at once take turns, none is lost", f"{rcs}\n{got}")
    left = [n for _, _, names in os.walk(ETC) for n in names if not n.endswith(".conf")]
    ok(left == [], "no file is left over", left)


def test_owner():
    if os.geteuid() != 0:
        return
    os.chmod(TOP, 0o755)
    for d, dirs, names in os.walk(TOP):
        os.chown(d, 12345, 12345)
        for n in names:
            os.chown(os.path.join(d, n), 12345, 12345)
    os.chown(VAR + "/accounts", 12346, 12346)
    good("as root: domain add", "domain", "add", "owner.example")
    good("as root: account add", "account", "add", "own", "own@owner.example")
    ok(os.stat(VAR + "/accounts/own/mail/INBOX").st_uid == 12346, "as root: the mail is the mail owner's")
    good("as root: address add", "address", "add", "joe", "own.joe@owner.example")
    wrong = [os.path.join(d, n) for t in (ETC, VAR) for d, dirs, names in os.walk(t) for n in dirs + names
             if os.lstat(os.path.join(d, n)).st_uid not in (12345, 12346)]
    ok(not wrong, "nothing becomes root's", wrong)
    r = run("account", "rm", "--delete-mail", "own")
    ok(r.returncode == 0 and not os.path.exists(VAR + "/accounts/own"), "as root: account rm --delete-mail", r.stderr)


try:
    setup()
    test_domain()
    test_account()
    test_account_rm()
    test_address()
    test_alias()
    test_broken()
    test_at_once()
    test_owner()
finally:
    shutil.rmtree(TOP)
tap.done()
