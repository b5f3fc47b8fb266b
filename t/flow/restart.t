#!/usr/bin/env python3
"""A stop is orderly: sessions get 421 and BYE. A second start finds the mail of the first."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import Raw, Server, Tap, message, wait_until

t = Tap()


def state(s):
    """What a client can know of all mailboxes."""
    c = s.imap(select=None)
    found = {'list': sorted(c.list()[1]), 'lsub': sorted(c.lsub()[1])}
    for box in ('INBOX', 'Work/Deep'):
        c.select(box)
        found[box] = (c.untagged_responses.get('UIDVALIDITY') or c.response('UIDVALIDITY'),
                      [i.replace(b' \\Recent', b'').replace(b'\\Recent ', b'').replace(b'\\Recent', b'')
                       for i in c.uid('fetch', '1:*', '(FLAGS INTERNALDATE RFC822.SIZE)')[1]])
        c.response('UIDVALIDITY')
        c.unselect()
    c.logout()
    return found


def idle_session(s):
    c = s.imap()
    c.send(b'i1 IDLE\r\n')
    while not c.readline().startswith(b'+'):
        pass
    return c


def read_all(c):
    text = b''
    try:
        while True:
            line = c.readline()
            if not line:
                return text
            text += line
    except Exception:
        return text


def stop_under_sessions(s, stop):
    """Sessions in several states see an orderly end."""
    smtp, data = Raw(s.smtp_port), Raw(s.smtp_port)
    smtp.reply()
    smtp.cmd('EHLO client.test')
    data.reply()
    for line in ('EHLO client.test', 'MAIL FROM:<sender@example.org>', 'RCPT TO:<user@localhost>', 'DATA'):
        data.cmd(line)
    data.send(message('never')[:50])
    gate = Raw(s.imap_port)
    gate.line()
    waiting, idle = s.imap(), idle_session(s)
    begin = time.time()
    code = stop()
    t.eq(code, 0, 'it ends with 0')
    t.ok(time.time() - begin < 10, 'within ten seconds', time.time() - begin)
    t.ok(smtp.end().startswith(b'421'), 'an SMTP session gets 421', smtp.buffer)
    t.ok(data.end().startswith(b'421'), 'also within DATA', data.buffer)
    t.ok(b'* BYE' in gate.end(), 'an IMAP session before login gets BYE', gate.buffer)
    for what, c in (('after it', waiting), ('in IDLE', idle)):
        text = read_all(c)
        t.ok(b'* BYE' in text, 'one %s, too' % what, text)
        c.shutdown()


with Server(tap=t) as s:
    for i in range(5):
        s.send(message('m%d' % i))
    c = s.imap()
    c.create('Work/Deep')
    c.subscribe('Work/Deep')
    c.uid('store', '2', '+FLAGS', '(\\Seen \\Flagged project-x)')
    c.uid('copy', '2:3', 'Work/Deep')
    c.uid('store', '4', '+FLAGS', '(\\Deleted)')
    c.expunge()
    c.logout()
    before = state(s)
    stop_under_sessions(s, s.stop)
    t.ok(s.start(), 'it starts again', s.text, s.log()[-2000:])
    t.eq(state(s), before, 'and everything is as it was')
    t.ok('<never@test>' not in s.all_ids(), 'what was not accepted is not there')
    s.send(message('later'))
    t.eq(s.all_ids().get('<later@test>'), [6], 'the next message gets the next UID')
    # the other way to stop: the verb
    proc = s.proc
    r = s.verb('stop')
    t.eq(r.returncode, 0, 'posthorn stop') or t.note(r.stderr)
    t.ok(wait_until(lambda: proc.poll() is not None, 15), 'ends localserve')
    t.eq(proc.returncode, 0, 'with 0')
    t.ok(s.start(), 'and again', s.text)
    t.eq(len(s.all_ids()), 5, 'it is all there')
t.done()
