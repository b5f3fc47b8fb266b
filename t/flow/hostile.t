#!/usr/bin/env python3
"""A running posthorn and everything a stranger, a bad client or a taken-over service can throw at it.

No process may die, no long-living one may grow, nobody else may notice.
"""
import array
import base64
import os
import re
import resource
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import *

LONG_LIVING = ('listend', 'authd', 'deliverd', 'verifyd', 'spawnd', 'supervised')
t = Tap()


class Imap(Raw):
    """Lines in, lines out; literals stay in the text."""

    def __init__(self, s, login=True, user='user@localhost'):
        Raw.__init__(self, s.imap_port)
        self.n = 0
        self.line()
        if login:
            assert self.do('LOGIN %s posthorn' % user)[-1].split()[1] == b'OK'

    def until(self, tag):
        got = []
        while True:
            line = self.line()
            if line is None:
                return got + [b'* gone']
            got.append(line)
            if line.startswith(tag + b' '):
                return got

    def do(self, text):
        self.n += 1
        tag = b't%d' % self.n
        self.send(tag + b' ' + (text.encode() if isinstance(text, str) else text) + b'\r\n')
        return self.until(tag)

    def says(self, text):
        """OK, NO or BAD; gone when the connection is."""
        return self.do(text)[-1].split()[1].decode()

    def append(self, mailbox, message):
        self.n += 1
        tag = b't%d' % self.n
        self.send(tag + b' APPEND %s {%d+}\r\n' % (mailbox.encode(), len(message)) + message + b'\r\n')
        return self.until(tag)[-1].split()[1].decode()


def well(s, what):
    """Somebody else is served as if nothing happened."""
    try:
        i = Imap(s)
        good = i.says('SELECT INBOX') == 'OK' and i.says('LOGOUT') == 'OK'
        i.close()
        c = Raw(s.smtp_port)
        c.reply()
        good = good and c.cmd('NOOP').startswith(b'250')
        c.close()
        return t.ok(good, what + ': others are served')
    except (OSError, AssertionError, AttributeError, IndexError) as e:
        return t.ok(False, what + ': others are served', repr(e))


def measure(s):
    """Descriptors and private memory (KiB) of each long-living process."""
    got = {}
    for pid, name in children_of(s.proc.pid).items():
        if name in LONG_LIVING:
            kib = sum(int(l.split()[1]) for l in open('/proc/%d/smaps_rollup' % pid) if l.startswith('Private_'))
            got[pid] = (name, len(os.listdir('/proc/%d/fd' % pid)), kib)
    return got


def sanitized(pid):
    """A sanitizer keeps what was freed: its memory tells nothing."""
    return 'libasan' in open('/proc/%d/maps' % pid).read()


def deaths(s):
    return [l for l in s.log().splitlines() if ' died ' in l or 'worker-ended' in l or ' failed service=' in l]


def bodies(s, mailbox='INBOX'):
    i = Imap(s)
    i.do('SELECT ' + mailbox)
    got = b'\n'.join(i.do('FETCH 1:* (BODY.PEEK[])'))
    i.close()
    return got


# --- SMTP

def smtp(s, data, tls=False, timeout=10):
    """Everything at once; all that is said until the end."""
    c = Raw(s.smtp_port, timeout)
    try:
        c.send(data)
        c.s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    got = c.end()
    c.close()
    return got


ENVELOPE = b'EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<user@localhost>\r\n'


def test_smuggling(s):
    inner = b'MAIL FROM:<evil@example.org>\r\nRCPT TO:<user@localhost>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n'
    for name, end in (('LF.LF', b'\n.\n'), ('LF.CRLF', b'\n.\r\n'), ('CRLF.LF', b'\r\n.\n'), ('CR.CR', b'\r.\r'),
                      ('CR.CRLF', b'\r.\r\n'), ('CRLF.CR', b'\r\n.\r'), ('NUL', b'\r\n.\0\r\n'), ('CRLF.space', b'\r\n. \r\n'),
                      ('CRLF NUL.', b'\r\n\0.\r\n'), ('CRCRLF', b'\r\r\n.\r\r\n'), ('CRLF.CRCRLF', b'\r\n.\r\r\n')):
        got = smtp(s, ENVELOPE + b'DATA\r\nSubject: outer\r\n\r\nbody' + end + inner + b'QUIT\r\n')
        t.ok(got.count(b'\n250 2.0.0') + got.count(b'\n250 2.6.0') <= 1 and got.count(b'\n354') == 1,
             'smuggling with %s: one message at most' % name, got)
    for inject in (b'a\n@example.org', b'a@example.org>\rRCPT TO:<x@y', b'a\0@example.org'):
        got = smtp(s, b'EHLO x\r\nMAIL FROM:<' + inject + b'>\r\nQUIT\r\n')
        t.ok(b'\n250 2.1.0' not in got, 'a line end within an address is refused: %r' % inject, got)
    t.ok(b'smuggled' not in bodies(s).replace(b'Subject: outer', b'') or
         b'\nSubject: smuggled' not in re.sub(rb'(?s)Subject: outer.*?\)\n', b'', bodies(s) + b')\n'), 'nothing was smuggled')
    well(s, 'smuggling')


def test_smtp_abuse(s):
    got = smtp(s, b'EHLO x\r\n' + b'NOOP\r\n' * 5000 + b'QUIT\r\n')
    t.ok(got.startswith(b'220') and got.count(b'\n250 2') <= 5000, 'five thousand commands at once', len(got))
    got = smtp(s, ENVELOPE + b'RSET\r\nDATA\r\nQUIT\r\n')
    t.ok(b'\n354' not in got, 'DATA behind RSET', got)
    for size in (b'-1', b'0x10', b'18446744073709551616', b'99999999999999999999999', b'4294967296', b'9223372036854775807',
                 b'1 2', b'', b'1 LAST LAST', b'+5', b'18446744073709551615 LAST'):
        got = smtp(s, ENVELOPE + b'BDAT ' + size + b'\r\nhello\r\nQUIT\r\n')
        t.ok(b'\n250 2.0.0' not in got and b'\n250 2.6.0' not in got, 'BDAT %s' % size.decode(), got[-300:])
    got = smtp(s, ENVELOPE + b'BDAT 3\r\nabcBDAT 0\r\nBDAT 0\r\nDATA\r\n')
    t.ok(b'\n354' not in got, 'DATA among chunks', got)
    got = smtp(s, ENVELOPE + b'BDAT 0 LAST\r\nQUIT\r\n')
    t.ok(got.startswith(b'220'), 'an empty message in a chunk', got)
    got = smtp(s, ENVELOPE + b'BDAT 1\r\na' * 3000 + b'BDAT 0 LAST\r\nQUIT\r\n')
    t.ok(got.startswith(b'220'), 'three thousand chunks of a byte', got[-300:])
    for line in (b'A' * 16384, b'MAIL FROM:<' + b'a' * 16384 + b'@x>', b'RCPT TO:<' + b'"\\' * 8000, b'EHLO ' + b'x.' * 8000,
                 b'\0' * 3000, b'\xff' * 3000, b'MAIL FROM:<> ' + b'X=Y ' * 4000, b'VRFY ' + b'@' * 16000):
        got = smtp(s, b'EHLO x\r\n' + line + b'\r\nNOOP\r\nQUIT\r\n')
        t.ok(b'\n5' in got or b'\n421' in got, 'a line of %d bytes (%r) is an error' % (len(line), line[:12]), got[-300:])
    got = smtp(s, b'EHLO x\r\nMAIL FROM:<a@example.org>\r\n' + b'RCPT TO:<user@localhost>\r\n' * 3000 + b'DATA\r\n.\r\nQUIT\r\n', timeout=30)
    t.ok(got.startswith(b'220'), 'three thousand recipients', got[-300:])
    got = smtp(s, ENVELOPE + b'DATA\r\n' + b'Received: x\r\n' * 200 + b'\r\n.\r\nQUIT\r\n')
    t.ok(b'\n5' in got and b'5.4.6' in got, 'a loop', got[-300:])
    got = smtp(s, ENVELOPE + b'DATA\r\n' + b'X' * 3000000 + b'\r\n.\r\nQUIT\r\n')
    t.ok(got.startswith(b'220'), 'a line of three megabytes', got[-300:])
    got = smtp(s, ENVELOPE + b'DATA\r\n' + b'X: \r\n' * 200000 + b'\r\n.\r\nQUIT\r\n')
    t.ok(got.startswith(b'220'), 'two hundred thousand header fields', got[-300:])
    for bad in (b'AUTH PLAIN ' + b'A' * 12000, b'AUTH SCRAM-SHA-256 ' + b'=' * 100, b'AUTH'):
        got = smtp(s, b'EHLO x\r\n' + bad + b'\r\nNOOP\r\nQUIT\r\n')
        t.ok(b'\n5' in got and b'\n235' not in got, 'AUTH where there is none: %r' % bad[:16], got)
    well(s, 'SMTP abuse')


def test_starttls(s):
    c = Raw(s.smtp_port)
    c.reply()
    c.cmd('EHLO x')
    c.send(b'STARTTLS\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<user@localhost>\r\n')
    t.ok(c.reply().startswith(b'220'), 'SMTP: STARTTLS with more behind it')
    c.s = client_context().wrap_socket(c.s, server_hostname='localhost')
    c.buffer = b''
    t.ok(c.cmd('DATA').startswith(b'503'), 'SMTP: nothing of it is left behind the handshake')
    t.ok(c.cmd('STARTTLS').startswith(b'5'), 'SMTP: not twice')
    c.close()
    c = Imap(s, login=False)
    c.send(b'a STARTTLS\r\nb LOGIN user@localhost posthorn\r\nc SELECT INBOX\r\n')
    t.ok(c.line().startswith(b'a OK'), 'IMAP: STARTTLS with more behind it')
    c.s = client_context().wrap_socket(c.s, server_hostname='localhost')
    c.buffer = b''
    t.ok(c.says('SELECT INBOX') in ('BAD', 'NO'), 'IMAP: nothing of it is left behind the handshake')
    t.ok(c.says('STARTTLS') == 'BAD', 'IMAP: not twice')
    c.close()
    for port in (s.smtp_port, s.imap_port):
        c = Raw(port)
        c.line()
        c.send(b'EHLO x\r\nSTARTTLS\r\n' if port == s.smtp_port else b'a STARTTLS\r\n')
        time.sleep(0.1)
        c.send(b'\x16\x03\x01\xff\xff' + os.urandom(2000))
        c.s.shutdown(socket.SHUT_WR)
        c.end()
        c.close()
        c = Raw(port)
        c.line()
        c.send(b'EHLO x\r\nSTARTTLS\r\n' if port == s.smtp_port else b'a STARTTLS\r\n')
        c.close()
    well(s, 'STARTTLS')


# --- IMAP

def test_gate(s):
    """Before login."""
    c = Imap(s, login=False)
    for text in ('LOGIN {4294967295}', 'LOGIN {18446744073709551616}', 'LOGIN {-1}', 'LOGIN {99999999+}', 'LOGIN {102401}',
                 'LOGIN {', 'LOGIN {}', 'LOGIN {0x10}', 'NOOP {5}x', 'AUTHENTICATE PLAIN ' + 'A' * 9000, 'AUTHENTICATE ' + 'X' * 9000,
                 'ID (' + '"a" "b" ' * 1000 + ')', 'ID (' * 2000, 'SELECT INBOX', 'X' * 8000):
        try:
            r = c.says(text)
        except OSError:
            r = 'gone'
        t.ok(r in ('BAD', 'NO', 'gone', 'BYE'), 'before login: %.30s' % text, r)
        if r in ('gone', 'BYE'):
            c.close()
            c = Imap(s, login=False)
    c.send(b'x AUTHENTICATE PLAIN\r\n')
    c.line()
    c.send(b'A' * 20000 + b'\r\n')
    got = c.line()
    t.ok(got is None or b'BAD' in got or b'NO' in got or b'BYE' in got, 'a response of 20 KB', got)
    c.close()
    for n, mech in enumerate(('PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'EXTERNAL', 'SCRAM-SHA-256-PLUS')):
        c = Imap(s, login=False)
        for garbage in (b'!!!!', b'=', b'*', b'', base64.b64encode(b'\0' * 3000), base64.b64encode(b'n,,n=user,r=' + b'x' * 3000),
                        base64.b64encode(b'p=tls-exporter,,n=u,r=x'), base64.b64encode(b'a\0\xff\xfe\0p')):
            try:
                c.send(b'z AUTHENTICATE %s\r\n' % mech.encode())
                line = c.line()
                if line is None:
                    break
                while line.startswith(b'+'):
                    c.send(garbage + b'\r\n')
                    line = c.line() or b''
            except OSError:
                break
        c.close()
    well(s, 'before login')


def test_commands(s):
    c = Imap(s)
    c.do('SELECT INBOX')
    big = 'FETCH ' + '1:4294967295,' * 1000 + '1 FLAGS'
    for name, text in (('a set of a thousand ranges', big),
                       ('all of them again', 'UID FETCH ' + '*:1,1:*,' * 1900 + '1 UID'),
                       ('STORE on such a set', 'STORE ' + '1:4294967295,' * 1000 + '1 +FLAGS (\\Seen)'),
                       ('a number too large', 'FETCH 4294967296 FLAGS'), ('zero', 'FETCH 0 FLAGS'), ('0:0', 'UID FETCH 0:0 FLAGS'),
                       ('flags without end', 'STORE 1 +FLAGS (' + 'k%d ' * 0 + ' '.join('k%d' % i for i in range(2000)) + ')'),
                       ('a line of 16 KiB', 'NOOP ' + 'x' * 16300), ('a longer one', 'NOOP ' + 'x' * 20000),
                       ('parentheses', 'FETCH 1 ' + '(' * 8000), ('NOT NOT NOT', 'SEARCH ' + 'NOT ' * 3000 + 'ALL'),
                       ('OR OR OR', 'SEARCH ' + 'OR ' * 3000 + 'ALL ' * 3001), ('((((ALL', 'SEARCH ' + '(' * 5000 + 'ALL' + ')' * 5000),
                       ('NOT forty deep', 'SEARCH ' + 'NOT ' * 40 + 'ALL'), ('BODY many times', 'SEARCH ' + 'TEXT x ' * 1500),
                       ('sections', 'FETCH 1 BODY[' + '1.' * 5000 + '1]'), ('a part of zero', 'FETCH 1 BODY[0.1]'),
                       ('many items', 'FETCH 1 (' + 'BODY.PEEK[] ' * 600 + ')'),
                       ('partial out of range', 'FETCH 1 BODY[]<4294967295.4294967295>'), ('partial too large', 'FETCH 1 BODY[]<18446744073709551616.1>'),
                       ('partial of nothing', 'FETCH 1 BODY[]<0.0>'), ('fields', 'FETCH 1 BODY.PEEK[HEADER.FIELDS (' + 'a ' * 3000 + 'b)]'),
                       ('SORT', 'SORT ('), ('CHARSET', 'SEARCH CHARSET ' + 'x' * 5000 + ' ALL'), ('a date', 'SEARCH SINCE 99-Jan-99999999'),
                       ('LIST of stars', 'LIST "" ' + '*%' * 4000), ('LIST of many', 'LIST "" (' + '* ' * 3000 + '*)'),
                       ('MODSEQ', 'SEARCH MODSEQ 18446744073709551616'), ('STATUS', 'STATUS INBOX (' + 'MESSAGES ' * 1500 + ')'),
                       ('COPY of all to itself', 'COPY 1:* INBOX'), ('ENABLE', 'ENABLE ' + 'X ' * 5000),
                       ('APPEND of 4 GiB', 'APPEND INBOX {4294967296}'), ('APPEND of more', 'APPEND INBOX {18446744073709551617}'),
                       ('APPEND of minus one', 'APPEND INBOX {-1}'), ('literals by the thousand', 'NOOP {99999999999}')):
        began = time.time()
        try:
            r = c.says(text)
        except OSError as e:
            r = 'gone'
        took = time.time() - began
        t.ok(r in ('OK', 'NO', 'BAD', 'gone', 'BYE') and took < 5, '%s: %s in %.2f s' % (name, r, took))
        if r in ('gone', 'BYE'):
            c.close()
            c = Imap(s)
            c.do('SELECT INBOX')
    t.ok(c.says('NOOP') == 'OK', 'and the session is alive')
    # a size that is a lie: less, more, and nothing
    c.send(b'l1 APPEND INBOX {10}\r\n')
    t.ok(c.line().startswith(b'+'), 'APPEND of ten bytes')
    c.send(b'0123456789EXTRA\r\n')
    t.ok(b' BAD' in c.until(b'l1')[-1], 'and some more')
    c.send(b'l2 APPEND INBOX {100000+}\r\nshort')
    c.s.shutdown(socket.SHUT_WR)
    c.end()
    c.close()
    c = Imap(s)
    c.send(b'l3 APPEND INBOX {50000000+}\r\n' + b'x' * 100)
    c.close()
    well(s, 'commands')


NAMES = (b'"../friend"', b'".."', b'"."', b'"a/../../b"', b'"/etc"', b'"a//b"', b'"%2F"', b'"%2e%2e"', b'"a%00b"', b'"&AC8-"',
         b'"&AAA-"', b'"&AC4ALg-"', b'"&"', b'"&&&&"', b'"&-"', b'"&AGE-"', b'"&2AA-"', b'"&3AA-"', b'"&ZeVnLIqe"', b'"&ZeVnLIqe-&ZeVnLIqe-"',
         b'"cur"', b'"new"', b'"tmp"', b'"a/cur"', b'"posthorn.mailbox"', b'"inbox/../x"', b'"INBOX/"', b'"iNbOx/cur"', b'{3+}\r\na\0b',
         b'{5+}\r\na\r\nb\r', b'"~root"', b'" "', b'""', b'"*"', b'"%"', b'"\x7f"', b'{2+}\r\n\xff\xfe', b'"' + b'x' * 300 + b'"',
         b'"' + b'y/' * 60 + b'y"', b'"' + b'&AOQ-' * 150 + b'"', b'"#shared"', b'".hidden"', b'"CON"', b'"a%2"', b'"Friend%2F..%2F"')


def test_names(s):
    c = Imap(s)
    before = {os.path.join(d, f) for d, _, fs in os.walk(s.var) for f in fs if '/user' not in d and 'run' not in d}
    for name in NAMES:
        got = [c.says(verb + b' ' + name + more) for verb, more in (
            (b'CREATE', b''), (b'SELECT', b''), (b'STATUS', b' (MESSAGES)'), (b'RENAME', b' "was ' + name[-1:] if False else b' "safe"'),
            (b'RENAME "safe"' , b''), (b'SUBSCRIBE', b''), (b'LIST ""', b''), (b'COPY 1', b''), (b'UNSUBSCRIBE', b''), (b'DELETE', b''))]
        t.ok(set(got) <= {'OK', 'NO', 'BAD'}, 'a mailbox %.40r: %s' % (name, ' '.join(got)))
        c.do('DELETE "safe"')
    after = {os.path.join(d, f) for d, _, fs in os.walk(s.var) for f in fs if '/user' not in d and 'run' not in d}
    t.eq({p for p in after - before if 'attempts' not in p and 'friend' not in p}, set(), 'no file of anybody else came')
    t.ok(not os.path.exists(os.path.join(s.var, 'accounts/friend/mail/x')), 'nor with friend')
    c.close()
    s.check_verify('after hostile names')
    well(s, 'names')


def test_mailboxes(s):
    c = Imap(s, user='friend@localhost')
    began = time.time()
    n = 2000
    for at in range(0, n, 200):
        c.send(b''.join(b'm%d CREATE many%d\r\n' % (i, i) for i in range(at, at + 200)))
        last = c.until(b'm%d' % (at + 199))[-1]
    took = time.time() - began
    t.ok(b' OK' in last or b' NO' in last, '%d mailboxes: %.1f s' % (n, took), last)
    began = time.time()
    got = c.do('LIST "" "*"')
    t.ok(got[-1].split()[1] == b'OK' and time.time() - began < 5, 'LIST of %d: %.1f s' % (len(got), time.time() - began))
    began = time.time()
    t.ok(c.says('LIST "" "' + '*a' * 30 + '"') in ('OK', 'NO', 'BAD') and time.time() - began < 5, 'LIST of a costly pattern: %.1f s' % (time.time() - began))
    c.close()
    well(s, 'mailboxes')


def mime_bombs():
    deep = b''
    for i in range(500):
        deep += b'Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n' % (i, i)
    yield 'multiparts 500 deep', deep + b'\r\nx\r\n'
    yield 'messages 500 deep', b'Content-Type: message/rfc822\r\n\r\n' * 500 + b'\r\nx'
    yield '20,000 parts', b'Content-Type: multipart/mixed; boundary=b\r\n\r\n' + b'--b\r\n\r\nx\r\n' * 20000 + b'--b--\r\n'
    yield '20,000 parameters', b'Content-Type: text/plain' + b''.join(b'; p%d=v' % i for i in range(20000)) + b'\r\n\r\nx\r\n'
    yield 'a parameter in 5,000 sections', b'Content-Type: text/plain' + b''.join(b";\r\n name*%d*=%%41" % i for i in range(5000)) + b'\r\n\r\nx\r\n'
    yield 'a boundary of 100 KB', b'Content-Type: multipart/mixed; boundary="' + b'b' * 100000 + b'"\r\n\r\n--' + b'b' * 100000 + b'\r\n\r\nx\r\n'
    yield 'boundaries that begin alike', b'Content-Type: multipart/mixed; boundary=a\r\n\r\n' + b'--aa\r\n--a\r\n--aaa--\r\n' * 5000
    yield 'an address list without end', b'To: ' + b'<a@b>, ' * 50000 + b'\r\n\r\nx\r\n'
    yield 'comments in comments', b'From: ' + b'(' * 100000 + b'\r\n\r\nx\r\n'
    yield 'quotes', b'Subject: x\r\nFrom: ' + b'"\\' * 50000 + b'\r\n\r\nx\r\n'
    yield 'groups', b'To: ' + b'g:' * 30000 + b'\r\n\r\nx\r\n'
    yield 'encoded words', b'Subject: ' + b'=?utf-8?q?=41?= ' * 20000 + b'\r\n\r\nx\r\n'
    yield 'an encoded word without end', b'Subject: =?utf-8?b?' + b'A' * 200000 + b'\r\n\r\nx\r\n'
    yield 'a header without end', b'X' * 1000000
    yield 'folds', b'Subject: a' + b'\r\n ' * 200000 + b'\r\n\r\nx\r\n'
    yield 'a charset of nonsense', b'Content-Type: text/plain; charset=' + b'\xff' * 2000 + b'\r\nContent-Transfer-Encoding: base64\r\n\r\n====AAAA\r\n'
    yield 'iso-2022', b'Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n' + b'\x1b$B' * 50000 + b'\r\n'
    yield 'utf-7', b'Content-Type: text/plain; charset=utf-7\r\n\r\n' + b'+AAA' * 50000 + b'\r\n'
    yield 'empty', b''
    yield 'NULs', b'\0' * 10000
    yield 'one CRLF', b'\r\n'
    yield 'references', b'References: ' + b'<a@b> ' * 50000 + b'\r\nIn-Reply-To: ' + b'<' * 10000 + b'\r\nDate: ' + b'9' * 10000 + b'\r\n\r\n'


def test_mime(s):
    c = Imap(s)
    c.do('CREATE hostile')
    c.do('SELECT hostile')
    for name, message in mime_bombs():
        began = time.time()
        r = c.append('hostile', message)
        got = [r]
        if r == 'OK':
            c.do('NOOP')
            for what in ('FETCH * (ENVELOPE BODYSTRUCTURE BODY)', 'FETCH * (BODY.PEEK[1.1.1.1.1.1.1.MIME] BODY.PEEK[HEADER.FIELDS (To)] BODY.PEEK[2.HEADER])',
                         'FETCH * RFC822.HEADER', 'SEARCH TEXT zzz SUBJECT q FROM z', 'SEARCH BODY zzz', 'SEARCH HEADER X "" SENTSINCE 1-Jan-2020'):
                try:
                    got.append(c.says(what))
                except OSError:
                    got.append('gone')
        took = time.time() - began
        t.ok(set(got) <= {'OK', 'NO'} and took < 6, '%s: %s in %.2f s' % (name, ' '.join(got), took))
        if 'gone' in got:
            c.close()
            c = Imap(s)
            c.do('SELECT hostile')
    c.close()
    for name, message in mime_bombs():
        if b'\0' in message:
            continue
        got = smtp(s, ENVELOPE + b'DATA\r\n' + message + b'\r\n.\r\nQUIT\r\n', timeout=20)
        t.ok(got.startswith(b'220') and b'\n354' in got and re.search(rb'\n[25]\d\d [^\n]*\r\n(221|$)', got), 'by SMTP: ' + name, got[-200:])
    well(s, 'MIME')


def test_two(s):
    """What one session has selected, another takes away."""
    a, b = Imap(s), Imap(s)
    for n, how in enumerate(('DELETE box%d', 'RENAME box%d gone%d', 'DELETE+CREATE', 'RENAME INBOX from-inbox')):
        if n < 3:
            a.do('CREATE box%d' % n)
            for i in range(3):
                a.append('box%d' % n, b'Subject: %d\r\n\r\nx\r\n' % i)
        else:
            a.append('INBOX', b'Subject: x\r\n\r\nx\r\n')
        box = 'box%d' % n if n < 3 else 'INBOX'
        b.do('SELECT ' + box)
        if how == 'DELETE+CREATE':
            a.do('DELETE ' + box)
            a.do('CREATE ' + box)
        elif '%d' in how:
            a.do(how % ((n,) if how.count('%d') == 1 else (n, n)))
        else:
            a.do(how)
        got = []
        for cmd in ('NOOP', 'FETCH 1:* (FLAGS UID BODY.PEEK[])', 'STORE 1:* +FLAGS (\\Deleted)', 'SEARCH TEXT x', 'COPY 1:* Archive', 'MOVE 1 Archive', 'EXPUNGE',
                    'STATUS %s (MESSAGES)' % box, 'CLOSE', 'SELECT INBOX'):
            try:
                got.append(b.says(cmd))
            except OSError:
                got.append('gone')
            if got[-1] in ('gone', 'BYE'):
                b.close()
                b = Imap(s)
        t.ok(set(got) <= {'OK', 'NO', 'BAD', 'BYE', 'gone'}, '%s under another: %s' % (how, ' '.join(got)))
    # both at it at once
    stop = []

    def churn(mine, other):
        c = Imap(s)
        while not stop:
            for cmd in ('CREATE churn/a', 'SELECT churn/a', 'APPEND churn/a {5+}\r\nhello', 'RENAME churn churn2', 'FETCH 1:* FLAGS', 'MOVE 1:* INBOX',
                        'RENAME churn2 churn', 'DELETE churn/a', 'DELETE churn', 'NOOP'):
                if c.says(cmd) in ('gone', 'BYE'):
                    c.close()
                    c = Imap(s)
        c.close()
    workers = [threading.Thread(target=churn, args=(i, 1 - i)) for i in range(3)]
    for w in workers:
        w.start()
    time.sleep(4)
    stop.append(1)
    for w in workers:
        w.join(30)
    t.ok(not any(w.is_alive() for w in workers), 'three sessions take mailboxes from each other')
    a.close()
    b.close()
    s.check_verify('after that')
    well(s, 'two sessions')


# --- connections

def warm(s):
    """Each worker has done each thing once."""
    for i in range(30):
        smtp(s, ENVELOPE + b'DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n')
        c = Raw(s.imaps_port, tls=True)
        c.send(b'a LOGIN user@localhost posthorn\r\nb LOGOUT\r\n')
        c.end()
        c.close()
    wait_until(lambda: not [p for n in ('smtpd', 'imapd', 'imapgate') for p in s.pids(n)], 10)


def test_vanish(s):
    """Gone in every state."""
    warm(s)
    before = measure(s)
    words = (b'', b'EHLO x\r\n', b'EHLO x\r\nMAIL FROM:<a@b.example>\r\n', ENVELOPE, ENVELOPE + b'DATA\r\n', ENVELOPE + b'DATA\r\nSubject: x\r\n\r\nhalf',
             ENVELOPE + b'BDAT 100\r\nhalf', ENVELOPE + b'DATA\r\nx\r\n.\r\n', b'EHLO x\r\nSTARTTLS\r\n', b'EHL')
    imap = (b'', b'a', b'a LOGIN', b'a LOGIN {5}\r\n', b'a AUTHENTICATE PLAIN\r\n', b'a STARTTLS\r\n', b'a LOGIN user@localhost wrong\r\n',
            b'a LOGIN user@localhost posthorn\r\n', b'a LOGIN user@localhost posthorn\r\nb SELECT INBOX\r\nc IDLE\r\n',
            b'a LOGIN user@localhost posthorn\r\nb SELECT INBOX\r\nc FETCH 1:* BODY[]\r\n', b'a LOGIN user@localhost posthorn\r\nb APPEND INBOX {1000}\r\nxx')
    for how in ('close', 'reset', 'half'):
        for port, what in [(s.smtp_port, w) for w in words] + [(s.imap_port, w) for w in imap]:
            for _ in range(4):
                c = socket.create_connection(('127.0.0.1', port), 10)
                c.sendall(what)
                if how == 'reset':
                    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, array.array('i', [1, 0]).tobytes())
                if how == 'half':
                    c.shutdown(socket.SHUT_WR)
                    c.settimeout(10)
                    try:
                        while c.recv(65536):
                            pass
                    except OSError:
                        pass
                c.close()
    for tls in (True, False):
        for _ in range(30):
            c = socket.create_connection(('127.0.0.1', s.imaps_port), 10)
            if tls:
                c = client_context().wrap_socket(c, server_hostname='localhost')
            else:
                c.sendall(b'\x16\x03\x01')
            c.close()
    settled(s, before, 'clients that vanish')


def settled(s, before, what, more_kib=300):
    """The sessions are gone and the long-living processes hold what they held before."""
    wait_until(lambda: not [p for n in ('smtpd', 'imapd', 'imapgate') for p in s.pids(n)], 20)
    t.eq({n: len(s.pids(n)) for n in ('smtpd', 'imapd', 'imapgate')}, {'smtpd': 0, 'imapd': 0, 'imapgate': 0}, what + ': no session is left')

    # a worker of deliverd keeps the account open that it delivered to, each from its own first time on
    def grown():
        now = measure(s)
        return [(before[p], now.get(p)) for p in before if p not in now or now[p][1] > before[p][1] + (10 if now[p][0] == 'deliverd' else 0) or (now[p][2] > before[p][2] + more_kib and not sanitized(p))]
    wait_until(lambda: not grown(), 10, 0.2)
    t.ok(not grown(), what + ': nobody grew', grown())
    well(s, what)


def test_flood(s):
    """Half-open ones, silent ones, ones that never read."""
    before = measure(s)
    held = []
    for i in range(300):
        c = socket.create_connection(('127.0.0.1', (s.smtp_port, s.imap_port, s.imaps_port)[i % 3]), 10)
        held.append(c)
    well(s, 'three hundred silent connections')
    for c in held:
        c.close()
    i = Imap(s)
    i.append('INBOX', b'Subject: big\r\n\r\n' + b'x' * 70 * 1000 + b'\r\n' * 10)
    i.append('INBOX', b'Subject: large\r\n\r\n' + (b'x' * 70 + b'\r\n') * 60000)
    i.close()
    held = []
    for _ in range(10):
        c = Imap(s)
        c.do('SELECT INBOX')
        c.send(b'f FETCH 1:* BODY.PEEK[]\r\n' * 50)
        held.append(c)
        c = Raw(s.smtp_port)
        c.s.settimeout(1)
        try:
            c.send(b'EHLO x\r\n' * 200000)
        except OSError:
            pass
        held.append(c)
    well(s, 'twenty that never read')
    for c in held:
        c.close()
    settled(s, before, 'floods', 1000)


def test_growth(s):
    """Thousands of connections, and nothing is more than before."""
    def round_(n):
        for k in range(n):
            smtp(s, ENVELOPE + b'DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n' if k % 10 == 0 else b'EHLO x\r\nQUIT\r\n')
            c = Raw(s.imap_port)
            c.send(b'a LOGIN user@localhost %s\r\nb LOGOUT\r\n' % (b'posthorn' if k % 3 else b'wrong'))
            c.end()
            c.close()
            if k % 5 == 0:
                c = Raw(s.imaps_port, tls=True)
                c.send(b'a LOGIN user@localhost posthorn\r\nb LOGOUT\r\n')
                c.end()
                c.close()
    round_(100)
    wait_until(lambda: not s.pids('imapd'), 10)
    before = measure(s)
    round_(int(os.environ.get('HOSTILE_ROUNDS', '400')))
    settled(s, before, 'thousands of connections', 200)
    t.note('\n'.join('%s: %d descriptors, %d KiB' % v for v in sorted(measure(s).values())))


# --- a service that was taken over

def record(proto, **attrs):
    parts = [proto, '1'] + [x for kv in attrs.items() for x in kv]
    return b''.join(p if isinstance(p, bytes) else p.encode() + b'\0' for p in parts)


def strange_records(name):
    yield b''
    yield b'\0'
    yield b'x'
    yield b'\0' * 60000
    yield os.urandom(3000)
    yield b'A' * 65536
    yield record(name)
    yield record(name)[:-1]
    yield record(name) + b'odd\0'
    yield record(name, cmd='x' * 60000)
    yield record(name) + b'cmd\0start\0' * 5000
    yield record(name).replace(b'\x001\0', b'\x002\0')
    yield record(name) + b'\0\0' * 20000


def knock(s, path, recs, fds=(), wait=0.0):
    """Each record on a connection of its own; what came back."""
    got = []
    for rec in recs:
        c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        c.settimeout(5)
        try:
            c.connect(os.path.join(s.var, 'run', path))
            anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
            c.sendmsg([rec], anc)
            time.sleep(wait)
            if wait == 0:
                got.append(c.recv(65536))
        except OSError as e:
            got.append(repr(e).encode())
        c.close()
    return got


def test_services(s):
    before = measure(s)
    null = os.open('/dev/null', os.O_RDWR)
    zero = os.open('/dev/zero', os.O_RDWR)
    r, w = os.pipe()
    directory = os.open('/', os.O_RDONLY)
    sockets = socket.socketpair()
    odd = (null, zero, r, w, directory, sockets[0].fileno())
    for path, name in (('authd', 'auth'), ('deliverd', 'deliver'), ('verifyd', 'verify'), ('smtp', 'conn'), ('imap', 'conn'), ('imapd', 'conn'),
                       ('supervised', 'ctl')):
        began = time.time()
        knock(s, path, strange_records(name), wait=0.001)
        knock(s, path, strange_records(name), odd[:3], wait=0.001)
        knock(s, path, [record(name)] * 3, odd[:1] * 60, wait=0.001)
        held = []
        for _ in range(50):
            c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            c.settimeout(5)
            c.connect(os.path.join(s.var, 'run', path))
            held.append(c)
        for c in held:
            c.close()
        well(s, 'strange records to run/%s (%.1f s)' % (path, time.time() - began))
    base = dict(account='user', rcpt='user@localhost', mailbox='INBOX', mailfrom='a@b.example', prefix='X: y\r\n', conn='c')
    for what, change in (('another directory', dict(account='../../etc')), ('dots', dict(account='..')), ('a slash', dict(account='user/mail')),
                         ('no account', dict(account='')), ('an unknown account', dict(account='nobody')), ('a mailbox above', dict(mailbox='../../friend/mail/INBOX')),
                         ('a mailbox of slashes', dict(mailbox='////')), ('a long mailbox', dict(mailbox='m/' * 20000)), ('a prefix of 60 KB', dict(prefix='X: y\r\n' * 9000))):
        with tempfile.TemporaryFile() as f:
            f.write(b'Subject: x\r\n\r\nx\r\n')
            f.flush()
            got = knock(s, 'deliverd', [record('deliver', **dict(base, **change))], (f.fileno(),))
        t.ok(b'result\0ok' not in got[0] or (('mailbox' in what or 'prefix' in what) and b'mailbox\0INBOX\0' in got[0]), 'deliverd: %s' % what, got)
        got = knock(s, 'deliverd', [record('deliver', **dict(base, **change))])
        t.ok(b'result\0ok' not in got[0], 'deliverd: %s without a message' % what, got)
    for fd, what in zip(odd, ('nothing', 'endless zeros', 'a pipe', 'the other end', 'a directory', 'a socket')):
        began = time.time()
        got = knock(s, 'deliverd', [record('deliver', **base)], (fd,))
        t.ok(b'result\0ok' not in got[0] and time.time() - began < 2, 'deliverd: %s as a message (%.1f s)' % (what, time.time() - began), got)
        got = knock(s, 'verifyd', [record('verify', rip='127.0.0.1', helo='x', mailfrom='a@b')], (fd,))
        t.ok(got[0].startswith(b'facts\0') or not got[0] or b'timed' not in got[0], 'verifyd: %s as a message' % what, got)
    with tempfile.TemporaryFile() as f:
        f.truncate(1 << 40)
        got = knock(s, 'deliverd', [record('deliver', **base)], (f.fileno(),))
        t.ok(b'result\0perm\0status\0' b'5.3.4\0' in got[0], 'deliverd: a terabyte of nothing', got)
    well(s, 'lies to deliverd and verifyd')
    for facts in (dict(rip='999.1.1.1'), dict(rip='1.2.3.4' * 1000), dict(), dict(rip='::1', helo='x' * 30000), dict(rip='fe80::1%lo')):
        knock(s, 'verifyd', [record('verify', **facts)], (null,))
    well(s, 'odd addresses to verifyd')
    # imapd's door with a peer's own ideas: whoever can open it is authd, still no path may come of it
    for account in ('../../etc', '..', '', 'user/../friend', 'x' * 5000):
        pair, ctl = socket.socketpair(), socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        knock(s, 'imapd', [record('conn', id='x', service='imap', rip='127.0.0.1', account=account, login='a', tag='a', mechanism='PLAIN')],
              (pair[1].fileno(), ctl[1].fileno()))
        pair[1].close()
        pair[0].settimeout(5)
        try:
            got = b''
            pair[0].sendall(b'b SELECT INBOX\r\nc LOGOUT\r\n')
            while True:
                part = pair[0].recv(65536)
                if not part:
                    break
                got += part
        except OSError as e:
            got += repr(e).encode()
        t.ok(b'b OK' not in got, 'imapd for the account %.20r' % account, got)
        for x in pair[:1] + ctl:
            x.close()
    # authd: floods of dialogues that say nothing, logins without a seal
    got = knock(s, 'authd', [record('auth', cmd='start', mechanism='EXTERNAL', initial='', protocol='imap', id='x', rip='127.0.0.1', trusted='1', fingerprint='00' * 32),
                             record('auth', cmd='login', protocol='imap', user=base64.b64encode(b'user@localhost').decode(),
                                    password=base64.b64encode(b'posthorn').decode(), trusted='1', rip='127.0.0.1')])
    t.ok(all(b'result\0temp\0' in x for x in got), 'authd believes nobody without a seal', got)
    # supervised's ear for readiness is open to all: nothing that is put in it stays there
    for text in (b'', b'READY=1', b'x' * 3000, b'READY=1\n' * 100):
        for n in (0, 1, 3, 60):
            for _ in range(10):
                c = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                c.settimeout(5)
                try:
                    c.connect(os.path.join(s.var, 'run/notify'))
                    c.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [null] * n))] if n else [])
                except OSError as e:
                    t.note('notify: %r' % e)
                c.close()
    t.ok(s.verb('status').returncode == 0, 'supervised answers')
    for fd in odd[:5]:
        os.close(fd)
    for x in sockets:
        x.close()
    settled(s, before, 'services that were taken over', 600)


def test_hog(s):
    """All the dialogues that authd's workers can hold, by one who says nothing."""
    held = []
    try:
        for _ in range(1500):
            c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            c.setblocking(False)
            c.connect(os.path.join(s.var, 'run/deliverd' if len(held) % 3 == 0 else 'run/verifyd' if len(held) % 3 == 1 else 'run/authd'))
            held.append(c)
    except OSError:
        pass
    t.note('%d silent callers held' % len(held))
    got = smtp(s, b'EHLO x\r\nNOOP\r\nQUIT\r\n')
    t.ok(got.count(b'\n250') >= 1, 'silent callers everywhere: SMTP still talks', got)
    for c in held:
        c.close()
    well(s, 'silent callers gone')


def main():
    only = sys.argv[1:]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))    # a login shell has 1024
    with Server(tap=t) as s:
        for test in (test_smuggling, test_smtp_abuse, test_starttls, test_gate, test_commands, test_names, test_mailboxes, test_mime, test_two,
                     test_vanish, test_flood, test_services, test_hog, test_growth):
            if only and test.__name__[5:] not in only:
                continue
            began = time.time()
            try:
                test(s)
            except Exception as e:
                import traceback
                t.ok(False, test.__name__, traceback.format_exc())
            t.eq(deaths(s), [], '%s: nobody died (%.1f s)' % (test.__name__[5:], time.time() - began))
            if deaths(s):
                t.note(s.log()[-4000:])
                open(s.logname, 'w').close()
    t.done()


main()
