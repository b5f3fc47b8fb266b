#!/usr/bin/env python3
"""The N-th system call of queue-send fails, or the process dies there, for all N
from the pick-up of a message to its removal. After a restart every recipient is
delivered or its sender told, and nobody gets again what the files knew he had."""
import concurrent.futures
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import have
from sendq import *
from tap import Tap, skip_all

STRACE = have('strace')
# what the outcome can depend on; the others only say how late it is, or wait
CALLS = ('openat', 'read', 'pread64', 'write', 'fsync', 'renameat', 'unlinkat', 'close', 'sendmsg', 'recvmsg', 'recvfrom',
         'connect', 'socket', 'socketpair', 'fstat', 'newfstatat', 'getdents64', 'ftruncate', 'lseek')
FULL = ('openat', 'write', 'fsync', 'renameat')
SURE = {'openat', 'write', 'fsync', 'renameat', 'unlinkat', 'sendmsg', 'recvmsg'}


class Scene:
    """Three messages: one goes well; one fares differently for each recipient; one comes later."""

    def __init__(self):
        self.q = Queue()
        self.answered = []      # (id, rcpt) that a worker said ok for
        self.slow = set()
        self.q.remote.policy = self.remote
        self.q.local.policy = self.local

    def remote(self, job, worker):
        out = []
        for r in job.to:
            if r.startswith('perm'):
                out.append(PERM)
            elif r.startswith('slow') and r not in self.slow:
                self.slow.add(r)
                out.append(TEMP)
            else:
                self.answered.append((job.id, r))
                out.append(OK)
        return out

    def local(self, job, worker):
        self.answered.extend((job.id, r) for r in job.to)
        return OK + ('local',)

    def put_first(self):
        self.q.put('one@a.example')
        self.q.put('ok@b.example', 'slow@b.example', 'perm@b.example', 'ok@c.example')

    def put_later(self):
        self.q.put('late@a.example', opts=('-N', '2'))

    def over(self):
        return not self.q.ids() and not self.q.logs() and any('late' in r for _, r in self.answered)

    def run(self, wrap, patience):
        """Under the tracer; what is known of each recipient when it is dead, and who has been answered."""
        q = self.q
        self.put_first()
        q.start('-b', '1', wrap=wrap, wait=False)
        alive = lambda: q.proc.poll() is None
        q.wait(lambda: not alive() or len(self.answered) >= 3, patience)
        self.put_later()
        q.wait(lambda: not alive() or self.over(), 2 * patience)
        q.kill()
        return q.ids(), q.show()


def finish(s, known, ids):
    """Start again without faults; what is wrong at the end, or None."""
    q = s.q
    jobs = len(q.remote.jobs), len(q.local.jobs)
    q.start('-b', '0')
    if not q.empty(30):
        return 'not finished: %s\n%s' % (q.show(), q.log()[-3000:])
    for j in q.remote.jobs[jobs[0]:] + q.local.jobs[jobs[1]:]:
        for r in j.to:
            state = known.get((j.id, r), {}).get('state')
            if state in ('delivered', 'told', 'dropped', 'failed'):
                return '%s of %s is tried although it was %s' % (r, j.id, state)
    for rcpt in ('one@a.example', 'ok@b.example', 'ok@c.example', 'slow@b.example', 'late@a.example'):
        n = sum(r == rcpt for _, r in s.answered)
        if n < 1 or n > 2:
            return '%s was delivered %d times' % (rcpt, n)
    bodies = [j.body for j in q.local.jobs]
    for what, action in (('perm@b.example', b'failed'), ('late@a.example', b'relayed')):
        n = sum(what.encode() in b and b'Action: ' + action in b for b in bodies)
        if n < 1 or n > 2:
            return '%d notifications of %s' % (n, what)
    if any(b'slow@b.example' in b and b'Action' in b for b in bodies):
        return 'a notification too much'
    q.kill()
    return None


def wrapped(trace, inject=None):
    return [STRACE, '-qq', '-s', '80', '-o', trace, '-e', 'trace=' + (inject or ','.join(CALLS)).split(':')[0], '-e', 'signal=none'] + (
        ['-e', 'inject=' + inject] if inject else [])


def one(case):
    call, n, how = case
    s = Scene()
    with s.q:
        try:
            ids, known = s.run(wrapped(os.path.join(s.q.dir, 'trace'), '%s:%s:when=%d' % (call, how, n)), 4)
            return finish(s, known, ids)
        except Exception as e:  # a fault of the test: shown with the case it came in
            return repr(e)


def baseline():
    """Calls of each kind before the queue is opened, and in all."""
    s = Scene()
    with s.q:
        trace = os.path.join(s.q.dir, 'trace')
        s.run(wrapped(trace), 30)
        lines = open(trace, errors='replace').read().splitlines()
        ok = s.over()
        wrong = finish(s, {}, [])
    begin = next(i for i, l in enumerate(lines) if '"config.tdb"' in l or '"queue"' in l)
    before, total = {}, {}
    for i, l in enumerate(lines):
        call = l.split('(')[0]
        total[call] = total.get(call, 0) + 1
        if i < begin:
            before[call] = total[call]
    return ok and wrong is None, wrong, before, total


def main():
    if STRACE is None:
        skip_all('strace is not installed')
    if subprocess.run([STRACE, '-o', '/dev/null', 'true'], capture_output=True).returncode != 0:
        skip_all('strace may not trace here')
    tap = Tap()
    good, wrong, before, total = baseline()
    tap.ok(good, 'without a fault all is well', wrong)
    cases = []
    for call in CALLS:
        for n in range(before.get(call, 0) + 1, total.get(call, 0) + 1):
            hows = ['signal=SIGKILL', 'error=EIO'] if call in SURE else ['error=EIO']
            if call in FULL:
                hows.append('error=ENOSPC')
            if call in ('openat', 'socketpair', 'socket'):
                hows.append('error=EMFILE')
            # those of a kind that is many and alike: some of them
            if call in SURE or total[call] < 40 or n % 7 == 0:
                cases += [(call, n, how) for how in hows]
    tap.note('%d faults' % len(cases))
    bad = {}
    # they wait more than they work
    with concurrent.futures.ProcessPoolExecutor(16) as pool:
        for case, wrong in zip(cases, pool.map(one, cases, chunksize=2)):
            if wrong:
                bad.setdefault(case[0], []).append('%s %d %s: %s' % (*case, wrong))
    for call in CALLS:
        if total.get(call, 0) > before.get(call, 0):
            tap.ok(call not in bad, '%s: %d calls, each failed or killed' % (call, total[call] - before.get(call, 0)), *bad.get(call, [])[:5])
    tap.done()


if __name__ == '__main__':
    if len(sys.argv) == 4:
        print(one((sys.argv[1], int(sys.argv[2]), sys.argv[3])))
    else:
        main()
