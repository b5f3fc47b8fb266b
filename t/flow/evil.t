#!/usr/bin/env python3
"""Mail out of one system to servers that do all that servers do: each has a domain of its own.

For each: how the recipient stands in the queue, the line in the log, what the sender is told, and
how often the message went out; then the server is healed, what waits is tried again, and arrives once
(twice only where the server had taken it and broke off before it said so)."""
import email
import email.policy
import os
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from fakesmtp import CLOSE, EXTENSIONS, RESET, SILENT, FakeSMTP, make_cert
from nsd import Nsd, have, zone
from posthorn import Tap, wait_until
from ports import free_base
from system import System
from tap import skip_all

if not have('nsd'):
    skip_all('no nsd here')
t = Tap()
US = '127.0.21.2'
TOP = tempfile.mkdtemp(prefix='posthorn-evil-')
REMOTE = 'queue-remote -t 1500 -e 1500 -c 2000 -d 4000 -s 6000'     # milliseconds: nobody is to wait for minutes
GONE = 'closed the connection|reset|Broken pipe'
SLOW = 'did not answer in time'
GARBAGE = 'not a reply|no SMTP|garbage|cannot be understood|not SMTP|too long|without end|reply'


class Case:
    """A server (or several) and what is to come of a message to its domain.

    want    deferred, failed or delivered: what the log says of the first attempt
    text    what the queue or the notification says, a pattern
    status  begins so
    took    how often the message went out whole in the first round; it goes out once more if it was deferred
    """
    all = []

    def __init__(self, name, want, text='', status='', took=None, reply=None, rcpts=None, mx=None, code=None, maybe=False, size=0, binary=False, **options):
        self.name, self.want, self.text, self.status, self.code = name, want, text, status, code
        self.took = (1 if want == 'delivered' else 0) if took is None else took
        self.maybe = maybe      # "the server may have it"
        self.size = size        # of the message, about
        self.binary = binary
        self.reply, self.options, self.rcpts = reply or {}, options, rcpts
        self.number = len(Case.all)
        self.ident = 'case%d' % self.number
        self.domain = 'd%d.example' % self.number
        self.more = mx or []            # options of further, less preferred servers
        self.servers = []
        self.exact = True
        Case.all.append(self)

    def ip(self, i):
        return '127.0.%d.%d' % (22 + i, 2 + self.number)

    def zone(self):
        n = 1 + len(self.more)
        return ''.join('d%d MX %d mx%d.d%d\nmx%d.d%d A %s\n' % (self.number, 10 * (i + 1), i, self.number, i, self.number, self.ip(i))
                       for i in range(n))

    def start(self, port):
        for i, options in enumerate([dict(self.options, reply=self.reply)] + self.more):
            options = dict(options)
            down = options.pop('down', False)
            if not down:
                s = FakeSMTP(self.ip(i), port, **options)
                s.name = 'mx%d.%s' % (i, self.domain)
                self.servers.append(s)

    def heal(self):
        for s in self.servers:
            with s.lock:
                s.reply = {}
                s.extensions = EXTENSIONS + ['CHUNKING', 'BINARYMIME']
                s.half_tls, s.flush, s.tls = False, False, None

    def to(self):
        return self.rcpts or ['joe@' + self.domain]

    def went_out(self, ident=None):
        """Messages that came to their end, heard of or not."""
        mark = b'<%s@test>' % (ident or self.ident).encode()
        return [m for s in self.servers for m in list(s.ended) if mark in m['body']]

    def mails(self, ident=None):
        mark = b'<%s@test>' % (ident or self.ident).encode()
        return [m for s in self.servers for m in list(s.mails) if mark in m['body']]


# --- the cases

def table():
    for step in ('accept', 'GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'BODY', 'END'):
        last = step in ('BODY', 'END')
        Case('closes at ' + step, 'deferred', GONE, '4.4.2', took=step == 'END', reply={step: CLOSE}, maybe=last)
    for step in ('GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'END'):
        Case('451 to ' + step, 'deferred', '451 4.3.2 not now', '4.3.2', took=step == 'END', code='451',
             reply={step: '451 4.3.2 not now', 'HELO': '451 4.3.2 not now'})
        Case('550 to ' + step, 'failed', r'550[ -]5\.7\.0 not for\s+(550 )?you', '5.7.0', took=step == 'END', code='550',
             reply={step: '550 5.7.0 not for\nyou', 'HELO': '550 5.7.0 not for\nyou'})
    for step in ('MAIL', 'RCPT', 'DATA', 'END'):
        Case('421 in the middle, at ' + step, 'deferred', '421 4.3.2 going down', '4.3.2', took=step == 'END', code='421',
             reply={step: ('421 4.3.2 going down', CLOSE)})
    Case('RST at the end', 'deferred', GONE, '4.', took=1, reply={'END': RESET}, maybe=True)
    Case('half a reply at the end', 'deferred', GONE, '4.', took=1, reply={'END': (b'250 2.0.0 que', CLOSE)}, maybe=True)
    Case('a reply of several lines that ends in the middle', 'deferred', GONE, '4.', took=1, reply={'END': (b'250-2.0.0 queued\r\n', CLOSE)}, maybe=True)
    Case('garbage at the end', 'deferred', GARBAGE, '4.', took=1, reply={'END': b'\x16\x03\x01 hello\r\n'}, maybe=True)
    Case('3xx at the end', 'deferred', '', '', took=1, reply={'END': '354 go on'}, maybe=None)
    Case('no text at the end', 'delivered', reply={'END': b'250\r\n'})
    Case('many lines at the end', 'delivered', reply={'END': '250 2.0.0 well\n' + '\n'.join('line %d' % i for i in range(30)) + '\nqueued'})
    Case('late, but not too late', 'delivered', reply={'END': (0.7, '250 2.0.0 queued')})
    Case('too late', 'deferred', SLOW, '4.4.2', took=1, reply={'END': (3, '250 2.0.0 queued')}, maybe=True)
    Case('silent at the greeting', 'deferred', SLOW, '4.4.2', reply={'GREETING': SILENT})
    Case('silent at RCPT', 'deferred', SLOW, '4.4.2', reply={'RCPT': SILENT})
    Case('byte by byte, for ever', 'deferred', SLOW + '|too long', '4.', reply={'GREETING': (b'2', 0.4) * 100})
    Case('lines without end, greeting', 'deferred', '', '4.', reply={'GREETING': (b'220-and so on\r\n' * 4000,) * 200})
    Case('lines without end, slowly', 'deferred', '', '4.', reply={'EHLO': (b'250-and so on\r\n', 0.3) * 100})
    Case('a line without end', 'deferred', '', '4.', reply={'MAIL': (b'250 ' + b'x' * 60000,) * 200})
    Case('lines without end, at the end', 'deferred', '', '4.', took=1, reply={'END': (b'250-and so on\r\n' * 4000,) * 200}, maybe=True)
    Case('garbage for a greeting', 'deferred', GARBAGE, '4.', reply={'GREETING': os.urandom(3000).replace(b'2', b'x') + b'\r\n'})
    Case('HTTP', 'deferred', GARBAGE, '4.', reply={'GREETING': b'HTTP/1.1 400 Bad Request\r\n\r\n'})
    Case('354 to MAIL', 'deferred', '', '', reply={'MAIL': '354 go'})
    Case('250 to DATA', 'deferred', '', '', reply={'DATA': '250 go'}, extensions=['SIZE 100000'])
    Case('250 to DATA, pipelined', 'deferred', '', '', reply={'DATA': '250 go'})
    Case('354 though it refused all', 'failed', '550 5.1.1 nobody', '5.1.1', reply={'RCPT': '550 5.1.1 nobody', 'DATA': '354 go'}, code='550')
    Case('the same, and 250 at the end', 'failed', '550 5.1.1 nobody', '5.1.1', code='550',
         reply={'RCPT': '550 5.1.1 nobody', 'DATA': '354 go', 'END': '250 2.0.0 queued nothing'})
    Case('EHLO is not known', 'delivered', reply={'EHLO': '502 5.5.1 what?'})
    Case('a greeting with escapes', 'failed', r'550 5\.1\.1', '5.1.1', code='550',
         reply={'RCPT': b'550 5.1.1 \x1b[31mred\x07 \xff\xfe caf\xc3\xa9 \x00nul\r\n'})
    Case('a reply that would be a header', 'failed', r'550', '5.1.1', code='550',
         reply={'RCPT': b'550-5.1.1 no\rX-Injected: one\r\n550-5.1.1 \r\n550 5.1.1 \r\n'})
    Case('a long reply', 'failed', r'550[ -]5\.1\.1\s+' + 'x' * 200, '5.1.1', code='550',
         reply={'RCPT': '550 5.1.1 ' + '\n5.1.1 '.join('x' * 400 for _ in range(12))})
    Case('a status that is none', 'failed', '550', '5.', code='550', reply={'RCPT': '550 9.99.99999 no 2.0.0'})
    Case('a status of another class', 'failed', '550', '5.', code='550', reply={'RCPT': '550 2.0.0 no'})
    # TLS
    Case('STARTTLS refused', 'delivered', reply={'STARTTLS': '454 4.7.0 no'}, extensions=EXTENSIONS + ['STARTTLS'])
    Case('STARTTLS answered with garbage', 'delivered', reply={'STARTTLS': ('220 go', b'hello\r\n', CLOSE)}, extensions=EXTENSIONS + ['STARTTLS'])
    Case('STARTTLS that closes', 'deferred|delivered', reply={'STARTTLS': CLOSE}, extensions=EXTENSIONS + ['STARTTLS'])
    Case('STARTTLS and silence', 'delivered', reply={'STARTTLS': ('220 go', SILENT)}, extensions=EXTENSIONS + ['STARTTLS'])
    Case('half a handshake', 'delivered', tls=make_cert(TOP, 'any.example'), half_tls=True)
    Case('replies in front of the handshake', 'delivered', tls=make_cert(TOP, 'any.example'),
         reply={'STARTTLS': b'220 go\r\n250-injected\r\n250 SIZE 1\r\n'})
    # liars
    Case('PIPELINING is a lie', 'delivered', flush=True)
    Case('SIZE is too small', 'failed', '', '5.3.4', extensions=['SIZE 10'])
    Case('SIZE is a lie', 'failed', '552 5.3.4 too large after all', '5.3.4', took=1, code='552', reply={'END': '552 5.3.4 too large after all'})
    Case('SIZE that is no number', 'delivered', extensions=['SIZE 99999999999999999999999', 'PIPELINING'])
    Case('a lie about its limits', 'delivered', extensions=['LIMITS MAILMAX=0 RCPTMAX=0 RCPTDOMAINMAX=zero', 'PIPELINING'])
    Case('replies before they are asked for', 'deferred|delivered', extensions=['PIPELINING'],
         reply={'EHLO': b'250-mx\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 queued\r\n'})
    # in the middle of much
    Case('closes in the middle of 8 MB', 'deferred', GONE, '4.4.2', reply={'BODY': [None, None, CLOSE]}, size=8000000)
    Case('stops reading in the middle of 8 MB', 'deferred', SLOW, '4.4.2', reply={'BODY': [None, None, 4]}, size=8000000)
    Case('says 452 in the middle of 8 MB', 'deferred', '452 4.3.1 no room', '4.3.1', code='452', reply={'BODY': [None, None, ('452 4.3.1 no room', 0.2, CLOSE)]}, size=8000000)
    Case('says 552 in the middle of 8 MB', 'failed', '552 5.3.4 too much', '5.3.4', code='552', reply={'BODY': [None, None, ('552 5.3.4 too much', 0.2, CLOSE)]}, size=8000000)
    # BDAT, for what is binary
    chunking = EXTENSIONS + ['CHUNKING', 'BINARYMIME']
    Case('a binary message', 'delivered', extensions=chunking, binary=True)
    Case('a binary message for nobody who takes it', 'failed', 'binary|BINARYMIME', '5.6', binary=True)
    Case('CHUNKING is a lie', 'failed', '500 5.5.1 BDAT', '5.5.1', took=1, code='500', reply={'END': '500 5.5.1 BDAT?'}, extensions=chunking, binary=True)
    Case('closes after BDAT', 'deferred', GONE, '4.4.2', took=1, reply={'END': CLOSE}, maybe=True, extensions=chunking, binary=True)
    Case('451 to BDAT', 'deferred', '451 4.3.0 no', '4.3.0', took=1, code='451', reply={'END': '451 4.3.0 no'}, extensions=chunking, binary=True)
    Case('refuses all, before BDAT', 'failed', '550 5.1.1 nobody', '5.1.1', code='550', reply={'RCPT': '550 5.1.1 nobody'}, extensions=chunking, binary=True)
    # greylisting, and other hosts
    Case('greylisting', 'deferred', '451 4.7.1 greylisted', '4.7.1', code='451', reply={'RCPT': '451 4.7.1 greylisted'})
    Case('nobody there', 'deferred', 'refused', '4.4.1', mx=[{}], down=True).want = 'delivered'
    Case('nobody anywhere', 'deferred', 'refused', '4.4.1', mx=[dict(down=True)], down=True)
    Case('the first greets with 554', 'delivered', reply={'GREETING': '554 5.7.1 no'}, mx=[{}])
    Case('the first closes at DATA', 'delivered', reply={'DATA': CLOSE}, mx=[{}])
    Case('the first is greylisting', 'delivered', reply={'RCPT': '451 4.7.1 greylisted'}, mx=[{}])
    Case('the first breaks off after the end', 'deferred', GONE, '4.4.2', took=1, reply={'END': CLOSE}, mx=[{}], maybe=True)
    Case('the first is too late', 'deferred', SLOW, '4.4.2', took=1, reply={'END': (3, '250 2.0.0 queued')}, mx=[{}], maybe=True)
    Case('all say 451 at the end', 'deferred', '451', '4.', took=2, reply={'END': '451 4.3.0 no'}, mx=[dict(reply={'END': '451 4.3.0 nor I'})], code='451')


# --- what is seen

class Seen:
    """The log by recipient, the queue, and the notifications."""

    def __init__(self, s):
        self.log = s.log()
        self.queue = {q[4]: q for q in s.queued()}
        self.dsn = [m for m in s.mails() if b'message/delivery-status' in m]

    def events(self, rcpt):
        return re.findall(r'(deferred|failed|delivered) (msg=\S+ .*?to=%s .*)' % re.escape(rcpt), self.log)

    def notifications(self, ident):
        return [email.message_from_bytes(m, policy=email.policy.default) for m in self.dsn if b'<%s@test>' % ident.encode() in m]


def settled(cases, s):
    """Has each recipient had its attempt?"""
    log = s.log()
    return all(re.search(r'(deferred|failed|delivered) msg=\S+ .*?to=%s ' % re.escape(r), log) for c in cases for r in c.to())


def text_of(m):
    return [p for p in m.walk() if p.get_content_type() == 'text/plain'][0].get_content()


def status_of(m):
    """The fields of each recipient."""
    parts = [p for p in m.walk() if p.get_content_type() == 'message/delivery-status'][0].get_payload()
    return [dict(x.items()) for x in parts][1:]


def wrong_dsn(c, got, rcpt):
    """What is wrong with the notifications about a failure."""
    if len(got) != 1:
        return ['%d notifications' % len(got)]
    m, bad = got[0], []
    fields = [f for f in status_of(m) if rcpt in f.get('Final-Recipient', '')]
    if len(fields) != 1:
        return ['no fields of the recipient', str(m)]
    f, text = fields[0], text_of(m)
    bad += ['defect: %r' % d for p in m.walk() for d in p.defects]
    if f['Action'] != 'failed' or not f['Status'].startswith(c.status):
        bad.append('Action %s, Status %s' % (f['Action'], f['Status']))
    if not re.fullmatch(r'5\.\d{1,3}\.\d{1,3}', f['Status']):
        bad.append('Status: ' + f['Status'])
    diagnostic = f.get('Diagnostic-Code', '')
    if c.code and not re.match(r'smtp; ?%s' % c.code, diagnostic):
        bad.append('Diagnostic-Code: %r' % diagnostic)
    if c.text and not (re.search(c.text, text, re.S) or re.search(c.text, re.sub(r'\s+', ' ', text))):
        bad.append('not in the text: %s' % c.text)
    if c.code and 'mx' not in f.get('Remote-MTA', ''):
        bad.append('Remote-MTA: %r' % f.get('Remote-MTA'))
    if any(k.startswith('X-Inj') for p in m.walk() for k in p.keys()) or any(k.startswith('X-Inj') for k in f):
        bad.append('a header was injected')
    if re.search(r'[\x00-\x08\x0b-\x1f\x7f]', text.replace('\r\n', '\n')):
        bad.append('control characters in the text: %r' % text)
    if rcpt not in text or m['From'] is None or m['Subject'] is None or m['To'] is None:
        bad.append('not for people')
    if bad:
        bad.append(str(m))
    return bad


def check_first(c, seen):
    bad = []
    rcpt = c.to()[0]
    events = seen.events(rcpt)
    event, rest = events[0] if events else ('nothing', '')
    if len(events) != 1 or event not in c.want.split('|'):
        bad.append('in the log: %r' % (events,))
    c.want = event
    status = re.search(r' status=(\S+)', rest)
    if event != 'delivered' and not (status and status.group(1).startswith(c.status)):
        bad.append('status in the log: ' + rest)
    if event != 'delivered' and c.code and ' code=%s' % c.code not in rest:
        bad.append('code in the log: ' + rest)
    if 'text=' not in rest or (event != 'delivered' and not re.search('attempt=1 ', rest)):
        bad.append('the line in the log: ' + rest)
    q = seen.queue.get(rcpt)
    if (event == 'deferred') != (q is not None):
        bad.append('in the queue: %r' % (q,))
    if q and (q[5] != 'waiting' or q[6] != '1' or (c.text and not re.search(c.text, q[8]))):
        bad.append('in the queue: %r' % (q,))
    if q and c.maybe is not None and ('may have it' in q[8]) != bool(c.maybe):
        bad.append('may have it, or not: %r' % (q,))
    out = c.went_out()
    if event == 'delivered' and c.took == 0:
        c.took = 1
    if len(out) != c.took:
        bad.append('went out %d times, not %d' % (len(out), c.took))
    got = seen.notifications(c.ident)
    if event == 'failed':
        bad += wrong_dsn(c, got, rcpt)
    elif got:
        bad.append('%d notifications' % len(got))
    t.none(bad, '%s: %s' % (c.name, event))


def check_second(c, seen):
    """It was deferred, the server is healed, and it was tried again."""
    bad = []
    events = [e for e, _ in seen.events(c.to()[0])]
    want = ['deferred', 'delivered']
    if events != want:
        bad.append('in the log: %r' % events)
    if len(c.went_out()) != c.took + 1:
        bad.append('went out %d times, not %d' % (len(c.went_out()), c.took + 1))
    if seen.notifications(c.ident):
        bad.append('a notification')
    t.none(bad, '%s: then it arrives%s' % (c.name, ', twice' if c.took else ''))


# --- more than one recipient or message

def by_localpart(line):
    local = line.split('<')[1].split('@')[0]
    return {'no': '550 5.1.1 nobody of that name', 'later': '451 4.2.1 %s is busy' % local, 'bye': ('421 4.3.2 bye', CLOSE)}.get(local)


def some_refused(s, port):
    c = Case('some recipients are refused', None, reply={'RCPT': by_localpart})
    c.rcpts = [x + '@' + c.domain for x in ('ok', 'no', 'later', 'fine')]
    return c


def check_some(c, seen, second=False):
    events = {r.split('@')[0]: [e for e, _ in seen.events(r)] for r in c.to()}
    if not second:
        t.eq(events, {'ok': ['delivered'], 'no': ['failed'], 'later': ['deferred'], 'fine': ['delivered']}, 'some recipients are refused: each has its own result')
        t.eq([m['to'] for m in c.went_out()], [['ok@' + c.domain, 'fine@' + c.domain]], 'it goes to the others')
        got = seen.notifications(c.ident)
        t.eq([len(got)] + [f['Final-Recipient'].split(';')[1].strip() for m in got for f in status_of(m)], [1, 'no@' + c.domain], 'of the one that failed the sender is told')
        t.eq([r for r in c.to() if r in seen.queue], ['later@' + c.domain], 'the one put off waits')
    else:
        t.eq([m['to'] for m in c.went_out()][1:], [['later@' + c.domain]], 'and gets it later, alone')
        t.eq(len(seen.notifications(c.ident)), 1, 'no more is told')


def cut_among(s, port):
    c = Case('421 among the recipients', None, reply={'RCPT': by_localpart})
    c.rcpts = [x + '@' + c.domain for x in ('ok', 'bye', 'fine')]
    return c


def check_cut(c, seen, second=False):
    events = {r.split('@')[0]: [e for e, _ in seen.events(r)][second] for r in c.to()}
    if not second:
        t.eq((set(events.values()), len(c.went_out())), ({'deferred'}, 0), '421 among the recipients: nobody has it')
        return
    t.eq((set(events.values()), [sorted(m['to']) for m in c.went_out()]), ({'delivered'}, [sorted(c.rcpts)]), 'later all have it, once')


def reuse_table():
    """Servers that break between messages: (name, reply, the most that may be put off)."""
    ok = '250 2.0.0 queued'
    return [('closes after each message', {'END': (ok, CLOSE)}),
            ('resets after each message', {'END': (ok, RESET)}),
            ('says 421 after each message', {'END': (ok, '421 4.4.2 idle', CLOSE)}),
            ('closes at each second MAIL', {'MAIL': [None, CLOSE, None, CLOSE, None, CLOSE, None]}),
            ('says 421 to each second MAIL', {'MAIL': [None, ('421 4.7.0 enough', CLOSE), None, ('421 4.7.0 enough', CLOSE), None]}),
            ('says 451 to the second MAIL', {'MAIL': [None, '451 4.7.0 enough', None]}),
            ('closes at the second DATA', {'DATA': [None, CLOSE, None]}),
            ('closes at RSET', {'RCPT': [None, '550 5.1.1 no', None], 'RSET': CLOSE}),
            ('says 500 to RSET', {'RCPT': [None, '550 5.1.1 no', None], 'RSET': '500 what?'}),
            ('says what nobody asked for', {'END': (ok, '250 2.0.0 queued, too')}),
            ('is mad after a message', {'END': (ok, b'\x00\xff mad\r\n' * 100)})]


REUSE = 6


def check_reuse(c, seen):
    bad = []
    idents = ['%s-%d' % (c.ident, i) for i in range(REUSE)]
    refused = [i for i in idents if seen.notifications(i)]
    if len(refused) != ('RSET' in c.name):
        bad.append('told of: %r' % refused)
    for i in idents:
        n = len(c.mails(i))
        if n != (i not in refused):
            bad.append('%s came %d times' % (i, n))
    waits = [q for r, q in seen.queue.items() if r.endswith('@' + c.domain)]
    if waits:
        bad.append('in the queue: %r' % waits)
    if bad:
        bad.append('sessions: %r' % [x.lines for x in c.servers[0].sessions])
    t.none(bad, 'a server that %s: each message arrives once' % c.name)


# --- the whole

def submit(client, s, c):
    text = s.message(c.ident, body=('x' * 70 + '\r\n') * (c.size // 72 + 1))
    if not c.binary:
        client.sendmail(s.address, c.to(), text)
        return
    text += b'\0 \r and \n alone'
    client.mail(s.address, ['BODY=BINARYMIME'])
    for r in c.to():
        client.rcpt(r)
    client.send(b'BDAT %d LAST\r\n' % len(text) + text)
    got = client.getreply()
    if got[0] != 250:
        t.ok(False, 'a binary message is taken', got)


def run(s, plain, some, cut, reuse):
    begin = time.time()
    with s.submission() as client:
        for c in plain + [some, cut]:
            submit(client, s, c)
        for i in range(REUSE):
            for c in reuse:
                client.sendmail(s.address, c.to(), s.message('%s-%d' % (c.ident, i)))
    t.note('submitted after %.1f s' % (time.time() - begin))
    wait_until(lambda: settled(plain + [some, cut], s), 60, 0.2)
    wait_until(lambda: not [q for q in s.queued() if q[5] != 'waiting'], 30, 0.2)
    t.note('first round after %.1f s' % (time.time() - begin))
    seen = Seen(s)
    for c in plain:
        check_first(c, seen)
    check_some(some, seen)
    check_cut(cut, seen)
    for c in plain + [some, cut]:
        c.heal()
    nobody = [c for c in plain if not c.servers]
    for c in nobody:
        c.servers.append(FakeSMTP(c.ip(0), s.base + 25))
    wait_until(lambda: all(x.closed for c in plain for v in c.servers for x in v.sessions), 10, 0.1)
    s.queue('retry', '-A')
    t.ok(wait_until(s.queue_empty, 60), 'after retry the queue gets empty', s.queue('list').stdout)
    t.note('second round after %.1f s' % (time.time() - begin))
    seen = Seen(s)
    for c in plain:
        if c.want == 'deferred':
            check_second(c, seen)
        elif c.want == 'delivered' and len(c.went_out()) != 1:
            t.ok(False, c.name + ': came again')
    check_some(some, seen, True)
    check_cut(cut, seen, True)
    for c in reuse:
        check_reuse(c, seen)
    t.none([l for l in seen.log.splitlines() if re.search(r'without an answer|cannot be|took too long', l)], 'no worker failed us')
    t.none([repr(l) for l in seen.log.split('\n') if re.search(r'[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd]', l)], 'nothing of all this is in the log as it came')
    t.note('all after %.1f s' % (time.time() - begin))


table()
plain = list(Case.all)
some, cut = some_refused(None, 0), cut_among(None, 0)
reuse = [Case(name, None, reply=reply) for name, reply in reuse_table()]
base = free_base(US)
for c in Case.all:
    c.start(base + 25)
ZONE = zone('ours MX 10 mx.ours\nmx.ours A %s\n' % US + ''.join(c.zone() for c in Case.all))
try:
    with Nsd({'example.': ZONE}) as dns:
        with System('ours.example', US, dns.addr, base, tap=t, start=False,
                    conf='max-first-time-recipients-per-day = 0\nmax-outgoing-per-day = 0\ndestination-connections = 1\n') as s:
            path = os.path.join(s.dir, 'etc/services')
            text = open(path).read()
            with open(path, 'w') as f:
                f.write(re.sub(r'(run spawnd .*)\bqueue-remote\b.*', r'\1' + REMOTE, text))
            t.ok(s.start(), 'a system runs')
            run(s, plain, some, cut, reuse)
finally:
    for c in Case.all:
        for x in c.servers:
            x.stop()
    shutil.rmtree(TOP, ignore_errors=True)
t.done()
