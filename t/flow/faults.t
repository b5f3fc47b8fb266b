#!/usr/bin/env python3
"""Faults from outside: index.tdb lost or damaged, peers that dawdle, never read or close
anywhere, a full disk."""
import os
import random
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import Raw, Server, Tap, message, wait_until
from tmpfs import Tmpfs

t = Tap()
random.seed(1)


# --- the index

def state(s):
    c = s.imap(select=None)
    found = {}
    for box in ('INBOX', 'Work'):
        typ, data = c.select(box)
        found[box] = {}
        for item in c.uid('fetch', '1:*', '(FLAGS INTERNALDATE RFC822.SIZE)')[1]:
            if item and b'SIZE' in item:	# else news of flags, as rebuilding tells
                uid = re.search(rb'UID (\d+)', item).group(1)
                flags = set(re.search(rb'FLAGS \((.*?)\)', item).group(1).split()) - {b'\\Recent'}
                found[box][uid] = (flags, re.search(rb'SIZE \d+', item).group(0), re.search(rb'INTERNALDATE "[^"]*"', item).group(0))
        found[box]['validity'] = c.status(box, '(UIDVALIDITY)')[1]
    c.logout()
    return found


def damage(s, how):
    path = s.index()
    size = os.path.getsize(path)
    if how == 'deleted':
        os.unlink(path)
    elif how == 'emptied':
        os.truncate(path, 0)
    elif how == 'truncated':
        os.truncate(path, size // 2)
    elif how == 'garbage':
        with open(path, 'r+b') as f:
            f.write(random.randbytes(size))
    elif how == 'garbage within':
        with open(path, 'r+b') as f:
            f.seek(size // 3)
            f.write(random.randbytes(size // 3))
    elif how == 'a page of zeroes':
        with open(path, 'r+b') as f:
            f.seek(4096)
            f.write(bytes(4096))


def index_faults(s):
    for i in range(30):
        s.send(message('index-%d' % i))
    c = s.imap()
    c.create('Work')
    c.uid('store', '3:7', '+FLAGS', '(\\Seen \\Flagged)')
    c.uid('store', '5', '+FLAGS', '(project-x)')
    c.uid('copy', '1:10', 'Work')
    c.uid('store', '20', '+FLAGS', '(\\Deleted)')
    c.expunge()
    c.logout()
    want = state(s)
    for how in ('deleted', 'emptied', 'truncated', 'garbage', 'garbage within', 'a page of zeroes'):
        for running in (False, True):
            what = 'index.tdb %s while posthorn %s' % (how, 'runs' if running else 'is stopped')
            if not running:
                s.stop()
                damage(s, how)
                if not t.ok(s.start(), what + ': it starts', s.text, s.log()[-2000:]):
                    return
            else:
                wait_until(lambda: not s.pids('imapd'), 5)
                damage(s, how)
            try:
                got = state(s)
                t.ok(got == want, what + ': same mail, flags and UIDs', *diff(got, want))
                n = len(s.all_ids())
                s.send(message('after-damage'))
                ids = s.all_ids()
                t.ok(len(ids) == n + 1 or '<after-damage@test>' in ids, what + ': mail comes in again')
                top = max(u for us in ids.values() for u in us)
                t.ok(top in ids.get('<after-damage@test>', []) and top > 30, what + ': with a new UID', ids.get('<after-damage@test>'))
                remove_last(s)
            except Exception as e:
                t.ok(False, what + ': it works', repr(e), s.log()[-2000:])
                return
    s.check_verify('after all damage')


def diff(got, want):
    return ['%s %s: got %r want %r' % (box, k, got[box].get(k), want[box].get(k))
            for box in want for k in set(got[box]) | set(want[box]) if got[box].get(k) != want[box].get(k)][:10]


def remove_last(s):
    c = s.imap()
    typ, data = c.uid('search', None, 'HEADER', 'Message-ID', '<after-damage@test>')
    c.uid('store', data[0].decode().replace(' ', ','), '+FLAGS', '(\\Deleted)')
    c.expunge()
    c.logout()


# --- peers

SMTP_DIALOGUE = (b'EHLO client.test\r\nMAIL FROM:<sender@example.org>\r\nRCPT TO:<user@localhost>\r\nDATA\r\n'
                 + message('cut') + b'.\r\nQUIT\r\n')
IMAP_DIALOGUE = (b'a LOGIN user@localhost posthorn\r\nb SELECT INBOX\r\nc UID FETCH 1:* (FLAGS BODY.PEEK[])\r\n'
                 b'd APPEND INBOX {5+}\r\nhello\r\ne SEARCH TEXT hello\r\nf IDLE\r\nDONE\r\ng LOGOUT\r\n')


def answers(s):
    """Both services do, at once."""
    begin = time.time()
    with s.smtp(timeout=10) as c:
        c.noop()
    c = s.imap(timeout=10)
    c.logout()
    return time.time() - begin < 5


def closes_anywhere(s):
    before = len(s.all_ids().get('<cut@test>', []))
    end_of_data = SMTP_DIALOGUE.index(b'\r\n.\r\n') + 5
    for cut in list(range(0, len(SMTP_DIALOGUE), 11)) + [end_of_data - 1]:
        r = Raw(s.smtp_port)
        r.send(SMTP_DIALOGUE[:min(cut, end_of_data - 1)])
        if random.random() < .3:
            r.line()
        r.close()
    for cut in range(0, len(IMAP_DIALOGUE), 7):
        r = Raw(s.imap_port)
        r.send(IMAP_DIALOGUE[:cut])
        if random.random() < .3:
            r.line()
        r.close()
    t.ok(answers(s), 'peers that close anywhere leave the others alone')
    t.eq(len(s.all_ids().get('<cut@test>', [])), before, 'half a message is none')
    t.ok(wait_until(lambda: not s.pids('smtpd') and not s.pids('imapd') and not s.pids('imapgate'), 10),
         'and no session stays', s.pids('smtpd') + s.pids('imapd') + s.pids('imapgate'))


def byte_a_second(s):
    """A few that send slowly; the service is there for others, and the slow are served, too."""
    stop, slow = [], []

    def dribble(port, text):
        r = Raw(port)
        slow.append(r)
        try:
            for b in text:
                if stop:
                    break
                r.send(bytes([b]))
                time.sleep(0.5)
        except OSError:
            pass
    threads = [threading.Thread(target=dribble, args=a, daemon=True)
               for a in [(s.smtp_port, b'EHLO client.test\r\n'), (s.imap_port, b'a CAPABILITY\r\n')] * 4]
    for th in threads:
        th.start()
    time.sleep(2)
    t.ok(all(answers(s) for _ in range(3)), 'peers that send a byte at a time hold nobody up')
    stop.append(1)
    for th in threads:
        th.join()
    for r in slow:
        r.close()
    r = Raw(s.smtp_port)
    r.reply()
    for b in b'EHLO client.test\r\n':
        r.send(bytes([b]))
        time.sleep(0.02)
    t.ok((r.reply() or b'').startswith(b'250'), 'byte by byte is understood')
    r.close()


def rss(pid):
    try:
        return int(re.search(r'VmRSS:\s+(\d+)', open('/proc/%d/status' % pid).read()).group(1))
    except (OSError, AttributeError):
        return 0


def never_reads(s):
    s.send(message('large', ('x' * 75 + '\r\n') * 20000))
    uid = s.all_ids()['<large@test>'][0]
    r = Raw(s.imap_port)
    r.line()
    r.send(b'a LOGIN user@localhost posthorn\r\nb SELECT INBOX\r\n')
    for i in range(100):
        r.send(b'c%d UID FETCH %d (BODY.PEEK[])\r\n' % (i, uid))
    time.sleep(1.5)
    sizes = [rss(p) for p in s.pids('imapd') + s.pids('listend')]
    t.ok(sizes and max(sizes) < 60000, 'a peer that never reads 150 MB costs no memory', sizes)
    t.ok(answers(s), 'and holds nobody up')
    r.close()
    m = Raw(s.smtp_port)
    m.s.settimeout(5)
    try:
        for _ in range(2000):
            m.send(b'NOOP\r\n' * 500)
    except OSError:
        pass
    t.ok(answers(s), 'nor does one that never reads its replies over SMTP')
    m.close()
    t.ok(wait_until(lambda: not s.pids('imapd'), 10), 'the session ends when the peer is gone')


# --- a full disk

def try_send(s, ident, body='hello\r\n'):
    """The code of the last reply: 250, or how it was refused."""
    import smtplib
    try:
        s.send(message(ident, body))
        return 250
    except smtplib.SMTPResponseException as e:
        return e.smtp_code
    except smtplib.SMTPRecipientsRefused as e:
        return list(e.recipients.values())[0][0]


def disk_full():
    fs = Tmpfs('24m')
    if not fs.mounted:
        fs.remove()
        return t.skip('a full disk', 'cannot mount a tmpfs')
    try:
        with Server(dir=os.path.join(fs.dir, 'home'), tap=t) as s:
            for i in range(10):
                s.send(message('full-%d' % i))
            accepted = ['full-%d' % i for i in range(10)]
            codes = set()
            for leave in (0, 4096, 8192, 16384, 40000, 100000, 300000):
                fs.fill(leave)
                for i in range(4):
                    ident = 'full-%d-%d' % (leave, i)
                    code = try_send(s, ident, 'y' * 70 + '\r\n')
                    codes.add(code)
                    if code == 250:
                        accepted.append(ident)
                fs.empty()
            t.ok(codes <= {250, 421, 451, 452, 431}, 'a full disk is a temporary answer', codes)
            t.ok(codes - {250}, 'and was one', codes)
            fs.fill()
            c = s.imap()
            t.eq(c.uid('fetch', '1', '(BODY.PEEK[])')[1][0][1][-7:], b'hello\r\n', 'mail can be read all the same')
            t.eq(c.append('INBOX', None, None, message('full-append', 'z' * 300000 + '\r\n'))[0], 'NO', 'APPEND is refused')
            c.uid('store', '1', '+FLAGS', '(\\Seen)')
            c.uid('copy', '1:10', 'INBOX')
            t.eq(c.noop()[0], 'OK', 'and the session lives on')
            c.logout()
            fs.empty()
            t.eq(try_send(s, 'full-later'), 250, 'with space again, mail comes in')
            ids = s.all_ids()
            lost = [i for i in accepted + ['full-later'] if '<%s@test>' % i not in ids]
            t.ok(not lost, 'nothing accepted is lost', lost)
            c = s.imap()
            t.eq(c.append('INBOX', None, None, message('full-append'))[0], 'OK', 'APPEND works, too')
            c.logout()
    finally:
        fs.remove()


with Server(tap=t) as s:
    closes_anywhere(s)
    byte_a_second(s)
    never_reads(s)
with Server(tap=t) as s:
    index_faults(s)
disk_full()
t.done()
