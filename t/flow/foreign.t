#!/usr/bin/env python3
"""Other programs change the mailbox, too: files dropped into new/, mutt on the maildir
while two IMAP sessions work in it. Everybody sees one mailbox in the end."""
import mailbox
import os
import pty
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import Server, Tap, have, message, wait_until

t = Tap()


def uids_and_flags(s, box='INBOX'):
    c = s.imap(select=box)
    found = {}
    for item in c.uid('fetch', '1:*', '(FLAGS)')[1]:
        if item:
            uid = int(re.search(rb'UID (\d+)', item).group(1))
            found[uid] = set(re.search(rb'FLAGS \((.*?)\)', item).group(1).split()) - {b'\\Recent'}
    c.logout()
    return found


def dropped(s):
    """Deliveries by another program, with either line ending."""
    s.send(message('first'))
    watching = s.imap()
    md = mailbox.Maildir(s.maildir(), create=False)
    lf = message('dropped-lf', 'one\r\ntwo\r\n')
    md.add(lf.replace(b'\r\n', b'\n'))
    md.add(message('dropped-crlf'))
    t.ok(wait_until(lambda: watching.noop() and watching.select('INBOX')[1] == [b'3'], 5), 'a session sees files in new/')
    t.eq(s.fetch_message('dropped-lf'), lf, 'bare line feeds are CRLF now')
    t.eq(s.fetch_message('dropped-crlf'), message('dropped-crlf'), 'CRLF stays')
    flagged = mailbox.MaildirMessage(message('dropped-flagged'))
    flagged.set_subdir('cur')
    flagged.set_flags('FRS')
    md.add(flagged)
    t.ok(wait_until(lambda: '<dropped-flagged@test>' in s.all_ids(), 5), 'a file in cur/ is found')
    uid = s.all_ids()['<dropped-flagged@test>'][0]
    t.eq(uids_and_flags(s)[uid], {b'\\Flagged', b'\\Answered', b'\\Seen'}, 'with its flags')
    watching.send(b'i1 IDLE\r\n')
    while not watching.readline().startswith(b'+'):
        pass
    md.add(message('dropped-idle'))
    t.ok(b'EXISTS' in watching.readline(), 'a session in IDLE is told of a dropped file')
    watching.send(b'DONE\r\n')
    while not watching.readline().startswith(b'i1 OK'):
        pass
    # one is removed by hand
    cur = os.path.join(s.maildir(), 'cur')
    for name in os.listdir(cur):
        if b'<dropped-crlf@test>' in open(os.path.join(cur, name), 'rb').read():
            os.unlink(os.path.join(cur, name))
    t.ok(wait_until(lambda: '<dropped-crlf@test>' not in s.all_ids(), 5), 'a removed file is expunged')
    watching.noop()
    t.ok('EXPUNGE' in watching.untagged_responses or len(watching.search(None, 'ALL')[1][0].split()) == 4,
         'the session is told', watching.untagged_responses)
    watching.logout()
    s.check_verify('after that')


def made(s):
    """A maildir made and removed by another program."""
    c = s.imap(select=None)

    def listed():
        return any(b'Work' in line for line in c.list()[1] if line)
    path = os.path.join(os.path.dirname(s.maildir()), 'Work')
    t.ok(not listed(), 'no such mailbox')
    for sub in 'tmp', 'new', 'cur':
        os.makedirs(os.path.join(path, sub))
    mailbox.Maildir(path, create=False).add(message('made'))
    t.ok(listed(), 'a maildir of another program appears in LIST')
    t.eq(c.select('Work')[1], [b'1'], 'with its message')
    c.unselect()
    for top, dirs, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(os.path.join(top, name))
        os.rmdir(top)
    t.ok(not listed(), 'and goes when it is removed')
    c.logout()


def many_dropped(s):
    """A hundred at once while mail comes in over SMTP: each once, in order."""
    md = mailbox.Maildir(s.maildir('Bulk'), create=False)

    def drop():
        for i in range(100):
            md.add(message('bulk-%d' % i).replace(b'\r\n', b'\n'))
    th = threading.Thread(target=drop)
    th.start()
    c = s.imap(select='Bulk')
    while th.is_alive():
        c.noop()
        c.append('Bulk', None, None, message('appended-%f' % time.time()))
    th.join()
    c.logout()
    ids = s.all_ids(mailbox='Bulk')
    t.ok(all(len(ids.get('<bulk-%d@test>' % i, [])) == 1 for i in range(100)), 'a hundred dropped files are there once each',
         {i: u for i, u in ids.items() if len(u) != 1})
    t.eq(len(os.listdir(os.path.join(s.maildir('Bulk'), 'new'))), 0, 'new/ is empty')


class Mutt:
    """mutt on the maildir itself, typing for somebody."""

    def __init__(self, s, home):
        os.makedirs(home)
        with open(home + '/rc', 'w') as f:
            f.write('set folder="%s" mbox_type=maildir delete=yes quit=yes move=no record="" sort=mailbox-order\n'
                    'set header_cache="" mail_check=0 timeout=1 wait_key=no maildir_trash=no\n' % home)
        self.master, slave = pty.openpty()
        self.p = subprocess.Popen([have('mutt'), '-n', '-F', home + '/rc', '-f', s.maildir()], stdin=slave, stdout=slave,
                                  stderr=slave, env=dict(os.environ, HOME=home, TERM='vt100', LC_ALL='C.UTF-8'),
                                  start_new_session=True)
        os.close(slave)
        self.shown = b''
        self.reader = threading.Thread(target=self.drain, daemon=True)
        self.reader.start()

    def drain(self):
        try:
            while True:
                part = os.read(self.master, 65536)
                if not part:
                    return
                self.shown += part
        except OSError:
            pass

    def type(self, keys, pause=0.4):
        os.write(self.master, keys.encode())
        time.sleep(pause)

    def end(self):
        self.type('q', 0)
        try:
            code = self.p.wait(20)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            code = None
        self.reader.join(2)
        os.close(self.master)
        return code


def with_mutt(s):
    if not have('mutt'):
        return t.skip('mutt', 'not installed')
    for i in range(60):
        s.send(message('c%d' % i))
    ids = s.all_ids()
    uid = {i: ids['<c%d@test>' % i][0] for i in range(60)}
    errors = []

    def session(lo, hi, flag):
        """Marks its own messages one by one, removes the last five of them."""
        try:
            c = s.imap()
            for i in range(lo, hi):
                typ, data = c.uid('store', str(uid[i]), '+FLAGS', flag)
                if typ != 'OK':
                    errors.append((i, typ, data))
                c.noop()
                time.sleep(0.05)
            c.uid('store', ','.join(str(uid[i]) for i in range(hi - 5, hi)), '+FLAGS', '(\\Deleted)')
            c.uid('expunge', ','.join(str(uid[i]) for i in range(hi - 5, hi)))
            c.logout()
        except Exception as e:
            errors.append(e)
    mutt = Mutt(s, os.path.join(s.top, 'mutt'))
    t.ok(wait_until(lambda: b'Msgs:' in mutt.shown, 10), 'mutt shows the mailbox', repr(mutt.shown[-500:]))
    threads = [threading.Thread(target=session, args=a) for a in ((0, 20, '(\\Answered)'), (20, 40, '(kept)'))]
    for th in threads:
        th.start()
    # mutt: flag all of c4?, delete all of c5?, write both while the others work
    mutt.type('T~s "c4.$"\r', 0.5)
    mutt.type(';F', 0.5)
    mutt.type('$', 1)
    mutt.type('\x14.\r', 0.5)
    mutt.type('T~s "c5.$"\r', 0.5)
    mutt.type(';d', 0.5)
    mutt.type('$', 1)
    for th in threads:
        th.join()
    t.eq(mutt.end(), 0, 'mutt ends by itself') or t.note(repr(mutt.shown[-1500:]))
    t.ok(not errors, 'both sessions worked', errors)
    now = uids_and_flags(s)
    gone = set(range(15, 20)) | set(range(35, 40)) | set(range(50, 60))
    wait_until(lambda: not ({uid[i] for i in gone} & set(uids_and_flags(s))), 5)
    now = uids_and_flags(s)
    t.eq(sorted(i for i in range(60) if uid[i] not in now), sorted(gone), 'what was deleted is gone, all else is there')
    t.ok(all(b'\\Answered' in now[uid[i]] for i in range(0, 15)), 'the flags of the first session')
    t.ok(all(b'kept' in now[uid[i]] for i in range(20, 35)), 'the keywords of the second')
    t.ok(all(b'\\Flagged' in now.get(uid[i], set()) for i in range(40, 50)), "and mutt's flags",
         {i: now.get(uid[i]) for i in range(40, 50)})
    again = s.all_ids()
    t.ok(all(again['<c%d@test>' % i] == [uid[i]] for i in range(60) if i not in gone), 'every message kept its UID')


def confined(s):
    """deliverd's workers are held by the kernel to what they need."""
    if 'built with sanitizers' in s.log():
        return t.skip('confined', 'sanitizers need what the sandbox denies')

    def status(pid):
        try:
            with open('/proc/%s/status' % pid) as f:
                return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
        except OSError:
            return {}

    def works_here(pid):
        try:
            return os.readlink('/proc/%s/cwd' % pid) == os.path.realpath(s.var)
        except OSError:
            return False
    all_here = {pid: status(pid) for pid in os.listdir('/proc') if pid.isdigit() and works_here(pid)}
    workers = [p for p in all_here.values()
               if p.get('Name') == 'deliverd' and all_here.get(p.get('PPid'), {}).get('Name') == 'deliverd']
    t.ok(len(workers) > 0 and all(p['Seccomp'] == '2' and p['NoNewPrivs'] == '1' for p in workers),
         'all workers of deliverd are confined', workers)


with Server(tap=t) as s:
    dropped(s)
    confined(s)
    made(s)
    c = s.imap()
    c.create('Bulk')
    c.logout()
    many_dropped(s)
    s.check_verify('after a hundred')
    with_mutt(s)
t.done()
