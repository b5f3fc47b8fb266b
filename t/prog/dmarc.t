#!/usr/bin/env python3
"""posthorn dmarc check, with a resolver of its own before NSD, and messages signed by posthorn dkim."""
import json, os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from nsd import Nsd, have, zone
from tap import BUILD, Tap, skip_all

tap = Tap()
ok, eq = tap.ok, tap.eq
if not have('nsd'):
    skip_all('no nsd')
top = tempfile.mkdtemp(prefix='posthorn-dmarc-')
os.mkdir(top + '/var')
env = dict(os.environ, TMPDIR=top, POSTHORN_ETC=top, POSTHORN_VAR=top + '/var')
CODES = {'pass': 0, 'fail': 1, 'none': 4, 'permerror': 100, 'temperror': 111}


def posthorn(*args, data=b''):
    return subprocess.run([os.path.join(BUILD, 'bin/posthorn'), *args], input=data, capture_output=True, env=env, timeout=120)


def message(author):
    return ('From: %s\r\nSubject: hello\r\nDate: Sat, 21 Nov 2026 02:00:00 +0000\r\n\r\nhello\r\n' % author).encode()


def check(want, author, mailfrom='joe@other.com', ip='192.0.2.1', data=None, args=()):
    r = posthorn('dmarc', 'check', '--dns', server.addr, *args, ip, mailfrom, 'helo.other.com', data=data or message(author))
    out = r.stdout.decode()
    ok(out.split('\n')[0] == want and r.returncode == CODES[want], '%s, sent by %s: %s' % (author, mailfrom, want), r.returncode, out, r.stderr)
    return out


record = posthorn('dkim', 'gen', '-e', 'example.com', 's').stdout.decode()
ZONE = '''
@           TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc      TXT "v=DMARC1; p=reject; sp=quarantine; np=none; rua=mailto:d@example.com"
www         TXT "v=spf1 ip4:192.0.2.1 -all"
www         A 192.0.2.7
_dmarc.some TXT "v=DMARC1; p=reject; pct=0; x=\\027[2J; adkim=moo"
_dmarc.two  TXT "v=DMARC1; p=reject"
_dmarc.two  TXT "v=DMARC1; p=none"
_dmarc.bad  TXT "v=DMARC1; p=refuse"
_dmarc.part TXT "v=DMARC1; p=reject; psd=n"
'''
ZONES = {'com.': zone('', 'com.'), 'other.com.': zone('@ TXT "v=spf1 ip4:192.0.2.1 -all"\nhelo A 192.0.2.1', 'other.com.'),
         'example.com.': zone(ZONE + record, 'example.com.'), 'xn--bcher-kva.com.': zone('_dmarc TXT "v=DMARC1; p=reject"', 'xn--bcher-kva.com.')}
with Nsd(ZONES) as server:
    out = check('pass', 'joe@example.com', 'joe@example.com')
    ok('SPF: pass for example.com, aligned\n' in out and 'would not be refused' in out, 'by SPF', out)
    out = check('pass', 'joe@example.com', 'joe@www.example.com')
    ok('alignment: dmarc\n' in out, 'by the same organisation', out)
    out = check('fail', 'Joe <joe@example.com>')
    ok('policy for mail that fails: reject (p=)\nthe message would be refused\n' in out and
       'record of example.com: v=DMARC1; p=reject; sp=quarantine;' in out and 'DKIM: no signature\n' in out, 'and why', out)
    out = check('fail', 'joe@www.example.com')
    ok('quarantine (sp=)\nthe message would be refused\n' in out, 'the subdomains\' policy; quarantine is refused', out)
    out = check('fail', 'joe@no.example.com')
    ok('none (np=)\nthe message would not be refused' in out, 'the policy for names that are not there', out)
    signed = posthorn('dkim', 'sign', 'example.com', 's', data=message('joe@example.com')).stdout
    out = check('pass', 'joe@example.com', data=signed)
    ok('DKIM: pass for example.com, aligned\n' in out, 'by DKIM', out)
    check('fail', 'joe@example.com', data=signed + b'more\r\n')
    out = check('fail', 'joe@some.example.com')
    ok('would not be refused for this, because of sampled_out' in out and '\x1b' not in out and '\\x1b[2J' in out and
       '1 tags of it are wrong' in out, 'pct, a wrong tag, and bytes of strangers', out)
    ok('several records' in check('none', 'joe@two.example.com'), 'several records are none')
    ok('no usable policy' in check('permerror', 'joe@bad.example.com'), 'a broken record')
    ok('no record\n' in check('none', 'joe@other.com'), 'no record')
    check('fail', 'joe@b\u00fccher.com')
    ok('more than one From' in check('none', 'joe@example.com, jim@example.com'), 'two authors')
    ok('From is odd' in check('fail', 'x@other.com <joe@example.com>'), 'an odd From is judged by the address that most show')
    check('pass', 'joe@part.example.com', 'joe@example.com')
    check('fail', 'joe@part.example.com', 'joe@example.com', args=['--walk'])
    check('temperror', 'joe@not.served.org')
    r = posthorn('dmarc', 'check', '--dns', server.addr, '--json', '192.0.2.1', 'joe@example.com', 'h', data=signed)
    r = json.loads(r.stdout)
    eq([r.get(k) for k in ('result', 'from', 'from_clear', 'organisation', 'alignment', 'record_domain', 'policy', 'tag', 'pct', 'refused',
                           'overrides', 'dkim_aligned', 'lookups')],
       ['pass', 'example.com', True, 'example.com', 'strict', 'example.com', 'reject', 'p', 100, False, '', True, 1], 'JSON')
    eq([r['spf'], [(k['result'], k['domain'], k['selector']) for k in r['dkim']]],
       [{'result': 'pass', 'domain': 'example.com', 'scope': 'mfrom', 'aligned': True}, [('pass', 'example.com', 's')]], 'with SPF and DKIM')
    r = posthorn('dmarc', 'check', '--dns', server.addr, '192.0.2.1', 'a@b', 'h', data=b'X: ' + b'y' * 2000000)
    ok(r.returncode == 100 and r.stdout == b'' and b'too large' in r.stderr, 'a header that is too large', r)

for args in ([], ['check'], ['check', '192.0.2.1', 'a@b'], ['check', 'x', 'a@b', 'h'], ['check', '--dns', 'x', '192.0.2.1', 'a@b', 'h'],
             ['check', '--what', '192.0.2.1', 'a@b', 'h'], ['look']):
    r = posthorn('dmarc', *args)
    ok(r.returncode == 100 and r.stdout == b'' and r.stderr != b'', 'refused: dmarc %s' % ' '.join(args), r)
eq(sorted(os.listdir(top)), ['var'], 'no socket is left')
shutil.rmtree(top)
tap.done()
