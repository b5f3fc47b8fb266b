#!/usr/bin/env python3
"""Two systems that exchange mail by MX, each with its own DNS names on one NSD; one is stopped for a while."""
import os
import re
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from nsd import Nsd, have, zone
from posthorn import Tap, wait_until
from ports import free_base
from system import System
from tap import skip_all

if not have('nsd'):
    skip_all('no nsd here')
t = Tap()
A, B, BACKUP = '127.0.12.1', '127.0.12.2', '127.0.12.3'
base = free_base(A, B, BACKUP)
ZONES = {
    'a.example.': zone('@ MX 10 mx\nmx A %s\n' % A, 'a.example.'),
    # the better server of b does not exist
    'b.example.': zone('@ MX 5 gone\n@ MX 10 mx\ngone A %s\nmx A %s\n' % (BACKUP, B), 'b.example.'),
}
FREE = 'max-first-time-recipients-per-day = 0\nmax-outgoing-per-day = 0\n'


def bodies(s, ident):
    return [m for m in s.mails() if b'\r\nMessage-ID: <%s@test>' % ident.encode() in m]


def arrived(s, ident, what, seconds=60):
    ok = wait_until(lambda: bodies(s, ident), seconds, 0.2)
    return t.ok(ok and len(ok) == 1, what, '%d of them' % len(ok or []))


def there_and_back(a, b):
    a.submit([b.address], a.message('there', b.address, headers='References: <none@test>\r\n'))
    arrived(b, 'there', 'a to b')
    b.submit([a.address], b.message('back', a.address))
    arrived(a, 'back', 'b to a')
    m = (bodies(b, 'there') or [b''])[0].decode()
    received = re.findall(r'^Received: ((?:.*\r\n)(?:[ \t].*\r\n)*)', m, re.M)
    t.eq(len(received), 2, 'it was received twice')
    t.ok(received and 'mx.a.example' in received[0] and 'by mx.b.example' in received[0], 'by b from a', received)
    t.ok(received and 'TLS' in received[0], 'with TLS', received[:1])
    t.ok('Return-Path: <joe@a.example>' in m and 'Delivered-To: ann@b.example' in m, 'its envelope is told', m[:500])
    big = a.message('big', b.address, body=('x' * 76 + '\r\n') * 50000 + '.\r\n..x\r\n')
    a.submit([b.address], big)
    if arrived(b, 'big', 'a message of 4 MB'):
        t.ok(bodies(b, 'big')[0].endswith(big.split(b'\r\n\r\n', 1)[1]), 'with all its bytes')
    a.submit(['joe+list@a.example', b.address], a.message('both', 'both'))
    arrived(a, 'both', 'one message for both: here')
    arrived(b, 'both', 'and there')


def utf8(a, b):
    text = a.message('utf8', b.address, body='gr\u00fc\u00dfe\r\n').decode().replace('Subject: test', 'Subject: gr\u00fc\u00dfe').encode()
    a.submit([b.address], text, mail=['SMTPUTF8', 'BODY=8BITMIME'])
    if arrived(b, 'utf8', 'a header in UTF-8'):
        t.ok('Subject: gr\u00fc\u00dfe' in bodies(b, 'utf8')[0].decode(), 'unchanged')


def errors(a, b):
    a.submit(['nobody@b.example'], a.message('nobody'))
    m = a.wait_mail('message/delivery-status', '<nobody@test>')
    t.ok(m and b'5.1.1' in m[0] and b'mx.b.example' in m[0], 'nobody of that name at b: told at a', *map(repr, m or []))
    a.submit(['ann@b.example'], a.message('null'), sender='')
    arrived(b, 'null', 'a message without a sender')


def stopped(a, b):
    t.eq(b.stop(), 0, 'b is stopped')
    for i in range(5):
        a.submit([b.address], a.message('wait-%d' % i, b.address))
    t.ok(wait_until(lambda: len(a.queued()) == 5 and all(int(q[6]) >= 1 and q[5] == 'waiting' for q in a.queued())), 'mail waits', a.queued())
    t.ok(all(q[8] != '-' for q in a.queued()), 'and says why', a.queued())
    a.stop()
    t.ok(a.start(), 'a is started anew meanwhile')
    t.eq(len(a.queued()), 5, 'it still waits')
    t.ok(b.start(), 'b is started')
    for i in range(5):
        arrived(b, 'wait-%d' % i, 'message %d arrives once' % i, 120)
    t.ok(a.queue_empty(), 'and the queue is empty', a.queue('list').stdout)


def killed(a, b):
    """b dies without a word while a sends."""
    stop, sent = threading.Event(), []

    def client():
        n = 0
        while not stop.is_set() and n < 200:
            n += 1
            a.submit([b.address], a.message('die-%d' % n, b.address))
            sent.append('die-%d' % n)

    thread = threading.Thread(target=client)
    thread.start()
    for _ in range(3):
        n = len(sent)
        wait_until(lambda: len(sent) >= n + 3)
        b.kill()
        b.start()
    stop.set()
    thread.join()
    t.ok(b.proc is not None and b.proc.poll() is None, 'b is there again')
    a.queue('retry', '-A')
    t.ok(a.queue_empty(120), 'the queue at a gets empty', a.queue('list').stdout)
    have = b''.join(b.mails())
    t.ok(not [i for i in sent if b'<%s@test>' % i.encode() not in have], 'none of %d messages is lost' % len(sent))


with Nsd(ZONES) as dns:
    with System('a.example', A, dns.addr, base, back=1, tap=t, conf=FREE) as a, \
            System('b.example', B, dns.addr, base, user='ann', back=1, tap=t, conf=FREE) as b:
        there_and_back(a, b)
        utf8(a, b)
        errors(a, b)
        stopped(a, b)
        killed(a, b)
t.done()
