#!/usr/bin/env python3
"""A reader's day: imaplib, curl, mutt, s-nail and mbsync read and file what came in."""
import os
import pty
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import PASSWORD, Server, Tap, have, message, run, wait_until

t = Tap()

MIXED = ('MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=frontier\r\n',
         'prologue\r\n--frontier\r\nContent-Type: text/plain; charset=iso-8859-1\r\n'
         'Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Gr=FC=DFe\r\n'
         '--frontier\r\nContent-Type: application/pdf; name="report.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
         'Content-Disposition: attachment; filename="report.pdf"\r\n\r\nSGVsbG8=\r\n--frontier--\r\n')


def by_imaplib(s):
    for tls in ('ssl', 'starttls'):
        c = s.imap(tls=tls)
        t.eq(c.select('INBOX'), ('OK', [b'3']), 'SELECT tells how many, ' + tls)
        c.logout()
    c = s.imap()
    t.eq(c.uid('search', None, 'ALL'), ('OK', [b'1 2 3']), 'three messages in the order in which they came')
    t.eq(c.uid('search', 'CHARSET', 'UTF-8', 'BODY', '"GR\u00dc\u00dfE"'.encode()), ('OK', [b'2']), 'a word is found in an encoded part')
    t.eq(c.uid('search', None, 'SUBJECT', 'one'), ('OK', [b'1']), 'a subject is found')
    typ, data = c.fetch('2', '(ENVELOPE BODYSTRUCTURE RFC822.SIZE)')
    text = data[0].decode()
    t.ok('"test two"' in text and '("Sender" NIL "sender" "example.org")' in text, 'ENVELOPE', text)
    t.ok('"PDF"' in text.upper() and '"REPORT.PDF"' in text.upper() and '"MIXED"' in text.upper(), 'BODYSTRUCTURE', text)
    typ, data = c.fetch('2', '(BODY.PEEK[1] BODY.PEEK[2.MIME])')
    t.eq(data[0][1], b'Sch=F6ne Gr=FC=DFe', 'BODY[1]')
    t.ok(data[1][1].startswith(b'Content-Type: application/pdf'), 'BODY[2.MIME]', data)
    t.ok(b'\\Seen' not in c.fetch('2', '(FLAGS)')[1][0], 'PEEK does not set \\Seen')
    c.fetch('2', '(BODY[1])')
    t.ok(b'\\Seen' in c.fetch('2', '(FLAGS)')[1][0], 'BODY[1] does')
    t.eq(c.create('Archive/2026')[0], 'OK', 'CREATE')
    t.eq(c.uid('copy', '1:2', 'Archive/2026')[0], 'OK', 'UID COPY')
    t.ok(b'MESSAGES 2' in c.status('Archive/2026', '(MESSAGES UNSEEN)')[1][0], 'STATUS of the copy')
    t.eq(c.uid('store', '3', '+FLAGS', '(\\Deleted $Label1)')[0], 'OK', 'STORE')
    t.eq(c.expunge(), ('OK', [b'3']), 'EXPUNGE')
    t.eq(c.append('Archive/2026', '(\\Flagged)', '"17-Jul-1996 02:44:25 -0700"', message('appended'))[0], 'OK', 'APPEND')
    c.select('Archive/2026')
    typ, data = c.fetch('3', '(FLAGS INTERNALDATE BODY.PEEK[])')
    t.ok(b'\\Flagged' in data[0][0] and b'17-Jul-1996 09:44:25 +0000' in data[0][0].replace(b'02:44:25 -0700', b'09:44:25 +0000'),
         'with flag and date', data)
    t.eq(data[0][1], message('appended'), 'and its bytes')
    t.eq(c.rename('Archive/2026', 'Archive/old')[0], 'OK', 'RENAME')
    names = b' '.join(c.list()[1])
    t.ok(b'Archive/old' in names and b'2026' not in names, 'LIST', names)
    c.logout()


def by_idle(s):
    """A session that waits is told about new mail by itself."""
    c = s.imap()
    c.send(b'i1 IDLE\r\n')
    while not c.readline().startswith(b'+'):
        pass
    s.send(message('while-idle'))
    line, end = b'', time.time() + 10
    while b'EXISTS' not in line and time.time() < end:
        line = c.readline()
    t.ok(b'EXISTS' in line, 'IDLE is told of a new message', line)
    c.send(b'DONE\r\n')
    while not c.readline().startswith(b'i1 OK'):
        pass
    c.logout()


def by_curl(s):
    if not have('curl'):
        return t.skip('curl', 'not installed')
    user = ['--user', 'user@localhost:' + PASSWORD, '-k', '-sS']
    want = s.fetch_message('one')
    for url, more in (('imaps://127.0.0.1:%d' % s.imaps_port, []), ('imap://127.0.0.1:%d' % s.imap_port, ['--ssl-reqd'])):
        r = run([have('curl'), url + '/INBOX;UID=1'] + user + more)
        t.eq(r.stdout.encode(), want.replace(b'\r\n', b'\n') if '\r' not in r.stdout else want, 'curl reads by ' + url.split(':')[0])
        r = run([have('curl'), url + '/', '-X', 'LIST "" *'] + user + more)
        t.ok('INBOX' in r.stdout and 'Archive/old' in r.stdout, 'and lists', r.stdout, r.stderr)


def on_terminal(argv, env, seconds=40):
    """Run a program that wants a terminal; what it showed, and its exit code (None: killed)."""
    master, slave = pty.openpty()
    p = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=dict(os.environ, **env), start_new_session=True)
    os.close(slave)
    shown = []

    def drain():
        try:
            while True:
                part = os.read(master, 65536)
                if not part:
                    return
                shown.append(part)
        except OSError:
            pass
    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        code = p.wait(seconds)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        code = None
    reader.join(2)
    os.close(master)
    return b''.join(shown).decode(errors='replace'), code


def by_mutt(s):
    if not have('mutt'):
        return t.skip('mutt', 'not installed')
    home = os.path.join(s.top, 'mutt')
    os.makedirs(home)
    rc = os.path.join(home, 'rc')
    with open(rc, 'w') as f:
        f.write('''set imap_user="user@localhost" imap_pass="%s" ssl_verify_host=no ssl_verify_dates=no
set folder="imaps://127.0.0.1:%d/" spoolfile="+INBOX" mbox_type=mbox record="" postponed=""
set confirmcreate=no confirmappend=no delete=yes quit=yes move=no wait_key=no
set certificate_file="%s" header_cache="" message_cachedir=""
unset imap_peek
''' % (PASSWORD, s.imaps_port, certificate(s)))
    out = os.path.join(home, 'copied')
    keys = '<tag-pattern>~A<enter><tag-prefix><copy-message>%s<enter><first-entry><flag-message><quit>' % out
    shown, code = on_terminal([have('mutt'), '-n', '-F', rc, '-e', 'push "%s"' % keys],
                              {'HOME': home, 'TERM': 'vt100', 'LC_ALL': 'C.UTF-8'})
    t.eq(code, 0, 'mutt ends by itself') or t.note(repr(shown[-1500:]))
    text = open(out, errors='replace').read() if os.path.exists(out) else ''
    t.ok('<one@test>' in text and '<while-idle@test>' in text, 'mutt read the messages', text[:500])
    c = s.imap()
    t.ok(b'\\Flagged' in c.fetch('1', '(FLAGS)')[1][0], 'and its flag is there')
    c.logout()


def by_s_nail(s):
    if not have('s-nail'):
        return t.skip('s-nail', 'not installed')
    home = os.path.join(s.top, 's-nail')
    os.makedirs(home)
    r = run([have('s-nail'), '-:/', '-S', 'v15-compat=y', '-S', 'tls-verify=ignore', '-S', 'imap-use-starttls',
             '-S', 'imap-auth=login', '-R', '-f', 'imap://user%%40localhost:%s@127.0.0.1:%d/INBOX' % (PASSWORD, s.imap_port)],
            input='type 1\nxit\n', env=dict(os.environ, HOME=home, MAILRC='/dev/null'))
    if 'no IMAP support' in r.stderr or 'not compiled' in r.stderr or 'Unknown protocol' in r.stderr:
        return t.skip('s-nail', 'it has no IMAP here')
    t.ok('<one@test>' in r.stdout and 'hello' in r.stdout, 's-nail shows the message', r.stdout[-800:], r.stderr[-800:])


def certificate(s):
    for top, _, names in os.walk(os.path.join(s.var, 'tls')):
        for n in names:
            path = os.path.join(top, n)
            text = open(path, errors='replace').read()
            if 'BEGIN CERTIFICATE' in text:
                only = os.path.join(s.top, 'certificate.pem')
                with open(only, 'w') as f:
                    f.write(re.search(r'-----BEGIN CERTIFICATE.*?END CERTIFICATE-----\n', text, re.S).group(0))
                return only
    return '/dev/null'


def tree(top):
    """All files of a maildir tree with their sizes, mbsync's own state left out."""
    found = {}
    for d, _, names in os.walk(top):
        for n in names:
            if not n.startswith('.'):
                found[os.path.relpath(os.path.join(d, n), top)] = os.path.getsize(os.path.join(d, n))
    return found


def far_state(s):
    c = s.imap()
    state = {}
    for box in ('INBOX', 'Archive/old'):
        c.select(box, readonly=True)
        state[box] = sorted(c.uid('fetch', '1:*', '(FLAGS RFC822.SIZE)')[1])
    c.logout()
    return state


def by_mbsync(s):
    if not have('mbsync'):
        return t.skip('mbsync', 'not installed')
    home = os.path.join(s.top, 'mbsync')
    near = os.path.join(home, 'near')
    os.makedirs(near)
    new = tuple(map(int, re.search(r'(\d+)\.(\d+)', run([have('mbsync'), '--version']).stdout).groups())) >= (1, 5)
    rc = os.path.join(home, 'rc')
    with open(rc, 'w') as f:
        f.write('''IMAPAccount far
Host localhost
Port %d
User user@localhost
Pass %s
%s IMAPS
CertificateFile %s

IMAPStore far
Account far

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
''' % (s.imaps_port, PASSWORD, 'TLSType' if new else 'SSLType', certificate(s), near, near))

    def sync(what):
        r = run([have('mbsync'), '-c', rc, '-V', '-a'], 90, env=dict(os.environ, HOME=home))
        t.eq(r.returncode, 0, 'mbsync: ' + what) or t.note(r.stdout[-2000:] + r.stderr[-2000:])
        return r
    sync('the first sync')
    files = tree(near)
    t.ok(len([f for f in files if f.startswith('INBOX/')]) == 3, 'mbsync has INBOX', files)
    t.ok(len([f for f in files if f.startswith('Archive/old/')]) == 3, 'and Archive/old', files)
    for name in files:
        data = re.sub(rb'X-TUID: .*\r?\n', b'', open(os.path.join(near, name), 'rb').read())
        if b'<one@test>' in data:
            t.ok(message('one').replace(b'\r\n', b'\n') in data.replace(b'\r\n', b'\n'), 'its bytes are the message')
            break
    before = far_state(s)
    sync('the second sync')
    t.eq(tree(near), files, 'the second changes nothing here')
    t.eq(far_state(s), before, 'and nothing there')
    # changes on both sides
    inbox = os.path.join(near, 'INBOX')
    gone = None
    for name in [f for f in files if f.startswith('INBOX/')]:
        path = os.path.join(near, name)
        if b'<two@test>' in open(path, 'rb').read():
            base = os.path.basename(path)
            gone = os.path.join(inbox, 'cur', base.split(':')[0] + ':2,ST')
            os.rename(path, gone)
    with open(os.path.join(inbox, 'tmp', 'x'), 'wb') as f:
        f.write(message('from-mbsync').replace(b'\r\n', b'\n'))
    os.rename(os.path.join(inbox, 'tmp', 'x'), os.path.join(inbox, 'cur', '%d.local:2,FS' % time.time()))
    s.send(message('from-afar'))
    sync('changes on both sides')
    sync('once more')
    files = tree(near)
    t.eq(len([f for f in files if f.startswith('INBOX/')]), 4, 'here: one gone, two came')
    c = s.imap()
    ids = s.all_ids()
    t.ok('<two@test>' not in ids and '<from-mbsync@test>' in ids and '<from-afar@test>' in ids, 'there too', ids)
    uid = ids.get('<from-mbsync@test>', [1])[0]
    t.ok(b'\\Flagged' in c.uid('fetch', str(uid), '(FLAGS)')[1][0], 'with its flags')
    c.logout()
    before, there = tree(near), far_state(s)
    sync('a last sync')
    t.eq((tree(near), far_state(s)), (before, there), 'changes nothing')


with Server(tap=t) as s:
    s.send(message('one'))
    s.send(message('two', MIXED[1], MIXED[0]))
    s.send(message('three'))
    by_imaplib(s)
    by_idle(s)
    by_curl(s)
    by_mutt(s)
    by_s_nail(s)
    by_mbsync(s)
    t.ok(not s.pids('imapd') or wait_until(lambda: not s.pids('imapd'), 5), 'no session stays behind', s.pids('imapd'))
t.done()
