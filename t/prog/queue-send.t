#!/usr/bin/env python3
"""queue-send between a spool and fake workers: what it tries, when, with whom, and what it tells."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from sendq import *
from tap import Tap

tap = Tap()
ok, eq = tap.ok, tap.eq


def simple():
    with Queue() as q:
        i = q.put('before@example.net')
        q.start()
        ok(q.empty(), 'a message from before the start is delivered and gone')
        j = q.remote.jobs[0]
        eq((j.id, j.kind, j.domain, j.hostname, j.attempt, j.attrs['from']),
           (i, 'direct', 'example.net', 'mail.example', '1', 'joe@ours.example'), 'as a job')
        eq(j.body, b'Subject: hello\r\n\r\nbody\r\n', 'with the message behind its descriptor')
        eq(j.ports, [25], 'and the ports to be called')
        q.put('after@example.net')
        ok(q.empty(), 'so is one that comes while it runs')
        eq(q.remote.opened, 1, 'by the same worker')
        ok(len(q.lines('delivered')) == 2 and 'to=after@example.net' in q.lines('delivered')[1], 'each has a line in the log', q.log())
        eq(q.stop(), 0, 'it stops when it is told to')


simple()
tap.done()
