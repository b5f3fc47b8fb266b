#!/usr/bin/env python3
"""Mail out of one system: to its own accounts, and to servers that take it, refuse it, or put it off;
the sender is told; posthorn queue decides; programs die and all is started anew."""
import email
import email.policy
import os
import signal
import smtplib
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from fakesmtp import CLOSE, FakeSMTP
from nsd import Nsd, have, zone
from posthorn import Tap, wait_until
from ports import free_base
from system import System
from tap import skip_all

if not have('nsd'):
    skip_all('no nsd here')
t = Tap()
US, THEM, PLAIN, DEAD = '127.0.11.2', '127.0.11.3', '127.0.11.4', '127.0.11.5'
ZONE = zone('''
ours MX 10 mx.ours
mx.ours A %s
them MX 20 mx.dead
them MX 10 mx.them
mx.them A %s
plain A %s
mx.dead A %s
dead MX 10 mx.dead
null MX 0 .
''' % (US, THEM, PLAIN, DEAD))


def rcpt(line):
    """What a server says to RCPT: the localpart tells."""
    local = line.split('<')[1].split('@')[0]
    if local.startswith('no'):
        return '550 5.1.1 There is nobody here\nof the name %s\nsorry' % local
    if local.startswith('later'):
        return '451 4.7.1 come back later'
    return None


def servers(base):
    a, b = FakeSMTP(THEM, base + 25), FakeSMTP(PLAIN, base + 25)
    b.extensions = ['SIZE 1000000']
    for s in (a, b):
        s.reply['RCPT'] = rcpt
    return a, b


def got(server, ident):
    return [m for m in list(server.mails) if b'<%s@test>' % ident.encode() in m['body']]


def dsn(s, ident, *parts, seconds=60):
    """The notification about a message: (parsed, its fields of the recipient, text)."""
    found = s.wait_mail('message/delivery-status', '<%s@test>' % ident, *parts, seconds=seconds)
    if not found:
        return None, {}, ''
    m = email.message_from_bytes(found[-1], policy=email.policy.default)
    status = [p for p in m.walk() if p.get_content_type() == 'message/delivery-status'][0].get_payload()
    text = [p for p in m.walk() if p.get_content_type() == 'text/plain'][0].get_content()
    return m, [dict(x.items()) for x in status][1:], text


def count_dsn(s, ident):
    return len([m for m in s.mails() if b'message/delivery-status' in m and b'<%s@test>' % ident.encode() in m])


def delivered(s):
    to = ['joe@ours.example', 'ann@them.example', 'bob@plain.example', 'eve@them.example']
    t.eq(s.submit(to, s.message('first', headers='Bcc: eve@them.example\r\n')), {}, 'a message for four, here and elsewhere')
    t.ok(s.queue_empty(), 'goes out', s.queue('list').stdout)
    here = s.wait_mail('<first@test>')
    t.ok(here and len(here) == 1 and b'Received:' in here[0] and b'Return-Path: <joe@ours.example>' in here[0] and b'hello\r\n' in here[0],
         'is in the account here', *map(repr, here or []))
    a = got(them, 'first')
    t.ok(len(a) == 1 and a[0]['to'] == ['ann@them.example', 'eve@them.example'] and a[0]['from'] == 'joe@ours.example',
         'came to the other server in one transaction for both', a)
    t.ok(len(got(plain, 'first')) == 1, 'and to a domain without MX')
    t.ok(a and b'Bcc' not in a[0]['body'] and US.encode() not in a[0]['body'], 'nobody reads Bcc, nor where the client is')
    r = s.sendmail('-v', '-t', '-f', s.address, data=b'To: ann@them.example, joe@ours.example\nBcc: bob@plain.example\nMessage-ID: <program@test>\n\nfrom cron\n')
    t.ok(r.returncode == 0 and b'queued as' in r.stdout, 'a program sends', r.stderr)
    t.ok(them.wait(2) and wait_until(lambda: got(them, 'program') and got(plain, 'program')), 'it comes')
    here = s.wait_mail('from cron')
    t.ok(here and b'From: ' in here[0] and b'Date: ' in here[0] and b'Bcc' not in here[0], 'here too, with all that a message must have', *map(repr, here or []))


def refused(s):
    s.submit(['no-one@them.example', 'ann@them.example'], s.message('refused'))
    m, status, text = dsn(s, 'refused')
    t.ok(m is not None, 'a refusal is told to the sender')
    if m is None:
        return
    t.eq(m.get_content_type() + ' ' + str(m.get_param('report-type')), 'multipart/report delivery-status', 'as a report')
    t.eq([x.get('Final-Recipient') for x in status], ['rfc822; no-one@them.example'] if '; ' in status[0]['Final-Recipient'] else ['rfc822;no-one@them.example'],
         'of the one recipient')
    t.ok(status[0]['Action'] == 'failed' and status[0]['Status'].startswith('5.1.1'), 'that failed', status)
    t.ok('mx.them.example' in status[0].get('Remote-MTA', ''), 'at that server', status)
    for line in ('There is nobody here', 'of the name no-one', 'sorry'):
        t.ok(line in text and line in status[0]['Diagnostic-Code'], 'with its whole answer: ' + line, text, status[0]['Diagnostic-Code'])
    t.ok(len(got(them, 'refused')) == 1, 'the other recipient got it')
    for to, code in (('joe@nowhere.example', '5.1.2'), ('joe@null.example', '5.1.10')):
        ident = 'gone-' + to.split('@')[1].split('.')[0]
        s.submit([to], s.message(ident))
        m, status, text = dsn(s, ident)
        t.ok(m is not None and status[0]['Status'].startswith(code), '%s fails at once with %s' % (to, code), status, text)
    try:
        s.submit(['nobody@ours.example'], s.message('nobody'))
        t.ok(False, 'nobody here is refused')
    except smtplib.SMTPRecipientsRefused as e:
        t.eq(e.recipients['nobody@ours.example'][0], 550, 'nobody here is refused')
    r = s.sendmail('-f', s.address, 'nobody@ours.example', data=b'\nx\n')
    t.ok(r.returncode == 67 and b'5.1.1' in r.stderr, 'to a program too', r.stderr)
    t.ok(s.queue_empty(), 'nothing is left in the queue', s.queue('list').stdout)


def wishes(s):
    s.submit(['ann@them.example'], s.message('wish'), mail=['RET=HDRS', 'ENVID=abc'], rcpt=['NOTIFY=SUCCESS,DELAY', 'ORCPT=rfc822;Ann@x.example'])
    wait_until(lambda: got(them, 'wish'))
    a = got(them, 'wish')
    t.ok(a and 'RET=HDRS' in a[0]['params'] and 'ENVID=abc' in a[0]['params'] and 'NOTIFY=SUCCESS,DELAY' in a[0]['rcpt_params'][0] and
         'ORCPT=rfc822;Ann@x.example' in a[0]['rcpt_params'][0], 'a server with DSN gets the wishes', a)
    s.submit(['ann@plain.example'], s.message('relayed'), rcpt=['NOTIFY=SUCCESS'])
    m, status, text = dsn(s, 'relayed')
    t.ok(m is not None and status[0]['Action'] == 'relayed', 'of one without it we tell that it has it', status, text)
    s.submit(['joe@ours.example'], s.message('here'), rcpt=['NOTIFY=SUCCESS'])
    m, status, text = dsn(s, 'here')
    t.ok(m is not None and status[0]['Action'] == 'delivered', 'and of our own accounts that it was delivered', status, text)
    s.submit(['no-never@them.example'], s.message('never'), rcpt=['NOTIFY=NEVER'])
    t.ok(s.queue_empty(), 'all is done')
    t.eq((count_dsn(s, 'never'), count_dsn(s, 'wish')), (0, 0), 'who asked not to be told is not, nor twice')


def by_hand(s):
    for who in ('hold', 'fail', 'drop', 'retry'):
        s.submit(['later-%s@them.example' % who], s.message(who))
    ok = wait_until(lambda: len(s.queued()) == 4 and all(q[6] >= '1' and q[5] == 'waiting' for q in s.queued()))
    t.ok(ok and all('451 4.7.1 come back later' in q[8] for q in s.queued()), 'what is put off waits', s.queued())
    t.eq(s.queue('hold', '-t', 'later-hold').stdout, '1 recipient held\n', 'hold')
    t.eq(s.queue('drop', '-t', 'later-drop').stdout, '1 recipient dropped\n', 'drop')
    t.eq(s.queue('fail', '-t', 'later-fail').stdout, '1 recipient failed\n', 'fail')
    m, status, text = dsn(s, 'fail')
    t.ok(m is not None and status[0]['Action'] == 'failed', 'who failed is told', status, text)
    one = next(q[0] for q in s.queued() if 'retry' in q[4])
    shown = s.queue('show', one).stdout
    t.ok('attempt 1' in shown and '451 4.7.1 come back later' in shown and 'mx.them.example' in shown, 'show tells what was tried', shown)
    them.reply['RCPT'] = None
    r = s.queue('retry', '-A')
    t.ok(r.returncode == 0 and wait_until(lambda: got(them, 'retry')), 'retry', r.stdout + r.stderr)
    time.sleep(1)
    t.eq([q[4:6] for q in s.queued()], [['later-hold@them.example', 'held']], 'what is held is still there')
    t.ok(not got(them, 'hold') and not got(them, 'drop') and count_dsn(s, 'drop') == 0, 'and what was dropped is gone, without a word')
    # a restart changes nothing
    t.eq(s.stop(), 0, 'all is stopped')
    t.ok('held' in s.queue('list').stdout, 'what is held is seen without the daemons', s.queue('list').stdout)
    r = s.queue('release', '-H')
    t.ok(r.returncode == 111 and 'nothing was changed' in r.stderr, 'but cannot be released', r.stderr)
    for i in range(5):
        r = s.sendmail('-f', s.address, 'ann@them.example', data=b'Message-ID: <down-%d@test>\n\nx\n' % i)
        t.eq(r.returncode, 0, 'a program sends while nothing runs')
    t.eq(len(s.queue_ids()), 6, 'it waits in the queue')
    t.ok(s.start(), 'all is started')
    t.ok(wait_until(lambda: all(got(them, 'down-%d' % i) for i in range(5))), 'and goes out')
    t.eq([q[4:6] for q in s.queued()], [['later-hold@them.example', 'held']], 'what was held is held')
    s.queue('release', '-H')
    t.ok(wait_until(lambda: got(them, 'hold')) and s.queue_empty(), 'until it is released')
    t.eq(len(got(them, 'hold')), 1, 'once')
    them.reply['RCPT'] = rcpt


def delayed(s):
    m, status, text = dsn(s, 'delayed', seconds=120)
    t.ok(m is not None and status[0]['Action'] == 'delayed' and status[0]['Status'].startswith('4.'), 'a delay is told', status, text)
    t.ok(status and 'Will-Retry-Until' in status[0] and 'come back later' in text, 'until when, and why', status, text)
    t.ok(len(s.queued()) == 1 and s.queued()[0][6] >= '5', 'after the fifth attempt', s.queued())
    plain.reply['RCPT'] = None
    t.ok(wait_until(lambda: got(plain, 'delayed'), 120) and s.queue_empty(), 'it arrives all the same', s.queue('list').stdout)
    t.ok(count_dsn(s, 'delayed') == 1 and len(got(plain, 'delayed')) == 1, 'once, and told once')
    plain.reply['RCPT'] = rcpt


def killed(s):
    """kill -9 of everything that takes part, while messages are under way."""
    names = ['queue-send', 'queue-remote', 'queue-local', 'queue-put', 'dnsd', 'deliverd', 'authd', 'smtpd', 'spawnd', 'listend']
    them.reply['END'] = lambda line: time.sleep(0.05) or '250 2.0.0 queued'
    sent, stop = [], threading.Event()

    def client():
        n = 0
        while not stop.is_set():
            n += 1
            try:
                s.submit(['ann@them.example', 'joe@ours.example'], s.message('kill-%d' % n))
                sent.append('kill-%d' % n)
            except Exception:
                time.sleep(0.1)

    thread = threading.Thread(target=client)
    thread.start()
    for name in names:
        n = len(sent)
        wait_until(lambda: len(sent) >= n + 2, 30)
        for pid in s.pids(name):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    s.kill()        # and the supervisor, with all that is left
    stop.set()
    thread.join()
    t.ok(s.start(), 'all is started anew')
    t.ok(len(sent) >= len(names), '%d messages were accepted meanwhile' % len(sent))
    s.queue('retry', '-A')
    t.ok(s.queue_empty(120), 'the queue gets empty', s.queue('list').stdout)
    t.ok(not [i for i in sent if not got(them, i)], 'every message that was accepted arrived', [i for i in sent if not got(them, i)])
    here = b''.join(s.mails())
    t.ok(not [i for i in sent if b'<%s@test>' % i.encode() not in here], 'here too')
    twice = [i for i in sent if len(got(them, i)) > 1]
    t.ok(len(twice) <= 2 * len(names), 'hardly any came twice: %d' % len(twice), twice)
    them.reply['END'] = None


def broken_off(s):
    """The peer has it and breaks off before it says so: it may come twice, as SMTP wants it."""
    them.reply['END'] = [CLOSE, None]
    before = len(them.ended)
    s.submit(['ann@them.example'], s.message('cut'))
    t.ok(wait_until(lambda: got(them, 'cut'), 60), 'a message whose 250 was not heard is sent again')
    t.eq(len([m for m in them.ended[before:] if b'<cut@test>' in m['body']]), 2, 'once')
    them.reply['END'] = None
    t.ok(s.queue_empty(), 'and then it is done')


base = free_base(US, THEM, PLAIN, DEAD)
them, plain = servers(base)
with Nsd({'example.': ZONE}) as dns:
    with System('ours.example', US, dns.addr, base, back=1, tap=t, conf='max-first-time-recipients-per-day = 0\nmax-outgoing-per-day = 0\n') as s:
        s.submit(['later@plain.example'], s.message('delayed'))
        delayed(s)
        delivered(s)
        refused(s)
        wishes(s)
        by_hand(s)
        broken_off(s)
        killed(s)
them.stop()
plain.stop()
t.done()
