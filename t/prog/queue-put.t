#!/usr/bin/env python3
"""queue-put and queue-drop through their sockets: what is queued, what is refused, and
that nobody is believed who says in a record who he is."""
import concurrent.futures
import datetime
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
import ipc
from dkimpy import dkim
from tap import BUILD, Tap

tap = Tap()
ok, eq = tap.ok, tap.eq
PUT = os.path.join(BUILD, 'libexec/queue-put/queue-put')
DROP = os.path.join(BUILD, 'libexec/queue-drop')
POSTHORN = os.path.join(BUILD, 'bin/posthorn')
SECONDS = 60
PLAIN = b'From: Joe <joe@ours.example>\r\nTo: x@there.example\r\nSubject: a\r\n\r\nbody\r\n'


class Home:
    """A directory with a configuration: two accounts, an alias, two domains."""

    def __init__(self, files=None):
        self.dir = tempfile.mkdtemp(prefix='posthorn-put-')
        self.var = os.path.join(self.dir, 'var')
        etc = os.path.join(self.dir, 'etc')
        for d in (self.var, etc + '/domains', etc + '/accounts'):
            os.makedirs(d)
        texts = {
            'posthorn.conf': 'hostname = mail.ours.example\npostmaster { account = joe }\nmax-message-size = 3M\n',
            'domains/ours.example.conf': 'separators = "+"\n'
            'alias team { members = {joe@ours.example, amy@ours.example}  allow-msg-from = true }\n'
            'alias closed { members = {joe@ours.example} }\n',
            'domains/off.example.conf': 'disabled = true\n',
            'domains/bücher.example.conf': '',
            'accounts/joe.conf': 'full-name = "Joe Doe"\naddress joe@ours.example {}\naddress joe@off.example {}\naddress joe@bücher.example {}\n'
            'system-users = {joesys}\n',
            'accounts/amy.conf': 'address amy@ours.example {}\n',
        }
        texts.update(files or {})
        for name, text in texts.items():
            with open(os.path.join(etc, name), 'w') as f:
                f.write(text)
        p = subprocess.run([POSTHORN, '-C', self.dir, 'config', 'build'], capture_output=True, text=True)
        if p.returncode != 0:
            print('Bail out! config build:', p.stdout + p.stderr)
            sys.exit(1)

    def ids(self, where='msg'):
        try:
            return sorted(os.listdir(os.path.join(self.var, 'queue', where)))
        except FileNotFoundError:
            return []

    def read(self, ident):
        """(envelope attributes in order, message) of a queued message."""
        with open(os.path.join(self.var, 'queue/msg', ident), 'rb') as f:
            data = f.read()
        n = int(data[17:27])
        parts = data[:n].split(b'\0')[:-1]
        return list(zip(parts[::2], parts[1::2])), data[n:]

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Session:
    """One queue-put (or another program with its protocol) at the other end of a socket."""

    def __init__(self, home, account='joe', argv=None, env=None, preexec=None, **peer):
        mine, theirs = ipc.pair()
        full = {'PATH': os.environ['PATH'], 'POSTHORN_VAR': home.var}
        full.update({k: v for k, v in os.environ.items() if k.endswith('SAN_OPTIONS')})
        peer = dict({'id': 'c1', 'login': account + '@ours.example', 'tls': 'TLSv1.3', 'cipher': 'TLS_AES_128_GCM_SHA256',
                     'rip': '203.0.113.9'}, account=account, **peer)
        if argv is None:
            full.update({'PEER_' + k.upper(): v for k, v in peer.items()})
        full.update(env or {})
        self.err = tempfile.TemporaryFile()
        self.proc = subprocess.Popen(argv or [PUT], stdin=theirs, stderr=self.err, env=full, preexec_fn=preexec)
        theirs.close()
        self.s = mine
        self.s.settimeout(SECONDS)

    def rec(self, cmd, **attrs):
        self.s.send(ipc.record('put', cmd=cmd, **attrs))

    def data(self, message, proto='put', fds=None):
        """The answer to a message: its attributes."""
        with tempfile.TemporaryFile() as f:
            f.write(message)
            f.flush()
            ipc.send_fds(self.s, ipc.record(proto, cmd='data'), [f.fileno()] * (1 if fds is None else fds))
        got = self.s.recv(65536)
        return ipc.parse(got) if got else {'result': 'end'}

    def put(self, message=PLAIN, sender='joe@ours.example', rcpts=('x@there.example',), rcpt=None, **mail):
        self.rec('mail', **{'from': sender, **mail})
        for r in rcpts:
            self.rec('rcpt', rcpt=r, **(rcpt or {}))
        return self.data(message)

    def end(self):
        """Its exit code when the other end is closed."""
        self.s.close()
        try:
            code = self.proc.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            code = None
        self.err.seek(0)
        self.log = self.err.read().decode(errors='replace')
        self.err.close()
        return code


def fields(message):
    """Names of the header's fields, in order, and {name: value} of the last of each."""
    head = message.split(b'\r\n\r\n', 1)[0].decode('utf-8', 'replace')
    lines = re.sub(r'\r\n[ \t]+', ' ', head).split('\r\n')
    pairs = [line.split(':', 1) for line in lines]
    return [p[0] for p in pairs], {p[0]: p[1].strip() for p in pairs}


def test_plain(h):
    s = Session(h)
    r = s.put()
    eq((r.get('code'), r.get('status'), r.get('result')), ('250', '2.6.0', 'ok'), 'a message is taken')
    eq(r.get('text'), 'queued as ' + r.get('id', ''), 'and told its id')
    eq(h.ids(), [r.get('id')], 'it is in msg/')
    eq(h.ids('tmp'), [], 'and nothing in tmp/')
    env, msg = h.read(r['id'])
    d = dict(env)
    eq((d[b'account'], d[b'login'], d[b'from'], d[b'rcpt']), (b'joe', b'joe@ours.example', b'joe@ours.example', b'x@there.example'),
       'the envelope says whose it is')
    eq((d[b'body'], b'smtputf8' in d, b'tls' in d), (b'7bit', False, False), 'and needs nothing')
    ok(abs(int(d[b'queued']) - time.time()) < 3600, 'with the time')
    names, values = fields(msg)
    eq(names, ['Received', 'Authentication-Results', 'Message-ID', 'Date', 'From', 'To', 'Subject'], 'header fields in order')
    ok('203.0.113.9' not in msg.decode(), "the client's address is hidden")
    ok(re.fullmatch(r'from mail\.ours\.example by mail\.ours\.example via tcp with ESMTPSA id %s '
                    r'\(TLS1\.3 TLS_AES_128_GCM_SHA256\) for <x@there\.example>; .*' % r['id'], values['Received']),
       'Received', values['Received'])
    eq(values['Authentication-Results'], 'mail.ours.example; auth=pass smtp.mailfrom=joe@ours.example', 'Authentication-Results')
    ok(re.fullmatch(r'<[\w-]{22}@mail\.ours\.example>', values['Message-ID']), 'Message-ID', values['Message-ID'])
    eq(d[b'message-id'].decode(), values['Message-ID'], 'is in the envelope')
    ok(msg.endswith(b'\r\n\r\nbody\r\n'), 'the body is the same')
    ok(stat.S_IMODE(os.stat(os.path.join(h.var, 'queue/msg', r['id'])).st_mode) == 0o600, 'for nobody else to read')
    r2 = s.put(b'Bcc: secret@there.example\r\nReturn-Path: <q@q>\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@x>\r\n' + PLAIN,
               rcpts=['x@there.example', 'secret@there.example'])
    env, msg = h.read(r2['id'])
    names, values = fields(msg)
    ok('Bcc' not in names and 'Return-Path' not in names, 'no Bcc, no Return-Path')
    ok(b'secret' not in msg, 'with several recipients none is in Received')
    ok(names.count('Date') == 1 and names.count('Message-ID') == 1 and dict(env)[b'message-id'] == b'<1@x>', 'Date and Message-ID stay')
    eq([v for k, v in env if k == b'rcpt'], [b'x@there.example', b'secret@there.example'], 'both recipients')
    ok(r2['id'] > r['id'] or r2['id'][:8] == r['id'][:8], 'ids sort by age')
    eq(s.end(), 0, 'it ends when its session does')
    ok('queued msg=%s account=joe' % r['id'] in s.log.replace('  ', ' ') or 'msg=' + r['id'] in s.log, 'a line in the log', s.log)


def test_forged(h):
    s = Session(h, 'amy')
    before = h.ids()
    for name, kw in (
            ('an account in the record', {'account': 'joe'}), ('a login in the record', {'login': 'joe@ours.example', 'account': 'joe'}),
            ('everything in the record', {'account': 'joe', 'PEER_ACCOUNT': 'joe', 'who': 'joe', 'any': '1', 'system': '1'})):
        r = s.put(**kw)
        eq((r['code'], r['status']), ('550', '5.7.1'), name + ' makes nobody joe')
    r = s.put(sender='amy@ours.example')
    eq((r['code'], r['status']), ('550', '5.7.1'), "another account's From")
    r = s.put(PLAIN.replace(b'joe@', b'amy@'))
    eq((r['code'], r['status']), ('550', '5.7.1'), "another account's MAIL FROM")
    r = s.put(PLAIN.replace(b'joe@', b'amy@'), sender='')
    eq(r['code'], '250', 'the null path is for everybody')
    env, msg = h.read(r['id'])
    eq(dict(env)[b'from'], b'', 'and is empty')
    r = s.put(PLAIN.replace(b'joe@', b'amy@'), sender='amy@ours.example', account='joe', login='joe@ours.example')
    d = dict(h.read(r['id'])[0])
    eq((d[b'account'], d[b'login']), (b'amy', b'amy@ours.example'), 'what the record says of accounts is nothing')
    r = s.put(b'Authentication-Results: mail.ours.example; dmarc=pass\r\n' + PLAIN.replace(b'joe@', b'amy@'), sender='')
    ok(b'dmarc=pass' not in h.read(r['id'])[1], 'nobody says for us what was authenticated')
    froms = (
        ('no From', b'To: x\r\n\r\nx'), ('two Froms', b'From: amy@ours.example\r\nFrom: amy@ours.example\r\n\r\nx'),
        ('From with two', b'From: amy@ours.example, joe@ours.example\r\n\r\nx'), ('an empty From', b'From: \r\n\r\nx'),
        ('a group', b'From: g: amy@ours.example;\r\n\r\nx'), ('no domain', b'From: amy\r\n\r\nx'),
        ('two angles', b'From: <amy@ours.example> <joe@ours.example>\r\n\r\nx'),
        ('an address as a name', b'From: joe@ours.example <amy@ours.example>\r\n\r\nx'),
        ('a NUL', b'From: amy@ours.example\0\r\n\r\nx'))
    for name, m in froms:
        r = s.put(m, sender='amy@ours.example')
        eq((r['code'], r['status']), ('550', '5.6.0'), name)
    may = (
        ('with a separator', 'amy+x@ours.example', 'amy', '250'), ('in capitals', 'AMY@OURS.EXAMPLE', 'amy', '250'),
        ('an alias that allows it', 'team@ours.example', 'amy', '250'),
        ('an alias of which it is no member', 'closed@ours.example', 'amy', '550'),
        ('nobody of ours', 'zed@ours.example', 'amy', '550'), ('a foreign one', 'amy@there.example', 'amy', '550'),
        ('another on the same domain', 'joe@ours.example', 'amy', '550'))
    for name, address, account, code in may:
        eq(s.put(b'From: %s\r\n\r\nx' % address.encode(), sender='amy@ours.example')['code'], code, 'From: ' + name)
        eq(s.put(PLAIN.replace(b'joe@', b'amy@'), sender=address)['code'], code, 'MAIL FROM: ' + name)
    eq(s.end(), 0, 'the session was good for all of them')
    s = Session(h)
    r = s.put(b'From: joe@off.example\r\n\r\nx')
    eq((r['code'], r['status']), ('451', '4.3.0'), 'a disabled domain')
    r = s.put(sender='joe@off.example')
    eq((r['code'], r['status']), ('451', '4.3.0'), 'in MAIL FROM too')
    s.end()
    s = Session(h, 'gone')
    eq(s.put()['status'], '5.7.1', 'an account that is not there')
    s.end()
    ok(len(h.ids()) > len(before) and not h.ids('tmp'), 'nothing half is left')
    p = subprocess.run([PUT], env={'POSTHORN_VAR': h.var}, stdin=subprocess.DEVNULL, capture_output=True)
    eq(p.returncode, 100, 'without an account there is no session')
    p = subprocess.run([PUT, 'x'], env={'POSTHORN_VAR': h.var, 'PEER_ACCOUNT': 'joe'}, stdin=subprocess.DEVNULL, capture_output=True)
    eq(p.returncode, 100, 'an argument is wrong use')
    p = subprocess.run([PUT], env={'POSTHORN_VAR': h.dir + '/none', 'PEER_ACCOUNT': 'joe'}, stdin=subprocess.DEVNULL, capture_output=True)
    eq(p.returncode, 111, 'no var directory')


def test_message(h):
    s = Session(h)
    cases = (
        ('no empty line', b'From: joe@ours.example\r\n', '554', '5.6.0'),
        ('a line that is no field', b'From: joe@ours.example\r\nhello\r\n\r\nx', '554', '5.6.0'),
        ('nothing at all', b'', '554', '5.6.0'),
        ('bare LF', PLAIN + b'a\nb\r\n', '554', '5.6.0'),
        ('bare CR', PLAIN + b'a\rb\r\n', '554', '5.6.0'),
        ('a CR at the end', PLAIN + b'\r', '554', '5.6.0'),
        ('100 Received', b'Received: x\r\n' * 100 + PLAIN, '250', '2.6.0'),
        ('101 Received', b'Received: x\r\n' * 101 + PLAIN, '554', '5.4.6'),
        ('a header of 2 MB', b'X: ' + b'y' * 2000000 + b'\r\n' + PLAIN, '552', '5.3.4'),
        ('too large', PLAIN + b'0123456789abcd\r\n' * 200000, '552', '5.3.4'))
    for name, m in (('LF', b'X: y\nFrom: amy@ours.example\r\n'), ('CR', b'X: y\rFrom: amy@ours.example\r\n')):
        r = s.put(m + PLAIN, body='binarymime')
        eq((r['code'], r['status']), ('554', '5.6.0'), 'a bare %s in the header is refused with binarymime too' % name)
    for name, m, code, status in cases:
        r = s.put(m)
        eq((r['code'], r['status']), (code, status), name)
    for size in (65536, 262143, 262144, 262145, 1000001, 2500000):
        m = PLAIN + (b'0123456789abcde\r\n' * (size // 17 + 1))[:size - len(PLAIN)].rstrip(b'\r\n') + b'\r\n'
        env, got = h.read(s.put(m)['id'])
        ok(got.endswith(m[m.index(b'From:'):]), 'a message of %d bytes' % size)
    long = b'X-Long: ' + b'y' * 300000 + b'\r\n' + PLAIN + b'z' * 300000 + b'\r\n'
    env, got = h.read(s.put(long)['id'])
    ok(got.endswith(long), 'a long header and a long body')
    utf8 = PLAIN.replace(b'Subject: a', 'Subject: ä'.encode())
    part = (b'From: joe@ours.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n'
            b'--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="%s"\r\n\r\nx%s\r\n--b--\r\n')
    flags = (
        ('plain', PLAIN, {}, (b'7bit', False)), ('8 bit in the body', PLAIN + b'\xc3\xa4\r\n', {}, (b'8bitmime', False)),
        ('SMTPUTF8 asked for in vain', PLAIN, {'smtputf8': '1', 'body': '8bitmime'}, (b'7bit', False)),
        ('8 bit in the header', utf8, {}, (b'8bitmime', True)),
        ('8 bit in a part', part % (b'a', b'\xc3\xa4'), {}, (b'8bitmime', False)),
        ("8 bit in a part's header", part % (b'\xc3\xa4', b''), {}, (b'8bitmime', True)),
        ("8 bit in a part's header of a large one", part % (b'\xc3\xa4', b'0123456789\r\n' * 40000), {}, (b'8bitmime', True)),
        ('8 bit in a part of a large one', part % (b'a', b'012345678\xa4\r\n' * 40000), {}, (b'8bitmime', False)),
        ('binary', PLAIN + b'a\nb\0', {'body': 'binarymime'}, (b'binarymime', False)),
        ('binary asked for in vain', PLAIN, {'body': 'binarymime'}, (b'7bit', False)))
    for name, m, kw, want in flags:
        r = s.put(m, **kw)
        d = dict(h.read(r['id'])[0]) if 'id' in r else r
        eq((d.get(b'body'), b'smtputf8' in d), want, name)
    d = dict(h.read(s.put(rcpts=['jörg@there.example'])['id'])[0])
    ok(b'smtputf8' in d, "a recipient's localpart needs SMTPUTF8")
    env, msg = h.read(s.put(rcpts=['joe@bücher.example'])['id'])
    ok(b'smtputf8' not in dict(env) and max(msg.split(b'\r\n\r\n')[0]) < 0x80, 'a domain needs none, and is not in the header then')
    tls = (('No', b'no'), ('no\r\nTLS-Required: NO', b'no'), ('yes', None), ('no\r\nTLS-Required: x', None))
    for text, want in tls:
        d = dict(h.read(s.put(b'TLS-Required: %s\r\n' % text.encode() + PLAIN)['id'])[0])
        eq(d.get(b'tls'), want, 'TLS-Required: %r' % text)
    env, msg = h.read(s.put(b'TLS-Required: no\r\n' + PLAIN, requiretls='1')['id'])
    eq(dict(env).get(b'tls'), b'required', 'REQUIRETLS is stronger')
    ok(b'(requiretls)' in msg, 'and in Received')
    d = h.read(s.put(ret='hdrs', envid='QQ+2B1', rcpt={'notify': 6, 'orcpt': 'rfc822;x+2B@y'})['id'])[0]
    eq([(k, v) for k, v in d if k in (b'ret', b'envid', b'notify', b'orcpt')],
       [(b'ret', b'hdrs'), (b'envid', b'QQ+2B1'), (b'notify', b'success,failure'), (b'orcpt', b'rfc822;x+2B@y')], 'wishes for notifications')
    env, msg = h.read(s.put(rcpts=['postmaster', '"a b"@There.Example', 'x@[192.0.2.1]'])['id'])
    eq([v for k, v in env if k == b'rcpt'], [b'postmaster@mail.ours.example', b'"a b"@There.Example', b'x@[192.0.2.1]'], 'recipients')
    with tempfile.TemporaryDirectory() as d:
        fd = os.open(d, os.O_RDONLY)
        s.rec('mail', **{'from': 'joe@ours.example'})
        s.rec('rcpt', rcpt='x@y')
        ipc.send_fds(s.s, ipc.record('put', cmd='data'), [fd])
        os.close(fd)
        eq(ipc.parse(s.s.recv(65536))['result'], 'perm', 'a directory is no message')
    eq(s.end(), 0, 'the end')
    eq(h.ids('tmp'), [], 'nothing is left in tmp/')


def test_alabels(h):
    """Envelopes have domains as the DNS does, whichever way they were written."""
    def sent(message=PLAIN, **kw):
        r = s.put(message, **kw)
        env = h.read(r['id'])[0] if 'id' in r else []
        return r, [(k.decode(), v.decode()) for k, v in env if k in (b'from', b'rcpt', b'smtputf8')], r.get('id')

    s = Session(h)
    _, env, ident = sent(sender='joe@bücher.example', rcpts=['x@Straße.example', '"a b"@xn--bcher-kva.example', 'y@bücher.example'])
    eq(env, [('from', 'joe@xn--bcher-kva.example'), ('rcpt', 'x@xn--strae-oqa.example'),
             ('rcpt', '"a b"@xn--bcher-kva.example'), ('rcpt', 'y@xn--bcher-kva.example')],
       'domains in U-labels are A-labels in the envelope, and need no SMTPUTF8')
    ok(b'smtp.mailfrom=joe@xn--bcher-kva.example\r\n' in h.read(ident)[1], 'and in what stands above the header')
    _, env, ident = sent(rcpts=['x@straße.example'])
    ok(b'for <x@xn--strae-oqa.example>' in h.read(ident)[1], 'so has Received', h.read(ident)[1])
    _, env, _ = sent(rcpts=['jürgen@bücher.example'])
    eq(env, [('from', 'joe@ours.example'), ('smtputf8', '1'), ('rcpt', 'jürgen@xn--bcher-kva.example')], 'a localpart cannot be told otherwise')
    r, _, _ = sent(sender='amy@bücher.example')
    eq((r.get('code'), r.get('status')), ('550', '5.7.1'), 'a domain of ours is found by either spelling: not hers')
    for bad in ('x@a＠b.example', 'x@a☃\u200b .example', 'x@' + 'ü' * 63 + '.example', 'x@［192.0.2.1］', 'x@a／../b.example'):
        r, _, _ = sent(rcpts=[bad])
        eq((r.get('code'), r.get('status')), ('501', '5.1.3'), 'no name: ' + ascii(bad[2:20]))
    s.end()


def test_hold(h):
    s = Session(h)

    def until(seconds, form='%Y-%m-%dT%H:%M:%SZ'):
        return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime(form)
    r = s.put(holdfor='3600')
    d = dict(h.read(r['id'])[0])
    ok(abs(int(d[b'not-before']) - time.time() - 3600) < 600, 'HOLDFOR', d)
    eq(d[b'future'], b'for;3600', 'as it was asked')
    t = until(7200)
    d = dict(h.read(s.put(holduntil=t)['id'])[0])
    ok(abs(int(d[b'not-before']) - time.time() - 7200) < 600, 'HOLDUNTIL', d)
    eq(d[b'future'], ('until;' + t).encode(), 'as it was asked')
    eq(s.put(holdfor='5184000')['code'], '250', '60 days')
    eq(s.put(holduntil=until(7200, '%Y-%m-%dT%H:%M:%S.123Z'))['code'], '250', 'with parts of a second')
    for name, kw, code in (
            ('longer', {'holdfor': '5184001'}, '554'), ('far longer', {'holdfor': '999999999'}, '554'),
            ('past', {'holduntil': until(-60)}, '554'), ('later than 60 days', {'holduntil': until(5184600)}, '554'),
            ('0', {'holdfor': '0'}, '501'), ('012', {'holdfor': '012'}, '501'), ('text', {'holdfor': 'x'}, '501'),
            ('empty', {'holdfor': ''}, '501'), ('ten digits', {'holdfor': '1000000000'}, '501'),
            ('no time', {'holduntil': '2026-11-21'}, '501'), ('no zone', {'holduntil': until(60)[:-1]}, '501'),
            ('another zone', {'holduntil': until(60)[:-1] + '+01:00'}, '501'),
            ('another form', {'holduntil': 'Fri, 20 Nov 2026 12:00:00 Z'}, '501'),
            ('a day that is none', {'holduntil': '2027-02-31T12:00:00Z'}, '501'),
            ('both', {'holdfor': '10', 'holduntil': until(60)}, '501')):
        r = s.put(**kw)
        eq((r['code'], r['status']), (code, '5.5.4'), 'held: ' + name)
    eq(s.end(), 0, 'the end')


def test_order(h):
    s = Session(h)
    n = len(h.ids())
    eq(s.data(PLAIN)['code'], '503', 'data without an envelope')
    s.rec('rcpt', rcpt='x@y')
    eq(s.data(PLAIN)['code'], '503', 'without a sender')
    s.rec('mail', **{'from': 'joe@ours.example'})
    eq(s.data(PLAIN)['code'], '503', 'without a recipient')
    s.rec('mail', **{'from': 'joe@ours.example'})
    s.rec('rcpt', rcpt='x@y')
    s.rec('reset')
    eq(s.data(PLAIN)['code'], '503', 'after a reset')
    s.rec('mail', **{'from': 'joe@ours.example'})
    s.rec('rcpt', rcpt='x@y')
    eq(s.data(PLAIN)['code'], '250', 'in order')
    eq(s.data(PLAIN)['code'], '503', 'the envelope is good for one message')
    s.rec('mail', **{'from': 'nobody'})
    s.rec('rcpt', rcpt='x@y')
    eq(s.data(PLAIN)['status'], '5.1.7', 'a sender that is none')
    for r in ('', 'x', '@y', 'x@', 'x y@z', 'x@y\n', '<x@y>', 'x@' + 'y' * 300):
        eq(s.put(rcpts=['good@y', r])['status'], '5.1.3', 'a recipient that is none: %r' % r[:20])
    eq(s.put(rcpts=['bad', 'good@y'])['code'], '501', 'the first fault is told')
    for kw in ({'notify': 16}, {'notify': 3}, {'orcpt': 'rfc822;' + 'x' * 500}, {'orcpt': 'a\tb'}):
        eq(s.put(rcpt=kw)['code'], '501', 'a recipient with %r' % (str(kw)[:40],))
    for kw in ({'body': 'x'}, {'ret': 'x'}, {'envid': 'x' * 101}, {'envid': 'a\rb'}):
        eq(s.put(**kw)['code'], '501', 'a sender with %r' % (str(kw)[:40],))
    many = ['u%d@y.example' % i for i in range(1000)]
    r = s.put(rcpts=many, rcpt={'orcpt': 'rfc822;' + 'x' * 493, 'notify': 14})
    eq(r['code'], '451', '1000 new recipients are too many for a day')
    eq(s.end(), 0, 'the end')
    eq(len(h.ids()), n + 1, 'one message of all of that')


def test_many():
    h = Home({'posthorn.conf': 'hostname = mail.ours.example\nmax-outgoing-per-day = 0\nmax-first-time-recipients-per-day = 0\n'})
    s = Session(h)
    many = ['u%d@y.example' % i for i in range(1000)]
    r = s.put(rcpts=many, rcpt={'orcpt': 'rfc822;' + 'x' * 493, 'notify': 14})
    eq(r['code'], '250', '1000 recipients with the longest ORCPT')
    eq([v.decode() for k, v in h.read(r['id'])[0] if k == b'rcpt'], many, 'are all there')
    r = s.put(rcpts=many + ['x@y'])
    eq((r['code'], r['status']), ('452', '4.5.3'), 'one more is too many')
    eq(s.end(), 0, 'the end')
    ok(not os.path.exists(h.var + '/queue/sent.tdb'), 'without limits nobody counts')
    h.remove()


def test_limits():
    h = Home({'accounts/amy.conf': 'address amy@ours.example {}\nmax-outgoing-per-day = 5\nmax-first-time-recipients-per-day = 3\n'})
    m = PLAIN.replace(b'joe@', b'amy@')
    s = Session(h, 'amy')

    def put(*rcpts):
        r = s.put(m, sender='amy@ours.example', rcpts=rcpts)
        return r['code'], r['status']
    eq(put('a@x', 'b@x'), ('250', '2.6.0'), 'two')
    eq(put('c@x', 'd@x'), ('451', '4.7.1'), 'two more new ones of three')
    eq(put('c@x'), ('250', '2.6.0'), 'one more')
    eq(put('a@x', 'b@x', 'c@x'), ('451', '4.7.1'), 'six of five in a day')
    s.put(b'bad', sender='amy@ours.example', rcpts=['a@x', 'b@x'])
    eq(put('a@x', 'b@x'), ('250', '2.6.0'), 'five: what was refused does not count')
    eq(put('a@x'), ('451', '4.7.1'), 'no sixth')
    s.end()
    s = Session(h, 'amy')
    eq(put('a@x'), ('451', '4.7.1'), 'nor in another session')
    s.end()
    s = Session(h)
    eq(s.put()['code'], '250', 'another account may')
    s.end()
    with open(os.path.join(h.var, 'queue/sent.tdb'), 'r+b') as f:
        f.truncate(1000)
    s = Session(h, 'amy')
    eq(put('a@x'), ('250', '2.6.0'), 'damaged counts are begun anew')
    s.end()
    h.remove()
    # all at once
    h = Home({'accounts/amy.conf': 'address amy@ours.example {}\nmax-outgoing-per-day = 50\n'})

    def session(n):
        s = Session(h, 'amy')
        got = [s.put(m, sender='amy@ours.example', rcpts=['x@y'])['code'] for _ in range(20)]
        return s.end(), got
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(session, range(4)))
    codes = [c for _, got in done for c in got]
    eq((codes.count('250'), codes.count('451')), (50, 30), 'four sessions at once send as many as they may')
    eq(len(h.ids()), 50, 'and each is there')
    ok(all(code == 0 for code, _ in done), 'all ended well')
    h.remove()


def test_full(h):
    def small(size):
        def pre():
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return pre
    before = h.ids()
    for size, name in ((100, 'the envelope'), (2000, 'the message')):
        s = Session(h, preexec=small(size))
        r = s.put(PLAIN + b'x' * 5000 + b'\r\n')
        eq((r['code'], r['status']), ('452', '4.3.1'), 'no room for ' + name)
        eq(s.end(), 0, 'it lives on')
    eq((h.ids(), h.ids('tmp')), (before, []), 'and nothing is left of them')
    if os.geteuid() != 0 or not shutil.which('mount'):
        return tap.skip('a full disk', 'only root can have one')
    q = os.path.join(h.var, 'queue')
    os.rename(q, q + '.old')
    os.mkdir(q)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'none', q], capture_output=True).returncode != 0:
        os.rmdir(q)
        os.rename(q + '.old', q)
        return tap.skip('a full disk', 'nothing can be mounted here')
    try:
        s = Session(h)
        codes = [s.put(PLAIN + b'0123456789abcd\r\n' * 40000)['code'] for _ in range(12)]
        n = codes.count('250')
        ok(0 < n < 12 and set(codes) == {'250', '452'}, 'a disk that becomes full', codes)
        eq((len(h.ids()), h.ids('tmp')), (n, []), 'what was promised is there, and nothing else')
        os.unlink(os.path.join(q, 'msg', h.ids()[0]))
        eq(s.put(PLAIN)['code'], '250', 'with room again it goes on')
    finally:
        s.end()
        subprocess.run(['umount', q])
        os.rmdir(q)
        os.rename(q + '.old', q)


def test_hostile(h):
    """Records that are none: the session ends, nothing is queued."""
    before = h.ids()
    rcpt = ipc.record('put', cmd='rcpt', rcpt='x@y')
    records = (
        ('not attributes', b'hello'), ('no NUL at the end', b'put\x001\0cmd\0mail'), ('another protocol', ipc.record('auth', cmd='mail')),
        ('another version', b'put\x002\0cmd\0mail\0'), ('no command', ipc.record('put')), ('an unknown one', ipc.record('put', cmd='deliver')),
        ('data without a descriptor', ipc.record('put', cmd='data')), ('an odd number of them', b'put\x001\0cmd\0'), ('one NUL', b'\0'),
        ('the largest', b'put\x001\0cmd\0mail\0from\0' + b'x' * 65000 + b'\0x\0y' + b'\0'))
    for name, rec in records:
        s = Session(h)
        s.s.send(rec)
        if name == 'the largest':
            eq(s.data(PLAIN)['code'], '501', name)
            eq(s.end(), 0, name + ': ends')
            continue
        got = s.s.recv(10)
        eq((got, s.end()), (b'', 100), name)
    s = Session(h)
    s.s.send(rcpt)
    eq((s.data(PLAIN, fds=3)['result'], s.end()), ('end', 100), 'three descriptors with data')
    s = Session(h)
    with open('/dev/null') as null:
        ipc.send_fds(s.s, ipc.record('put', cmd='mail', **{'from': 'joe@ours.example'}), [null.fileno()] * 4)
    s.rec('rcpt', rcpt='x@y', account='amy')
    s.s.send(ipc.record('put', cmd='rcpt', rcpt='z@y', domain='evil', mailbox='INBOX'))
    r = s.data(PLAIN)
    env = h.read(r['id'])[0]
    names = [k for k, v in env[env.index((b'rcpt', b'x@y')):]]
    eq(names, [b'rcpt', b'rcpt'], 'no record makes a recipient a notification')
    eq(s.end(), 0, 'stray descriptors do no harm')
    eq(len(h.ids()), len(before) + 1, 'one was queued of all of that')


def dkim_gen(h, *args):
    r = subprocess.run([POSTHORN, '-C', h.dir, 'dkim', 'gen', *args], capture_output=True, text=True)
    name = r.stdout.split(' ')[0]
    return {name: ''.join(re.findall(r'"([^"]*)"', r.stdout)).encode()}


def test_signed():
    """Mail from a domain with selectors is signed by each of them, and never refused for want of a key."""
    if dkim is None:
        return tap.skip('signed', 'no python3-dkim')
    h = Home({'domains/ours.example.conf': 'dkim-selectors = { one, two }\n', 'domains/bücher.example.conf': 'dkim-selectors = { s }\n',
              'domains/off.example.conf': 'dkim-selectors = { none }\n'})
    records = {**dkim_gen(h, 'ours.example', 'one'), **dkim_gen(h, '-e', 'ours.example', 'two'), **dkim_gen(h, 'bücher.example', 's')}
    s = Session(h)
    body = b'x  y \t\r\n' * 50000
    for name, domain, message, sender, count in (
            ('plain', b'ours.example', PLAIN, 'joe@ours.example', 2),
            ('all there is', b'ours.example', b'Bcc: me@x.example\r\nReceived: x\r\nReturn-Path: <a@b>\r\nTo: a\r\n' + PLAIN, 'joe@ours.example', 2),
            ('with its own date and id', b'ours.example', b'Date: Fri, 11 Jul 2003 21:00:37 -0700\r\nMessage-ID: <1@x>\r\n' + PLAIN, '', 2),
            ('folded', b'ours.example', PLAIN.replace(b'Subject: a', b'Subject: a\r\n  b '), 'joe@ours.example', 2),
            ('an empty body', b'ours.example', PLAIN[:-6], 'joe@ours.example', 2),
            ('not ended', b'ours.example', PLAIN[:-2], 'joe@ours.example', 2),
            ('signed by somebody else too', b'ours.example', b'DKIM-Signature: v=1; d=x.example\r\n' + PLAIN, 'joe@ours.example', 3),
            ('a large one', b'ours.example', PLAIN + body, 'joe@ours.example', 2),
            ('an international domain', b'xn--bcher-kva.example', PLAIN.replace(b'joe@ours', 'joe@bücher'.encode()), 'joe@ours.example', 1),
            ('its other spelling', b'xn--bcher-kva.example', PLAIN.replace(b'joe@ours', b'joe@xn--bcher-kva'), 'joe@ours.example', 1)):
        r = s.put(message, sender)
        text = h.read(r['id'])[1] if 'id' in r else b''
        d = dkim.DKIM(text)
        signatures = [v for k, v in d.headers if k.lower() == b'dkim-signature']
        good = [d.verify(i, dnsfunc=lambda n, timeout=5: records.get(n.decode() if isinstance(n, bytes) else n))
                for i in range(min(len(signatures), 2 if count > 1 else 1))]
        ok(len(signatures) == count and all(good) and b'd=' + domain + b';' in signatures[0], 'signed: ' + name, r, good, signatures)
    head = text.split(b'\r\n\r\n')[0]
    ok(re.match(rb'Received: .*\r\nAuthentication-Results: .*\r\nDKIM-Signature: ', head, re.S), 'below what is ours on top', head)
    os.unlink(h.var + '/dkim/ours.example/two.pem')
    with open(h.var + '/dkim/ours.example/one.pem', 'w') as f:
        f.write('hello')
    r = s.put(PLAIN)
    ok(b'DKIM-Signature' not in h.read(r['id'])[1], 'without keys it goes unsigned')
    eq(s.end(), 0, 'and nobody minds')
    ok(re.search('not-signed conn=c1 msg=\\S+ domain=ours.example selector=one error=".*no key', s.log) and
       re.search('not-signed conn=c1 msg=\\S+ domain=ours.example selector=two error="No such file', s.log), 'but the log', s.log)
    h.remove()


def main():
    h = Home()
    for test in (test_plain, test_forged, test_message, test_alabels, test_hold, test_order, test_full, test_hostile):
        test(h)
    h.remove()
    test_many()
    test_limits()
    test_signed()
    tap.done()


main()
