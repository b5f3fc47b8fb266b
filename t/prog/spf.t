#!/usr/bin/env python3
"""posthorn spf check, with a resolver of its own before NSD and before servers that misbehave."""
import json, os, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from nsd import Dnsd, FakeDns, Nsd, have, zone
from tap import BUILD, Tap

tap = Tap()
ok, eq = tap.ok, tap.eq
TXT, A = 16, 1
empty = tempfile.mkdtemp(prefix='posthorn-spf-')
env = dict(os.environ, TMPDIR=empty, POSTHORN_ETC='/nonexistent/etc', POSTHORN_VAR='/nonexistent/var')
CODES = {'pass': 0, 'fail': 1, 'softfail': 2, 'neutral': 3, 'none': 4, 'permerror': 100, 'temperror': 111}


def spf(*args, env=env):
    return subprocess.run([os.path.join(BUILD, 'bin/posthorn'), 'spf', 'check', *args], capture_output=True, text=True,
                          env=env, timeout=120)


def check(server, ip, mailfrom, want, helo='helo.example.com'):
    r = spf('--dns', server.addr, ip, mailfrom, helo)
    out = r.stdout.split('\n')
    ok(out[0] == want and r.returncode == CODES[want], '%r from %s is %s' % (mailfrom, ip, want), r.returncode, r.stdout, r.stderr)
    return r.stdout


ZONE = '''
@           TXT "v=spf1 " "mx a:hosts.example.com ip6:2001:db8::/32 " "-all exp=why.%{d}"
@           TXT "another text"
@           MX 10 mail
mail        A 192.0.2.129
hosts       A 192.0.2.10
hosts       AAAA 2001:db9::1
www         CNAME @
why         TXT "%{i} is not ours; see http://%{d}/?s=%{S}"
macro       TXT "v=spf1 exists:%{l}.%{ir}.%{v}.%{d} ~all"
joe.3.2.0.192.in-addr.macro A 127.0.0.2
odd         TXT "v=spf1 exists:%{s} ?all"
bad         TXT "v=spf1 mx moo -all"
loop        TXT "v=spf1 include:loop.example.com -all"
helo        TXT "v=spf1 a -all"
helo        A 192.0.2.77
inc         TXT "v=spf1 include:example.com include:none.example.com ?all"
none        TXT "nothing"
re          TXT "v=spf1 redirect=%{d2}"
ptr         TXT "v=spf1 ptr -all"
mx.ptr      A 192.0.2.5
soft        TXT "v=spf1 ~all"
xn--bcher-kva TXT "v=spf1 exists:%{o}.ok.example.com -all"
xn--bcher-kva.example.com.ok A 127.0.0.2
'''
long = '"v=spf1 ' + '" " '.join('ip4:198.51.%d.0/30' % i for i in range(250)) + '" " ip4:192.0.2.200 -all"'
ZONES = {'example.com.': zone(ZONE + 'long TXT ' + long, 'example.com.'), '2.0.192.in-addr.arpa.': zone('5 PTR mx.ptr.example.com.', '2.0.192.in-addr.arpa.')}

if have('nsd'):
    with Nsd(ZONES) as n:
        out = check(n, '192.0.2.129', 'joe@example.com', 'pass')
        ok('192.0.2.129 may send as joe@example.com: mx\n' in out and 'mx: example.com has 192.0.2.129: match' in out, 'and why', out)
        check(n, '192.0.2.10', 'joe@example.com', 'pass')
        check(n, '::ffff:192.0.2.10', 'joe@example.com', 'pass')
        check(n, '2001:db9::1', 'joe@example.com', 'pass')
        check(n, '2001:db8:1::1', 'joe@example.com', 'pass')
        out = check(n, '192.0.2.3', 'joe@example.com', 'fail')
        ok('explanation by example.com: 192.0.2.3 is not ours; see http://example.com/?s=joe%40example.com' in out, 'with the explanation', out)
        check(n, '192.0.2.129', 'joe@www.example.com', 'pass')
        check(n, '192.0.2.3', 'joe@macro.example.com', 'pass')
        check(n, '192.0.2.3', 'jim@macro.example.com', 'softfail')
        check(n, '192.0.2.3', 'a b"\\;$(x)@odd.example.com', 'neutral')
        out = check(n, '192.0.2.3', 'a\x1b[2J\n@odd.example.com', 'neutral')
        ok('\x1b' not in out and 'a\\x1b[2J\\x0a@odd' in out, 'bytes of strangers are escaped', out)
        check(n, '192.0.2.3', 'joe@soft.example.com', 'softfail')
        out = check(n, '192.0.2.3', 'joe@bad.example.com', 'permerror')
        ok('moo: it is no mechanism of SPF' in out, 'and says where', out)
        out = check(n, '192.0.2.3', 'joe@loop.example.com', 'permerror')
        ok('more than 10 terms' in out, 'and why', out)
        check(n, '192.0.2.77', '', 'pass')
        check(n, '192.0.2.78', '<>', 'fail')
        check(n, '192.0.2.77', '', 'none', 'helo')
        check(n, '192.0.2.77', '', 'none', '[192.0.2.77]')
        check(n, '192.0.2.3', 'joe@nowhere.example.com', 'none')
        check(n, '192.0.2.3', 'joe@none.example.com', 'none')
        check(n, '192.0.2.3', 'joe@[192.0.2.3]', 'none')
        check(n, '192.0.2.129', 'joe@inc.example.com', 'pass')
        out = check(n, '192.0.2.3', 'joe@inc.example.com', 'permerror')
        ok('none.example.com has no SPF record' in out, 'and why', out)
        check(n, '192.0.2.129', 'joe@re.example.com', 'pass')
        check(n, '192.0.2.5', 'joe@ptr.example.com', 'pass')
        check(n, '192.0.2.200', 'joe@long.example.com', 'pass')
        check(n, '192.0.2.3', 'joe@b\xfccher.example.com', 'pass')

        r = spf('--dns', n.addr, '--json', '192.0.2.3', 'joe@example.com', '-odd"\x1b\xff')
        j = json.loads(r.stdout)
        eq((j['result'], j['identity'], j['ip'], j['local'], j['domain'], j['mechanism'], j['lookups'], j['voids'], j['secure']),
           ('fail', 'mailfrom', '192.0.2.3', 'joe', 'example.com', '-all', 2, 0, False), 'the same as JSON')
        eq(j['explanation'], '192.0.2.3 is not ours; see http://example.com/?s=joe%40example.com', 'its explanation')
        eq([s['term'] for s in j['steps']], ['', 'mx', 'a:hosts.example.com', 'ip6:2001:db8::/32', '-all', 'exp'], 'its steps')
        eq((r.returncode, r.stdout.count('\n')), (1, 1), 'in one line')
        r = spf('192.0.2.129', 'joe@example.com', 'x', '--dns', n.addr)
        eq(r.stdout.split('\n')[0], 'pass', 'options may come last')
        r = spf('--dns', n.addr, '--', '192.0.2.129', 'joe@example.com', '--json')
        eq(r.stdout.split('\n')[0], 'pass', 'and names behind --')

        with Dnsd('-f', n.addr) as d:
            var = os.path.dirname(d.path)
            os.mkdir(os.path.join(var, 'run'))
            os.rename(d.path, os.path.join(var, 'run', 'dnsd'))
            r = spf('192.0.2.129', 'joe@example.com', 'x', env=dict(env, POSTHORN_VAR=var))
            eq(r.stdout.split('\n')[0], 'pass', 'without --dns the running dnsd is asked')
else:
    tap.skip('with NSD', 'no nsd here')

# --- servers that misbehave

RECORDS = {'slow.test.': [b'v=spf1 a:silent.test -all'], 'fails.test.': [b'v=spf1 mx:servfail.test +all'], 'smash.test.': None, 'many.test.': None}


def txt(data):
    return b''.join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255))


def answer(q):
    smash = b'v=spf1 a:' + b'%{d}' * 127 + b'x' * 3800 + b'.test -all'
    if q.name == 'silent.test.':
        return None
    if q.name == 'servfail.test.':
        return q.answer(rcode=2)
    if q.name == 'smash.test.' and q.kind == TXT:
        return q.answer((None, TXT, 60, txt(smash))) if q.tcp else q.answer(flags=0x8780)
    if q.name == 'many.test.' and q.kind == TXT:
        return q.answer((None, TXT, 60, txt(b'v=spf1' + b' ip6:::' * 5000))) if q.tcp else q.answer(flags=0x8780)
    if q.name.endswith('tree.test.') and q.kind == TXT:
        return q.answer((None, TXT, 60, txt(b'v=spf1 ' + b' '.join(b'include:%d.%%{d}' % i for i in range(10)))))
    if q.name in RECORDS and q.kind == TXT:
        return q.answer(*[(None, TXT, 60, txt(t)) for t in RECORDS[q.name]])
    if q.name.endswith('test.'):
        return q.answer(rcode=3)
    return q.answer(rcode=5)


with FakeDns(answer) as f:
    check(f, '192.0.2.1', 'joe@fails.test', 'temperror')
    start = time.time()
    out = check(f, '192.0.2.1', 'joe@slow.test', 'temperror')
    ok(time.time() - start < 60 and 'silent.test cannot be looked up' in out, 'a server that is silent does not hold it for ever', out)
    check(f, '192.0.2.1', 'joe@smash.test', 'fail')
    out = check(f, '192.0.2.1', 'joe@many.test', 'neutral')
    ok(out.count('\n') < 1100 and '\n  ...\n' in out, 'a record of 5000 terms is not told to its end', out.count('\n'))
    f.seen.clear()
    check(f, '192.0.2.1', 'joe@tree.test', 'permerror')
    asked = [s for s in f.seen if s[1] == TXT]
    ok(len(asked) <= 12, 'a tree of 10^10 includes makes it ask 11 times', len(asked))
    check(f, '192.0.2.1', 'joe@nowhere.test', 'none')

# --- misuse

for args in ([], ['192.0.2.1'], ['192.0.2.1', 'a@b.c'], ['192.0.2.1', 'a@b.c', 'd', 'e'], ['192.0.2', 'a@b.c', 'd'], ['--moo', '192.0.2.1', 'a@b.c', 'd'],
             ['--dns', 'localhost', '192.0.2.1', 'a@b.c', 'd'], ['--dns', '127.0.0.1@0', '192.0.2.1', 'a@b.c', 'd'],
             ['--dns', '127.0.0.1@x', '192.0.2.1', 'a@b.c', 'd']):
    r = spf(*args)
    ok(r.returncode == 100 and r.stdout == '' and r.stderr, 'misuse: ' + ' '.join(args), r)
r = subprocess.run([os.path.join(BUILD, 'bin/posthorn'), 'spf'], capture_output=True, text=True, env=env)
eq((r.returncode, r.stdout), (100, ''), 'no verb of its own')
r = spf('192.0.2.1', 'a@b.c', 'd')
eq((r.returncode, r.stdout), (111, ''), 'no system and no --dns')
eq(os.listdir(empty), [], 'nothing is left behind')
os.rmdir(empty)
tap.done()
