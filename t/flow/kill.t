#!/usr/bin/env python3
"""kill -9 of each daemon under load: nothing that was accepted is lost, and others notice
no more than a retry."""
import os
import random
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import Server, Tap, alive, children_of, message, wait_until

t = Tap()
KILLS, PAUSE = 6, 0.35


class Load:
    """Senders and readers, each trying again when it is disturbed."""

    def __init__(self, s, tag, senders=3, readers=2):
        self.s, self.tag = s, tag
        self.going = True
        self.accepted, self.tries, self.disturbed, self.reads = {}, 0, 0, 0
        self.slowest = 0.0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.sender, args=(i,), daemon=True) for i in range(senders)]
        self.threads += [threading.Thread(target=self.reader, daemon=True) for i in range(readers)]
        for th in self.threads:
            th.start()

    def again(self, what):
        """Do it until it works; the number of tries. A refusal for good is a failure, too."""
        begin, n = time.time(), 0
        while time.time() - begin < 40:
            n += 1
            try:
                what()
                break
            except Exception as e:
                last = e
                with self.lock:
                    self.disturbed += 1
                time.sleep(0.1)
        else:
            raise RuntimeError('never worked again: %r' % last)
        with self.lock:
            self.slowest = max(self.slowest, time.time() - begin)
        return n

    def sender(self, number):
        n = 0
        while self.going:
            n += 1
            ident = '%s-%d-%d' % (self.tag, number, n)
            tries = self.again(lambda: self.s.send(message(ident)))
            with self.lock:
                self.accepted[ident] = tries

    def reader(self):
        def read():
            # before the login and after it a session stays a moment, so that a shot can hit it
            with socket.create_connection(('127.0.0.1', self.s.imap_port), 15) as s:
                s.recv(1000)
                time.sleep(0.05)
            c = self.s.imap(timeout=15)
            c.uid('search', None, 'ALL')
            time.sleep(0.05)
            c.noop()
            c.logout()
        while self.going:
            self.again(read)
            with self.lock:
                self.reads += 1

    def end(self):
        self.going = False
        for th in self.threads:
            th.join(60)
        return not any(th.is_alive() for th in self.threads)


def kill_some(s, name):
    """Shoot at that daemon a few times; how often it was hit."""
    hits, end = 0, time.time() + 10
    while hits < KILLS and time.time() < end:
        pids = s.pids(name)
        if pids:
            try:
                os.kill(random.choice(pids), signal.SIGKILL)
                hits += 1
            except OSError:
                pass
            time.sleep(PAUSE)
        else:
            time.sleep(0.005)
    return hits


def check_arrived(s, load, name):
    ids = s.all_ids()
    lost = [i for i in load.accepted if '<%s@test>' % i not in ids]
    t.ok(not lost, '%s: nothing accepted is lost (%d messages)' % (name, len(load.accepted)), lost)
    # twice only what was sent twice, because the answer was lost
    twice = [i for i, n in load.accepted.items() if len(ids.get('<%s@test>' % i, [])) > n]
    t.ok(not twice, '%s: nothing is there more often than it was sent' % name, twice)


def one(s, name):
    load = Load(s, name)
    time.sleep(0.5)
    hits = kill_some(s, name)
    t.ok(hits > 0, '%s: killed under load (%d times)' % (name, hits))
    done_by_then = len(load.accepted), load.reads
    back = wait_until(lambda: len(load.accepted) > done_by_then[0] and load.reads > done_by_then[1], 20)
    t.ok(back, '%s: service goes on' % name, s.log()[-2000:])
    t.ok(load.end(), '%s: nobody waits for ever' % name)
    t.ok(load.slowest < 20, '%s: the longest wait with retries is bounded (%.1f s)' % (name, load.slowest))
    check_arrived(s, load, name)
    r = s.verb('verify')
    t.ok(r.returncode == 0, '%s: posthorn verify finds nothing' % name, r.stdout + r.stderr)


with Server(tap=t) as s:
    s.send(message('before'))
    for name in ('smtpd', 'deliverd', 'verifyd', 'imapd', 'imapgate', 'authd', 'spawnd', 'listend'):
        one(s, name)
    # without the one that looks after them all nothing stays, and a new start finds all
    below = children_of(s.proc.pid)
    os.kill(s.pids('supervised')[0], signal.SIGKILL)
    t.ok(wait_until(lambda: not any(alive(p) for p in below), 20), 'supervised: without it all others end',
         {p: n for p, n in below.items() if alive(p)})
    s.kill()
    t.ok(s.start(), 'supervised: and it starts again', s.text, s.log()[-2000:])
    t.ok('<before@test>' in s.all_ids(), 'supervised: with all its mail')
    # and all at once, as when the machine dies
    load = Load(s, 'everything')
    time.sleep(1)
    s.kill()
    load.going = False
    t.ok(s.start(), 'after kill -9 of everything it starts again', s.text, s.log()[-2000:])
    load.end()
    check_arrived(s, load, 'everything')
t.done()
