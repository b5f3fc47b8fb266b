#!/usr/bin/env python3
"""queue-send between a spool and fake workers: what it tries, when, with whom, and what it tells."""
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from sendq import *
from tap import Tap

tap = Tap()
ok, eq = tap.ok, tap.eq


def tried(q, i, rcpt):
    """It waits, and not for its first attempt."""
    r = q.show().get((i, rcpt), {'state': '', 'attempts': 0})
    return r['state'] == 'waiting' and r['attempts'] > 0


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


def batches():
    with Queue() as q:
        q.put(*['u%d@a.example' % i for i in range(250)], 'x@b.example', 'y@b.example', 'z@A.EXAMPLE',
              opts=('-N', '0'))
        q.start()
        ok(q.empty(), 'many recipients in several domains')
        sizes = sorted((len(j.rcpts), j.domain.lower()) for j in q.remote.jobs)
        eq(sizes[-2:], [(100, 'a.example'), (100, 'a.example')], 'go a hundred at a time')
        eq(sum(n for n, d in sizes), 253, 'each once')
        eq([n for n, d in sizes if d == 'b.example'], [2], 'those of a domain together')
        q.remote.cut()
        q.wait(lambda: q.remote.now == 0)
        opened = q.remote.opened
        q.put('x@d.example', 'y@d.example', 'z@d.example')
        ok(q.empty() and q.remote.opened == opened + 1, 'one job needs one worker')
        # after different attempts they are no longer one batch
        q.remote.policy = lambda j, w: [TEMP if r == 'slow@c.example' else OK for r in j.to]
        i = q.put('slow@c.example', 'fast@c.example')
        q.wait(lambda: tried(q, i, 'slow@c.example'))
        eq(q.show().get((i, 'fast@c.example'), {}).get('state'), 'delivered', 'one is delivered, which the log knows')
        eq(q.show()[i, 'slow@c.example']['attempts'], 1, 'the other has one attempt')
        q.kill()
        q.remote.policy = lambda j, w: OK
        n = len(q.remote.jobs)
        q.start()
        q.command('retry', id=i)
        ok(q.empty(), 'it goes on after a crash')
        eq([j.to for j in q.remote.jobs[n:]], [['slow@c.example']], 'with the one that is left alone')


def long_records():
    with Queue() as q:
        q.start()
        q.put(*['%s%d@a.example' % ('x' * 110, i) for i in range(100)], opts=('-N', '7'))
        ok(q.empty(), 'a hundred long addresses')
        eq(sum(len(j.rcpts) for j in q.remote.jobs), 100, 'each once')
        eq({r['notify'] for j in q.remote.jobs for r in j.rcpts}, {'7'}, 'with what is told of them')


def window():
    with Queue(CONF + 'destination-connections = 5\n') as q:
        gate = threading.Semaphore(0)

        def policy(j, w):
            gate.acquire()
            return OK
        q.remote.policy = policy
        q.put('a@example.net', opts=('-c', '60'))
        q.start()
        ok(q.wait(lambda: q.remote.now == 2), 'a destination begins with two workers', q.remote.now)
        time.sleep(0.2)
        eq(q.remote.now, 2, 'and no more')
        gate.release()
        ok(q.wait(lambda: q.remote.now == 3), 'a job that went well makes room for one more')
        for _ in range(20):
            gate.release()
        ok(q.wait(lambda: q.remote.now == 5), 'up to destination-connections')
        for _ in range(60):
            gate.release()
        ok(q.empty(), 'all are delivered')
        eq((q.remote.most, q.remote.opened, len(q.remote.jobs)), (5, 5, 60), 'over five connections')


def unreached():
    with Queue() as q:
        q.remote.policy = lambda j, w: Answer(TEMP[:1] + (0, 'cannot connect'), more=False, unreached=True, delay=0.1)
        q.put('a@example.net', opts=('-c', '200'))
        q.start()
        ok(q.wait(lambda: all(r['attempts'] == 1 and r['state'] == 'waiting' for r in q.show().values())),
           'when nothing is reached all have their attempt', q.log()[-2000:])
        ok(len(q.remote.jobs) < 10, 'for which few have asked', len(q.remote.jobs))
        r = next(iter(q.show().values()))
        eq(r['text'], 'cannot connect', 'and the answer of one is that of all')
        n = len(q.remote.jobs)
        q.remote.policy = lambda j, w: OK
        q.command('retry', all=1)
        ok(q.empty(), 'later they all go out')
        ok(q.remote.most <= 10, 'over a few connections', q.remote.most)


def limited():
    with Queue() as q:
        """A server that takes three connections."""
        open_now, lock = set(), threading.Lock()

        def policy(j, w):
            with lock:
                open_now.add(w)
                if len(open_now) > 3 and w not in sorted(open_now)[:3]:
                    open_now.discard(w)
                    return Answer(('temp', 421, '4.7.0 too many connections'), more=False, unreached=True)
            time.sleep(0.002)
            return OK
        q.remote.policy = policy
        q.put('a@example.net', opts=('-c', '300'))
        q.start()
        ok(q.wait(lambda: len(q.lines('delivered')) + len(q.lines('deferred')) >= 300), 'a server that limits connections')
        ok(len(q.lines('deferred')) <= 4, 'puts few messages off', len(q.lines('deferred')))
        ok(len(q.lines('delivered')) >= 296, 'and gets the others')


def fairness():
    with Queue(CONF + 'outgoing-connections = 6\ndestination-connections = 6\n') as q:
        def policy(j, w):
            time.sleep(0.005)
            return OK
        q.remote.policy = policy
        q.put('a@big.example', opts=('-c', '1500'))
        q.start()
        q.wait(lambda: q.remote.now == 6)
        time.sleep(0.1)
        n = len(q.remote.jobs)
        for i in range(20):
            q.put('a@small%d.example' % i)
        ok(q.wait(lambda: sum('small' in j.domain for j in q.remote.jobs) == 20, 20), 'small domains come through')
        last = max(i for i, j in enumerate(q.remote.jobs) if 'small' in j.domain)
        ok(last < n + 600, 'long before the big one is done', 'job %d, then %d' % (n, last))
        ok(q.remote.most <= 8, 'with no more workers than there may be, but for those that are ending', q.remote.most)
        ok(q.empty(60), 'and then the big one too')


def idle_ones_leave():
    with Queue(CONF + 'outgoing-connections = 2\n') as q:
        q.start()
        for d in ('a', 'b', 'c', 'd'):
            q.put('x@%s.example' % d)
            ok(q.empty(), 'one after the other: %s' % d)
        ok(q.remote.most <= 3, 'idle workers leave for others', q.remote.most)


def schedule():
    with Queue() as q:
        q.remote.policy = lambda j, w: TEMP
        i = q.put('a@example.net')
        q.start('-b', '1')
        q.wait(lambda: len(q.remote.jobs) >= 4)
        t = [j.time for j in q.remote.jobs[:4]]
        gaps = [b - a for a, b in zip(t, t[1:])]
        ok(all(w - 1.1 < g < w + 1.5 for g, w in zip(gaps, (1, 2, 4))), 'each gap is twice the one before', gaps)
        eq([j.attempt for j in q.remote.jobs[:4]], ['1', '2', '3', '4'], 'attempts are counted')
    with Queue() as q:
        q.remote.policy = lambda j, w: TEMP
        q.put('a@example.net')
        q.start('-b', '0')
        ok(q.empty(), 'after enough attempts it is over')
        eq(len(q.remote.jobs), 8, 'after eight')
        ok(q.wait(lambda: len(q.local.jobs) == 2), 'with two notifications')
        eq([re.search(rb'^Action: (\w+)', j.body, re.M).group(1) for j in q.local.jobs], [b'delayed', b'failed'], 'of the delay, and of the failure')
        eq(len(q.lines('deferred')), 7, 'seven lines tell that it was put off')
    with Queue() as q:
        q.remote.policy = lambda j, w: TEMP
        q.put('a@example.net')
        q.start()
        q.wait(lambda: all(r['text'] for r in q.show().values()))
        r = next(iter(q.show().values()))
        ok(440 <= r['next'] - time.time() <= 456, 'the first gap is 450 s, about', r['next'] - time.time())
        # the fourth attempt is behind us, the fifth begins: what does it promise?
        (i, a), = q.show()
        now = int(time.time())
        q.kill()
        q.mkspool('note', i, '0', '0', str(now - 10), '4', str(now - 5))
        q.start()
        ok(q.wait(lambda: q.local.jobs), 'the sender is told of the delay')
        text = q.local.jobs[0].body.decode()
        until = re.search(r'^Will-Retry-Until: (.*)$', text, re.M)
        import email.utils
        left = email.utils.parsedate_to_datetime(until.group(1).strip()).timestamp() - time.time() if until else 0
        ok(abs(left - 14 * 3600) < 200, 'with the time of the last attempt', left, text)


def held_until():
    with Queue() as q:
        q.start()
        i = q.put('a@example.net', opts=('-n', str(int(time.time()) + 3600)))
        time.sleep(0.3)
        eq(q.remote.jobs, [], 'a message for later waits')
        q.command('retry', id=i)
        ok(q.empty(), 'until it is told to go')
        q.put('a@example.net', opts=('-n', str(int(time.time()) + 2)))
        t = time.time()
        ok(q.empty() and time.time() - t > 0.9, 'or its time has come', time.time() - t)


def routes():
    conf = CONF + '''transport smart { kind = submission host = relay.example port = 587 user = joe tls = required mechanisms = { PLAIN } }
transport v4 { kind = direct ipv6 = false }
transport no { kind = fail code = 550 text = "not there" }
transport later { kind = fail code = 450 text = "not now" }
route one { to-domain = { smart1.example, smart2.example } transport = smart }
route two { to-domain = { v4.example } transport = v4 }
route three { to-domain = { no.example } transport = no }
route four { to-domain = { later.example } transport = later }
'''
    files = dict(FILES, **{'domains/shut.example.conf': 'disabled = true\n'})
    with Queue(conf, files) as q:
        q.start()
        i = q.put('a@smart1.example')
        ok(q.wait(lambda: 'password' in (q.show().get((i, 'a@smart1.example')) or {}).get('text', '')), 'without its password a transport is not used', q.log())
        eq(q.remote.jobs, [], 'nobody is asked')
        os.makedirs(q.var + '/queue/secrets')
        with open(q.var + '/queue/secrets/smart', 'w') as f:
            f.write('s3cret\n')
        q.command('retry', all=1)
        q.put('b@smart1.example', 'b@smart2.example')
        ok(q.empty(), 'with it, it is')
        j = q.remote.jobs[0]
        eq((j.kind, j.host, j.ports, j.tls, j.user, j.password, j.mechanisms),
           ('smarthost', 'relay.example', [587], 'starttls', 'joe', 's3cret', 'PLAIN'), 'as a job for a smart host')
        ok('s3cret' not in q.log(), 'the password is in no log')
        ok(any(len(j.rcpts) == 2 for j in q.remote.jobs), 'which takes recipients of all domains together')
        q.put('a@v4.example')
        ok(q.empty() and q.remote.jobs[-1].attrs.get('no-ipv6') == '1', 'direct, without IPv6')
        n = len(q.remote.jobs)
        q.put('a@no.example')
        ok(q.empty(), 'what a transport refuses')
        ok(q.local.jobs and b'550 not there' in q.local.jobs[-1].body, 'comes back at once')
        i = q.put('a@later.example')
        ok(q.wait(lambda: tried(q, i, 'a@later.example')), 'or is put off')
        eq(q.show()[i, 'a@later.example']['code'], 450, 'with its code')
        i = q.put('a@example.net', sender='joe@shut.example')
        ok(q.wait(lambda: 'disabled' in q.show().get((i, 'a@example.net'), {}).get('text', '')), 'mail from a disabled domain waits')
        eq(len(q.remote.jobs), n, 'nobody was asked')
        opened = q.remote.opened
        gone = lambda i: q.wait(lambda: i not in q.ids())
        ok(gone(q.put('a@v4.example')) and q.remote.opened == opened, 'an idle worker is used again')
        q.configure(conf.replace('relay.example', 'other.example'), files)
        ok(gone(q.put('a@v4.example', 'a@smart2.example')) and q.remote.opened == opened + 2, 'but for one of an older configuration')
        eq([j.host for j in q.remote.jobs if j.rcpts[0]['rcpt'] == 'a@smart2.example'], ['other.example'], 'the new one holds at once')
        n = len(q.local.jobs)
        q.put('ann@ours.example', 'postmaster@mail.example')
        ok(q.wait(lambda: sum(len(j.rcpts) for j in q.local.jobs[n:]) == 2), 'our own accounts have a door of their own')
        eq(q.local.jobs[-1].kind, 'local', 'as another kind of job')


def results():
    with Queue() as q:
        answers = {'ok@x.example': OK, 'temp@x.example': TEMP, 'perm@x.example': PERM, 'gone@x.example': PERM}
        q.remote.policy = lambda j, w: Answer([answers[r] for r in j.to], dialed='mx 192.0.2.1')
        i = q.put(*answers)
        q.start()
        ok(q.wait(lambda: [r['state'] for r in q.show().values()] == ['delivered', 'waiting', 'told', 'told']),
           'each recipient has its own result', q.show())
        eq(len(q.local.jobs), 1, 'those that failed together are told of together')
        eq(q.local.jobs[0].body.count(b'Action: failed'), 2, 'both of them')
        answers['temp@x.example'] = OK
        q.command('retry', all=1)
        ok(q.empty(), 'the last one goes out later')
        eq(q.remote.jobs[-1].dialed, 'mx 192.0.2.1', 'with what the worker had told')
        eq((len(q.lines('delivered')), len(q.lines('deferred')), len(q.lines('failed'))), (3, 1, 2), 'a line for each in the log')
    # a job for accounts mixes domains: what it told is not of the first one's
    with Queue(files={**FILES, 'domains/second.example.conf': ''}) as q:
        answers = {'ann@ours.example': OK, 'list@second.example': TEMP}
        q.local.policy = lambda j, w: Answer([answers[r] for r in j.to], dialed='a member had it')
        i = q.put(*answers)
        q.start()
        ok(q.wait(lambda: [r['state'] for r in q.show().values()] == ['delivered', 'waiting']), 'two domains of ours in one job')
        answers['list@second.example'] = OK
        q.command('retry', all=1)
        ok(q.empty(), 'the second later')
        eq([(j.to, j.dialed) for j in q.local.jobs], [(['ann@ours.example', 'list@second.example'], ''), (['list@second.example'], 'a member had it')],
           'with what was told of both')
    # over a restart, each destination its own: an alias' members would have it twice
    for end in ('stop', 'kill'):
        with Queue(files={**FILES, 'domains/second.example.conf': ''}) as q:
            q.local.policy = lambda j, w: Answer([TEMP for r in j.to], dialed='a member had it')
            q.remote.policy = lambda j, w: Answer([TEMP for r in j.to], dialed='mx.%s=192.0.2.1' % j.to[0])
            i = q.put('ann@ours.example', 'a@x.example', 'b@y.example')
            q.start()
            ok(q.wait(lambda: {r['state'] for r in q.show().values()} == {'waiting'} and
                      all(r['attempts'] == 1 for r in q.show().values())), 'all wait', q.show())
            getattr(q, end)()
            n, k = len(q.local.jobs), len(q.remote.jobs)
            q.local.policy = q.remote.policy = lambda j, w: OK
            q.start()
            q.command('retry', all=1)
            ok(q.empty(), 'all arrives after a restart (%s)' % end)
            eq([j.dialed for j in q.local.jobs[n:]] + sorted(j.dialed for j in q.remote.jobs[k:]),
               ['a member had it', 'mx.a@x.example=192.0.2.1', 'mx.b@y.example=192.0.2.1'], 'what was told is kept (%s)' % end)


def notifications():
    with Queue() as q:
        q.start()
        q.remote.policy = lambda j, w: PERM
        for notify, want in ((0, 1), (1, 0), (2, 0), (4, 1), (8, 0)):
            n = len(q.local.jobs)
            q.put('a@example.net', opts=('-N', str(notify)))
            ok(q.empty(), 'a failure with NOTIFY %d' % notify)
            eq(len(q.local.jobs) - n, want, 'is told %d times' % want)
        q.put('a@example.net', sender='', account='joe')
        n = len(q.local.jobs)
        ok(q.empty() and len(q.local.jobs) == n, 'of mail without a reverse-path nobody is told')
        q.remote.policy = lambda j, w: [OK + ('dsn',) if 'dsn' in r else OK for r in j.to]
        n = len(q.local.jobs)
        q.put('a@example.net', 'dsn@example.net', opts=('-N', '2'))
        ok(q.empty() and len(q.local.jobs) == n + 1, 'success is told where it was asked for')
        body = q.local.jobs[-1].body.decode()
        ok('Action: relayed' in body and 'dsn@example.net' not in body, 'unless the peer does so', body)
        q.local.policy = lambda j, w: OK + ('local',)
        q.put('ann@ours.example', opts=('-N', '6'))
        ok(q.empty() and b'Action: delivered' in q.local.jobs[-1].body, 'delivered to an account of ours')
        q.local.policy = lambda j, w: OK
        q.remote.policy = lambda j, w: PERM
        text = b'Subject: secret\r\n\r\n' + b'line\r\n' * 1000
        q.put('a@example.net', opts=('-r', 'full'), data=text)
        ok(q.empty() and q.local.jobs[-1].body.count(b'line\r\n') == 1000, 'RET=FULL brings the message back')
        big = b'Subject: secret\r\n\r\n' + b'line\r\n' * 200000
        q.put('a@example.net', opts=('-r', 'full'), data=big)
        ok(q.empty() and b'Subject: secret' in q.local.jobs[-1].body and q.local.jobs[-1].body.count(b'line\r\n') == 0,
           'when it is too large only its header')
        r = q.local.jobs[-1].rcpts[0]
        eq((r['account'], r['mailbox'], r['rcpt'], q.local.jobs[-1].attrs['from']), ('joe', 'INBOX', 'joe@ours.example', ''), 'it goes to the account')
        q.put('a@example.net', account='nobody')
        ok(q.empty() and q.local.jobs[-1].rcpts[0]['account'] == 'joe', 'that is gone: to the postmaster')
        q.local.policy = lambda j, w: PERM if j.rcpts[0]['account'] == 'ann' else OK
        q.put('a@example.net', account='ann', sender='ann@ours.example')
        ok(q.empty() and [j.rcpts[0]['account'] for j in q.local.jobs[-2:]] == ['ann', 'joe'], 'that refuses: to the postmaster')
        eq(q.local.jobs[-1].body, q.local.jobs[-2].body, 'the same notification')
        q.local.policy = lambda j, w: PERM
        n = len(q.local.jobs)
        q.put('a@example.net')
        ok(q.empty() and len(q.local.jobs) == n + 1, "the postmaster's own goes nowhere else")
        ok(q.lines('nobody-to-notify'), 'but into the log')
        q.configure(CONF.split('\n')[0] + '\n', FILES)
        q.put('a@example.net', account='nobody')
        ok(q.empty() and len(q.local.jobs) == n + 1, 'without a postmaster too')


def commands():
    with Queue() as q:
        gate = threading.Event()

        def policy(j, w):
            if j.domain == 'busy.example':
                gate.wait(30)
            return TEMP
        q.remote.policy = policy
        q.start()
        a = q.put('a@one.example', 'b@two.example', sender='joe@ours.example')
        b = q.put('c@one.example', sender='ann@ours.example', account='ann')
        c = q.put('d@busy.example')
        q.wait(lambda: sorted((r['state'], r['attempts']) for r in q.show().values()) == [('trying', 1)] + [('waiting', 1)] * 3)
        rec, messages = q.command('list')
        eq((rec['result'], rec['count'], len(messages)), ('ok', '4', 3), 'list tells of all')
        messages.sort(key=lambda m: [a, b, c].index(dict(m[:3])['id']))
        m = dict(messages[0][:7])
        eq((m['id'], m['account'], m['from'], m['size'], m['message-id']), (a, 'joe', 'joe@ours.example', '24', '<1@test>'), 'what a message is')
        r = messages[0][7:]
        at = [i for i, kv in enumerate(r) if kv[0] == 'rcpt']
        eq(len(at), 2, 'its recipients')
        r = dict(messages[0][7 + at[0]:7 + at[1]])
        eq((r['rcpt'], r['state'], r['attempts'], r['text']), ('a@one.example', 'waiting', '1', TEMP[2]), 'and how they are')
        eq([dict(x)['state'] for x in messages[2:]], ['trying'], 'one is being tried')
        for filters, n in ((dict(domain='one.example'), 2), (dict(to='b@'), 1), (dict(account='ann'), 1), (dict(id=[a, b]), 3),
                           (dict(**{'from': 'joe@'}), 3), (dict(id=a, domain='one.example'), 1), (dict(held=1), 0), (dict(domain='none'), 0)):
            eq(q.command('list', **filters)[0]['count'], str(n), 'list with %s' % filters)
        eq(q.command('hold')[0]['result'], 'fail', 'hold without a filter is refused')
        eq(q.command('dance', all=1)[0]['result'], 'fail', 'so is what is no command')
        eq(q.command('hold', domain='one.example')[0]['count'], '2', 'hold')
        eq(q.command('hold', domain='one.example')[0]['count'], '0', 'twice is once')
        n = len(q.remote.jobs)
        eq(q.command('retry', all=1)[0], {'queue': '1', 'result': 'ok', 'count': '3', 'busy': '1'}, 'retry leaves alone who is being tried')
        ok(q.wait(lambda: len(q.remote.jobs) == n + 1) and q.remote.jobs[-1].to == ['b@two.example'], 'who is held is not tried')
        q.kill()
        gate.set()
        q.start()
        eq(q.command('list', held=1)[0]['count'], '2', 'held survives a restart')
        n = len(q.remote.jobs)
        eq(q.command('release', account='ann')[0]['count'], '1', 'release')
        ok(q.wait(lambda: [j.to for j in q.remote.jobs[n:]] == [['c@one.example']]), 'what was due meanwhile is tried')
        later = int(time.time()) + 99999
        q.command('retry', id=a, at=later)
        eq(q.show()[a, 'b@two.example']['next'], later, 'retry at a time')
        n = len(q.local.jobs)
        eq(q.command('fail', id=b)[0]['count'], '1', 'fail')
        ok(q.wait(lambda: b not in q.ids()) and q.wait(lambda: len(q.local.jobs) == n + 1), 'ends it and tells the sender')
        ok(b'cancelled by the administrator' in q.local.jobs[-1].body, 'why')
        eq(q.command('drop', all=1)[0]['count'], '3', 'drop')
        ok(q.empty() and len(q.local.jobs) == n + 1, 'ends it and tells nobody')
        # who does not read
        q.command('hold', all=1)
        q.put('x@one.example', opts=('-c', '300', '-n', str(later)))
        s = ipc.connect(q.ctl)
        s.send(ipc.record('queue', cmd='list'))
        s2 = ipc.connect(q.ctl)
        q.remote.policy = lambda j, w: OK
        i = q.put('y@one.example')
        ok(q.wait(lambda: i not in q.ids()), 'a caller that does not read keeps nobody waiting')
        got = 0
        while not s.recv(65536).startswith(b'queue\0'):
            got += 1
        eq(got, 300, 'and gets all when it does')
        q.command('drop', all=1)
        many = q.put(*['%0100d@one.example' % i for i in range(900)], opts=('-n', str(later)))
        rec, messages = q.command('list', id=many)
        eq((rec['count'], sum(k == 'rcpt' for m in messages for k, v in m)), ('900', 900), 'a message of many recipients in several records')
        ok(len(messages) > 1 and {dict(m[:3])['id'] for m in messages} == {many}, 'with the same id')


def bad_workers():
    with Queue() as q:
        def die(j, w):
            raise Die
        for name, policy, text in (
                ('that dies', die, 'without an answer'),
                ('that gives too many results', lambda j, w: [OK, OK], 'cannot be'),
                ('that speaks otherwise', lambda j, w: Answer(OK, raw=b'hello\0'), 'cannot be'),
                ('that says nothing', lambda j, w: Answer(OK, raw=b'done\x001\0'), 'cannot be')):
            q.remote.policy = policy
            if q.proc is None:
                q.start()
            i = q.put('a@example.net')
            ok(q.wait(lambda: text in q.show().get((i, 'a@example.net'), {}).get('text', '')), 'a worker %s puts the message off' % name, q.show())
            eq(q.show()[i, 'a@example.net']['attempts'], 1, 'it was an attempt')
            q.command('drop', all=1)
        # idle ones that speak, or end
        q.remote.policy = lambda j, w: OK
        q.put('a@example.net')
        q.empty()
        opened = q.remote.opened
        q.remote.cut()
        q.put('a@example.net')
        ok(q.empty() and q.remote.opened == opened + 1, 'an idle worker that ends is replaced')
        q.remote.socks[0].send(b'ho ho\0')
        q.wait(lambda: q.remote.now == 0)
        q.put('a@example.net')
        ok(q.empty() and q.remote.opened == opened + 2, 'so is one that speaks without being asked')


def unread_job():
    """A worker that ends when it had waited long enough, with a job just sent to it."""
    with Queue() as q:
        def policy(j, w):
            if len(q.remote.jobs) == 1:
                return Answer(OK)
            return OK
        q.start()
        q.remote.policy = policy
        os.kill(q.proc.pid, 0)
        q.put('a@example.net')
        q.empty()
        ok(True, 'one worker is idle')
        # it ends after the job was sent and before it is read
        with q.remote.lock:
            s = q.remote.socks[0]
        stop = os.getpgid(q.proc.pid)
        os.killpg(stop, signal.SIGSTOP)
        i = q.put('b@example.net')
        s.shutdown(socket.SHUT_RDWR)
        os.killpg(stop, signal.SIGCONT)
        ok(q.empty(), 'the message goes to another')
        eq(q.remote.jobs[-1].attempt, '1', 'as its first attempt')
        eq(q.lines('deferred'), [], 'and is not put off')


def no_doors():
    with Queue() as q:
        q.remote.close()
        q.start()
        i = q.put('a@example.net')
        ok(q.wait(lambda: q.lines('no-worker')), 'without a door')
        time.sleep(0.2)
        eq(q.show()[i, 'a@example.net']['attempts'], 0, 'nothing is counted against the message')
        q.remote.open()
        ok(q.empty(), 'and it goes out when there is one')
        q.remote.cut()
        q.remote.refuse = 2
        q.put('a@example.net')
        ok(q.empty() and q.remote.refuse == 0, 'the same when no process can be made')
        ok(all('deferred' not in l for l in q.log().splitlines()), 'no attempt was lost')


def stopping():
    with Queue() as q:
        gate = threading.Event()

        def policy(j, w):
            gate.wait(20)
            return OK
        q.remote.policy = policy
        i = q.put('a@example.net')
        q.start()
        q.wait(lambda: q.remote.jobs)
        t = time.time()
        eq(q.stop(), 0, 'a job under way is given up at the stop')
        ok(3 < time.time() - t < 15, 'after some seconds', time.time() - t)
        ok(q.lines('interrupted'), 'which the log tells')
        r = q.show()[i, 'a@example.net']
        ok(r['next'] <= time.time() and r['state'] == 'waiting', 'it is due at once', r)
        gate.set()
        q.start()
        ok(q.empty() and q.remote.jobs[-1].attempt == '2', 'and tried after the start')
        q.remote.policy = lambda j, w: Answer(OK, delay=1)
        n = len(q.remote.jobs)
        q.put('a@example.net')
        q.wait(lambda: len(q.remote.jobs) > n)
        q.stop()
        eq(q.ids(), [], 'a job that ends within them is done')


def damaged():
    with Queue() as q:
        i = q.put('a@example.net')
        with open(q.var + '/queue/msg/' + i, 'r+b') as f:
            f.write(b'garbage')
        j = q.put('b@example.net')
        q.start()
        ok(q.wait(lambda: j not in q.ids()), 'a damaged file keeps nobody waiting')
        eq(len(q.lines('damaged')), 1, 'it is told of once')
        eq(q.ids(), [i], 'and left there')
        later = str(int(time.time()) + 3600)
        k = q.put('c@example.net', opts=('-n', later))
        q.command('hold', id=k)
        os.unlink(q.var + '/queue/msg/' + k)
        q.command('retry', id=k)
        ok(q.wait(lambda: q.lines('vanished')), 'one that somebody removed is forgotten')
        ok(q.wait(lambda: k not in q.logs()), 'with its log')


def clocks():
    now = int(time.time())
    year = 365 * 86400
    with Queue() as q:
        # noted while the clock was years ahead
        i = q.put('a@example.net', opts=('-q', str(now + 10 * year)))
        q.mkspool('note', i, '0', '0', str(now + 10 * year), '1', str(now + 10 * year + 450))
        # and one whose time to come is nothing that we would have written
        k = q.put('b@example.net')
        q.mkspool('note', k, '0', '0', str(now - 5), '1', str(now + 3 * year))
        # and one from before the clock was set, in 1970
        m = q.put('c@example.net', opts=('-q', '1000'))
        q.mkspool('note', m, '0', '0', '2000', '1', '2450')
        # that asked for an hour, with the clock ahead
        f = q.put('d@example.net', opts=('-q', str(now + year), '-n', str(now + year + 3600)))
        # and one that came while the clock was ahead, and was not tried yet
        a = q.put('e@example.net', opts=('-q', str(now + 10 * year)))
        q.start()
        ok(q.wait(lambda: m not in q.ids()), 'what was due long ago goes out')
        ok(q.wait(lambda: a not in q.ids()), 'and what came at a time that is yet to be')
        t = [l for l in q.lines('delivered') if a in l]
        ok(t and ' delay=0 ' in t[0], 'it has no delay below zero', t)
        next_ = {}
        for msg in q.command('list')[1]:
            next_[dict(msg[:3])['id']] = int(dict(msg)['next']) - time.time()
        ok(400 < next_.get(i, 0) < 460, 'a clock that was set back by years delays by the back-off', next_)
        ok(0 < next_.get(k, 0) < 470, 'a time that cannot be is brought in', next_)
        ok(3500 < next_.get(f, 0) < 3700, 'what was asked for is an hour still', next_)
        eq(len(q.remote.jobs), 2, 'nothing else was tried')


def faked_clock(shim):
    """The wall clock is set while it runs: an offset in a file that clock_gettime() adds."""
    with Queue() as q:
        path = os.path.join(q.var, 'queue/offset')     # where queue-send may read
        os.makedirs(q.var + '/queue', 0o700, exist_ok=True)

        def offset(seconds):
            with open(path + '.new', 'w') as f:
                f.write('%d' % seconds)
            os.rename(path + '.new', path)
        offset(0)
        q.remote.policy = lambda j, w: TEMP
        q.start('-b', '2', env={'LD_PRELOAD': shim, 'FAKE_CLOCK': path})
        q.put('a@example.net')
        q.wait(lambda: len(q.remote.jobs) >= 1)
        # what is held, and what asked for an hour, stay so whatever the clock does
        h = q.put('held@example.net', opts=('-n', str(int(time.time()) + 99999)))
        q.command('hold', id=h)
        f = q.put('later@example.net', opts=('-n', str(int(time.time()) + 3600)))
        offset(-5 * 365 * 86400)
        n = len(q.remote.jobs)
        ok(q.wait(lambda: len(q.remote.jobs) >= n + 2, 90), 'set back by five years, it goes on within a minute')
        ok(f in q.ids() and not [j for j in q.remote.jobs if j.id == f], 'but what is to wait for an hour does')
        next_ = {dict(m[:3])['id']: int(dict(m)['next']) for m in q.command('list')[1]}
        last = max(int(v) for m in q.command('list')[1] for k, v in m if k == 'last')
        ok(last < time.time() - 4 * 365 * 86400, 'by its own clock, which is that far behind', last)
        ok(3400 < next_[f] - (time.time() - 5 * 365 * 86400) < 3700, 'and no longer', next_[f] - time.time() + 5 * 365 * 86400)
        spent = sum(os.times()[:2])
        offset(5 * 365 * 86400)
        n = len(q.remote.jobs)
        ok(q.wait(lambda: len(q.remote.jobs) > n, 90), 'set ahead by ten, it goes on')
        time.sleep(1)
        ok(len(q.remote.jobs) <= n + 3, 'and does not spin', len(q.remote.jobs) - n)
        ok(q.wait(lambda: [j for j in q.remote.jobs if j.id == f]), 'whose hour has come is tried')
        ok(not [j for j in q.remote.jobs if j.id == h], 'who is held is not')
        ok('Action: failed' not in ''.join(j.body.decode() for j in q.local.jobs) and len(q.ids()) >= 3, 'and nobody is given up for his age', q.ids())
        q.command('release', id=h)
        q.remote.policy = lambda j, w: OK
        q.command('retry', all=1)
        ok(q.empty(), 'nothing is lost')


def many():
    """Figures, shown and not judged but for what would be a fault."""
    with Queue() as q:
        q.put('a@example.net', opts=('-c', '1000'))
        q.start(wait=False)
        t = time.time()
        ok(q.empty(60), 'a thousand messages')
        tap.note('%.0f a second with fake workers' % (1000 / (time.time() - t)))
        eq(len({j.id for j in q.remote.jobs}), 1000, 'each once')
        eq(len(q.remote.jobs), 1000, 'and none twice')


def build_shim(where):
    import shutil
    import subprocess
    cc = shutil.which('cc') or shutil.which('gcc')
    nm = subprocess.run(['nm', '-D', QUEUE_SEND], capture_output=True, text=True).stdout
    if cc is None or '__asan_init' in nm:
        return None
    source = os.path.join(os.environ.get('top_srcdir', '.'), 't/lib/fakeclock.c')
    out = os.path.join(where, 'fakeclock.so')
    p = subprocess.run([cc, '-shared', '-fPIC', '-o', out, source, '-ldl'], capture_output=True, text=True)
    return out if p.returncode == 0 else None


wanted = sys.argv[1:]
for scene in (simple, batches, long_records, window, unreached, limited, fairness, idle_ones_leave, schedule, held_until, routes,
              results, notifications, commands, bad_workers, unread_job, no_doors, stopping, damaged, clocks, many):
    if not wanted or scene.__name__ in wanted:
        tap.note(scene.__name__)
        scene()
if not wanted or 'faked_clock' in wanted:
    with tempfile.TemporaryDirectory() as d:
        shim = build_shim(d)
        if shim:
            faked_clock(shim)
        else:
            tap.skip('the clock is set while it runs', 'no compiler, or a sanitizer')
tap.done()
