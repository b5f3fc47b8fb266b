#!/usr/bin/env python3
"""posthorn queue: list and show from the files, and all of it with a queue-send of our own."""
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
import ipc
from posthorn import POSTHORN, run
import sendq
from spool import Spool
from tap import Tap

t = Tap()
TOP = tempfile.mkdtemp(prefix='posthorn-queue-')
VAR = os.path.join(TOP, 'var')
os.makedirs(os.path.join(TOP, 'etc'))
os.makedirs(os.path.join(VAR, 'run'))
DOOR = os.path.join(VAR, 'run', 'queue-send')
A, B, C = '0qe1a2b3c4d5e6f7', '0qe1a2b4c4d5e6f7', '0qe1a2b5c4d5e6f7'
NOW = int(time.time())


def queue(*words):
    return run([POSTHORN, '-C', TOP, 'queue', *words])


class Sender:
    """A queue-send that answers each question with the records it is given, and keeps the questions."""

    def __init__(self, *answers):
        self.s, self.answers, self.asked = ipc.listener(DOOR), answers, []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            rec = c.recv(65536)
            if rec:
                self.asked.append(rec)
                for a in self.answers:
                    c.send(a)
            c.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.shutdown(2)
        self.s.close()
        self.thread.join(10)
        os.unlink(DOOR)


def values(rec, name):
    parts = rec.split(b'\0')[:-1]
    return [v.decode() for k, v in zip(parts[::2], parts[1::2]) if k.decode() == name]


def record(proto, *pairs):
    return b''.join(str(x).encode() + b'\0' for kv in ((proto, 1),) + pairs for x in kv)


# --- nothing there

r = queue('list')
t.ok(r.returncode == 0 and r.stdout == '', 'without a queue the list is empty', r.stdout + r.stderr)
r = queue('list', '-d', 'x.example')
t.ok(r.returncode == 100 and 'matches' in r.stderr, 'and nothing matches', r.stderr)
for words in ((), ('flush',), ('hold',), ('retry', '-i', 'soon', '-A'), ('hold', '-i', '1', '-A'), ('show',), ('list', '-x'), ('show', '-m', A, B)):
    r = queue(*words)
    t.ok(r.returncode == 100 and 'usage' in r.stderr, 'used wrongly: ' + ' '.join(words), r.stderr)

# --- from the files

spool = Spool(VAR)
MESSAGE = b'From: joe@here.example\r\nSubject: caf\xc3\xa9\r\n\r\n' + b'x' * 70000 + b'\r\n'
spool.put(A, [['ann@there.example', ('notify', 'success,failure'), ('orcpt', 'rfc822;ann@there.example')],
              'bob@there.example', 'eve@else.example'], MESSAGE, queued=NOW - 8100, account='joe', login='joe@here.example',
          **{'from': 'joe@here.example', 'body': '8bitmime', 'ret': 'hdrs', 'envid': 'E+2B1', 'message-id': '<one@here.example>'})
spool.note(A, 'try', '0-1', NOW - 8000, attempt=1, next=NOW - 7000)
spool.note(A, 'ok', '0', NOW - 7999, host='mx.there.example', ip='192.0.2.1', code=250, status='2.0.0', text='250 2.0.0 taken', tls='TLSv1.3', dsn=1)
spool.note(A, 'defer', '1', NOW - 7998, next=NOW + 3600, host='mx.there.example', ip='192.0.2.1', code=451, status='4.7.1',
           text='451-4.7.1 not\x1b[31m now\n451 4.7.1 "later"')
spool.note(A, 'hold', '2', NOW - 100)
spool.put(B, [['joe@here.example', ('account', 'joe'), ('mailbox', 'INBOX')]], queued=NOW - 5)
spool.put(C, ['x y@odd.example'], queued=NOW - 200000, account='ann', **{'from': 'ann+list@here.example', 'not-before': NOW + 9000})
spool.note(C, 'try', '0', NOW - 5, attempt=3, next=NOW + 100)
spool.note(C, 'defer', '0', NOW - 4, next=NOW + 100, status='4.4.1', text='no address answers', host='mail.here.example', local=1)


def rows(r):
    return [l.split(None, 8) for l in r.stdout.splitlines()[1:]]


r = queue('list')
t.ok(r.returncode == 0 and 'queue-send does not run' in r.stderr, 'list reads the files, and says so', r.stderr)
t.ok(r.stdout.startswith('ID '), 'below a line of titles', r.stdout)
got = rows(r)
t.eq([g[0] for g in got], [A, A, B, C], 'one line a recipient that is not finished, the oldest first')
t.eq(got[0][1:7], ['2h15m', str(len(MESSAGE)), 'joe@here.example', 'bob@there.example', 'waiting', '1'], 'age, size, from, to, state, attempts')
t.eq(got[0][7], time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(NOW + 3600)), 'the next attempt')
t.eq(got[0][8], '451-4.7.1 not\\x1b[31m now 451 4.7.1 \\x22later\\x22 (mx.there.example)', 'and the answer, which moves no cursor')
t.eq(got[1][4:], ['eve@else.example', 'held', '0', '-', '-'], 'one that is held')
t.eq(got[2][3:], ['<>', 'joe@here.example', 'waiting', '0', 'now', '-'], 'a notification')
t.eq(got[3][4], 'x\\x20y@odd.example', 'no field has a space inside')
t.eq(got[3][7], time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(NOW + 9000)), 'and none is due before its time')
for words, want in ((('-a', 'joe'), ['bob', 'eve']), (('-d', 'THERE.example'), ['bob']), (('-f', 'ann+'), ['x\\x20y']), (('-t', 'odd'), ['x\\x20y']),
                    (('-H',), ['eve']), ((B, C), ['joe', 'x\\x20y']), (('-A',), ['bob', 'eve', 'joe', 'x\\x20y']), (('-a', 'joe', '-t', 'bob', A), ['bob'])):
    t.eq([g[4].split('@')[0] for g in rows(queue('list', *words))], want, 'list ' + ' '.join(words))
r = queue('list', '-a', 'nobody')
t.ok(r.returncode == 100 and 'nothing in the queue matches' in r.stderr and r.stdout == '', 'nothing matches', r.stderr)
for bad in ('0qe1a2b9c4d5e6f7', '../../etc/passwd', 'x'):
    for cmd in ('list', 'show', 'drop'):
        r = queue(cmd, A, bad)
        t.ok(r.returncode == 100 and 'no message ' + bad in r.stderr and r.stdout == '', '%s of the unknown id %s' % (cmd, bad), r.stderr)

# --- show

r = queue('show', A)
t.eq(r.returncode, 0, 'show')
for line in ('id           ' + A, 'from         joe@here.example', 'account      joe', 'login        joe@here.example', 'message-id   <one@here.example>',
             'size         %d' % len(MESSAGE), 'body         8bitmime ret=hdrs', 'envid        E+2B1',
             'to           ann@there.example: delivered, 1 attempt, notify=success,failure, orcpt=rfc822;ann@there.example',
             'to           eve@else.example: waiting, held'):
    t.ok(line in r.stdout.splitlines(), 'tells: ' + line, r.stdout)
history = r.stdout.split('\n\n')[1].splitlines()
stamp = lambda at: time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))
t.eq(history, [stamp(NOW - 8000) + ' attempt 1: ann@there.example, bob@there.example',
               stamp(NOW - 7999) + ' delivered: ann@there.example',
               '    by mx.there.example [192.0.2.1], TLSv1.3, which tells the sender what becomes of it',
               '    250 2.0.0 taken',
               stamp(NOW - 7998) + ' deferred until %s: bob@there.example' % stamp(NOW + 3600),
               '    by mx.there.example [192.0.2.1]',
               '    451-4.7.1 not\\x1b[31m now',
               '    451 4.7.1 \\x22later\\x22',
               stamp(NOW - 100) + ' held: eve@else.example'], 'and its history, with whole answers')
r = queue('show', C)
t.ok('    4.4.1 no address answers' in r.stdout.splitlines(), 'our own reasons with their status', r.stdout)
t.ok('    by mail.here.example, here' in r.stdout.splitlines(), 'and no brackets around no address', r.stdout)
r = queue('show', B, C)
t.ok(r.stdout.count('\nqueued ') == 2 and 'into mailbox INBOX of account joe' in r.stdout, 'show several', r.stdout)
r = subprocess.run([POSTHORN, '-C', TOP, 'queue', 'show', '-m', A], capture_output=True)
t.ok(r.returncode == 0 and r.stdout == MESSAGE, 'show -m writes the message, every byte', r.stderr)
with open(os.path.join(VAR, 'queue/msg', '0qe1a2b6c4d5e6f7'), 'wb') as f:
    f.write(b'damage')
r = queue('list')
t.ok(r.returncode == 111 and '0qe1a2b6c4d5e6f7' in r.stderr and len(rows(r)) == 4, 'a damaged file is named, others are listed', r.stderr)
t.eq(queue('show', '0qe1a2b6c4d5e6f7').returncode, 100, 'and cannot be shown')
os.unlink(os.path.join(VAR, 'queue/msg', '0qe1a2b6c4d5e6f7'))

# --- changes

before = {f: open(os.path.join(VAR, 'queue/log', f), 'rb').read() for f in os.listdir(os.path.join(VAR, 'queue/log'))}
for cmd in ('retry', 'hold', 'release', 'fail', 'drop'):
    r = queue(cmd, A)
    t.ok(r.returncode == 111 and 'nothing was changed' in r.stderr and r.stdout == '', cmd + ' needs queue-send', r.stderr)
after = {f: open(os.path.join(VAR, 'queue/log', f), 'rb').read() for f in os.listdir(os.path.join(VAR, 'queue/log'))}
t.ok(before == after and spool.ids() == [A, B, C], 'and nothing changed without it')

with Sender(record('queue', ('result', 'ok'), ('count', 2))) as s:
    for cmd, said in (('retry', '2 recipients due again'), ('hold', '2 recipients held'), ('release', '2 recipients released'),
                      ('fail', '2 recipients failed'), ('drop', '2 recipients dropped')):
        r = queue(cmd, '-a', 'joe', '-d', 'there.example', '-f', 'jo', '-t', 'b', '-H', A, C)
        t.ok(r.returncode == 0 and r.stdout == said + '\n', cmd, r.stdout + r.stderr)
        got = s.asked[-1]
        t.eq([values(got, n) for n in ('queue', 'cmd', 'id', 'account', 'domain', 'from', 'to', 'held', 'all', 'at')],
             [['1'], [cmd], [A, C], ['joe'], ['there.example'], ['jo'], ['b'], ['1'], [], []], 'with all its filters')
    r = queue('retry', '-A', '-i', '2h')
    got = s.asked[-1]
    t.ok(values(got, 'all') == ['1'] and abs(int(values(got, 'at')[0]) - time.time() - 7200) < 60, 'retry -i -A', got)
with Sender(record('queue', ('result', 'ok'), ('count', 0))):
    r = queue('hold', '-t', 'nobody')
    t.ok(r.returncode == 100 and 'nothing in the queue matches' in r.stderr, 'nothing matches', r.stderr)
with Sender(record('queue', ('result', 'ok'), ('count', 0), ('busy', 2))):
    r = queue('fail', '-A')
    t.ok(r.returncode == 111 and '2 left alone' in r.stderr, 'what is being tried is left alone', r.stderr)
with Sender(record('queue', ('result', 'fail'), ('text', 'the disk is full'))):
    r = queue('hold', A)
    t.ok(r.returncode != 0 and 'the disk is full' in r.stderr and r.stdout == '', 'a refusal is told', r.stderr)
for broken in ((), (record('other'),)):
    with Sender(*broken):
        for cmd in ('hold', 'list'):
            r = queue(cmd, '-A')
            t.ok(r.returncode == 111 and r.stderr, '%s: no answer, or another one' % cmd, r.stderr)

# --- list as queue-send tells it

with Sender(record('message', ('id', A), ('queued', NOW - 60), ('account', 'joe'), ('from', 'joe@here.example'), ('size', 99), ('message-id', '<x>'),
                   ('rcpt', 'a@there.example'), ('state', 'waiting'), ('held', 0), ('attempts', 2), ('last', NOW), ('next', NOW + 60),
                   ('status', '4.0.0'), ('text', '400 no\nnever'), ('host', 'mx'),
                   ('rcpt', 'b@there.example'), ('state', 'trying'), ('attempts', 1)),
            record('message', ('id', B), ('queued', NOW), ('from', ''), ('size', 1), ('rcpt', 'c@there.example'), ('state', 'failed'), ('held', 1)),
            record('queue', ('result', 'ok'), ('count', 3))) as s:
    r = queue('list')
    t.ok(r.returncode == 0 and r.stderr == '', 'list asks queue-send', r.stderr)
    t.eq(values(s.asked[0], 'all'), ['1'], 'for all, when nothing is said')
    got = rows(r)
    t.eq([g[0] for g in got] + [g[2] for g in got], [A, A, B, '99', '99', '1'], 'and shows what it tells')
    t.eq(got[0][4:], ['a@there.example', 'waiting', '2', stamp(NOW + 60), '400 no never (mx)'], 'of the first recipient')
    t.eq(got[1][4:], ['b@there.example', 'trying', '1', '-', '-'], 'of the second')
    t.eq(got[2][3:], ['<>', 'c@there.example', 'held', '0', '-', '-'], 'of another message')

shutil.rmtree(TOP)

# --- the real one

with sendq.Queue() as q:
    TOP = q.dir
    q.remote.policy = lambda job, worker: sendq.TEMP
    i = q.put('a@one.example', 'b@two.example')
    j = q.put('c@one.example', sender='ann@ours.example', account='ann')
    want = rows(queue('list'))
    q.start()
    more = [q.put('z@three.example') for k in range(20)]
    q.wait(lambda: all(g['attempts'] == 1 and g['state'] == 'waiting' for g in q.show().values()))
    ids = [g[0] for g in rows(queue('list'))]
    t.ok(len(ids) == 23 and ids == sorted(ids), 'the oldest first', ids)
    queue('drop', '-d', 'three.example')
    q.wait(lambda: [g['attempts'] for g in q.show().values()] == [1, 1, 1] and all(g['state'] == 'waiting' for g in q.show().values()))
    r = queue('list')
    got = rows(r)
    t.eq(sorted(g[:6:5] + g[3:5] for g in got), sorted(g[:6:5] + g[3:5] for g in want), 'queue-send lists what the files say')
    t.ok(r.stderr == '' and all(g[6] == '1' and g[7] > '20' and g[8] == '4.3.0 later (mx.example.net)' for g in got), 'and more', r.stdout, r.stderr)
    for words, want in ((('-a', 'ann'), 'c'), (('-d', 'one.example'), 'ac'), (('-f', 'joe@'), 'ab'), (('-t', 'two'), 'b'), ((j,), 'c'), ((i, '-t', 'a@'), 'a')):
        t.eq(''.join(sorted(g[4][0] for g in rows(queue('list', *words)))), want, 'list ' + ' '.join(words))
    r = queue('hold', '-d', 'one.example')
    t.eq(r.stdout, '2 recipients held\n', 'hold')
    t.eq(sorted(g[4][0] for g in rows(queue('list', '-H'))), ['a', 'c'], 'they are held')
    t.ok(queue('retry', '-A').returncode == 0 and q.wait(lambda: q.show()[i, 'b@two.example']['attempts'] == 2), 'retry tries what is not held')
    t.eq([q.show()[k]['attempts'] for k in ((i, 'a@one.example'), (j, 'c@one.example'))], [1, 1], 'and nothing else')
    t.ok('held: a@one.example' in queue('show', i).stdout, 'show tells it')
    t.eq(queue('release', '-H').stdout, '2 recipients released\n', 'release')
    q.wait(lambda: all(g['state'] == 'waiting' for g in q.show().values()))
    t.eq(queue('drop', j).stdout, '1 recipient dropped\n', 'drop')
    t.ok(q.wait(lambda: q.ids() == [i]), 'and it is gone, with its files')
    t.eq(queue('fail', '-t', 'b@two.example').stdout, '1 recipient failed\n', 'fail')
    t.ok(q.wait(lambda: q.local.jobs), 'its sender is told')
    t.eq([x['rcpt'] for x in q.local.jobs[0].rcpts], ['joe@ours.example'], 'and nobody else')
    q.remote.policy = lambda job, worker: sendq.OK
    t.eq(queue('retry', i).stdout, '1 recipient due again\n', 'retry by id')
    t.ok(q.empty(), 'and all is done')
    t.ok(queue('list').stdout == '' and queue('show', i).returncode == 100, 'the queue is empty')
    t.eq(q.stop(), 0, 'queue-send stops')

# a queue-send that is not itself any more, and its words on the terminal of root
TOP = tempfile.mkdtemp(prefix='posthorn-queue-')
os.makedirs(os.path.join(TOP, 'var/run'))
for d in ('tmp', 'msg', 'log'):
    os.makedirs(os.path.join(TOP, 'var/queue', d))
DOOR = os.path.join(TOP, 'var/run/queue-send')
EVIL = '\x1b]0;x\x07\x1b[2J\n\u009b31m\u202ex'
pairs = [(k, EVIL) for k in ('id', 'from', 'rcpt', 'state', 'status', 'text', 'host', 'queued', 'size')]
for answers in ((record('message', *pairs), record('queue', ('result', 'ok'), ('count', 1))), (record('queue', ('result', 'fail'), ('text', EVIL)),)):
    with Sender(*answers):
        r = queue('list')
    said = r.stdout + r.stderr
    t.ok('\\x1b' in said and not set('\x1b\x07\u009b\u202e') & set(said) and said.count('\n') <= 2, 'what it says is shown, not obeyed', said)
shutil.rmtree(TOP)
t.done()
