#!/usr/bin/env python3
"""posthorn dkim: keys in their place, and signatures that dkimpy and opendkim verify, and the other way round."""
import base64, glob, json, os, re, shutil, stat, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
import opendkim
from dkimpy import dkim
from nsd import Dnsd, FakeDns, Nsd, have, zone
from tap import BUILD, Tap, skip_all, sanitized

tap = Tap()
ok, eq = tap.ok, tap.eq
POSTHORN = os.path.join(BUILD, 'bin/posthorn')
OPENDKIM = have('opendkim-testmsg')


def opendkim_verifies(folder):
    """In a world of its own, where the name server on port 53 is ours: what opendkim says of each file."""
    with open(folder + '/resolv.conf', 'w') as f:
        f.write('nameserver 127.0.0.1\noptions timeout:5\n')
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    subprocess.run(['mount', '--bind', folder + '/resolv.conf', '/etc/resolv.conf'], check=True)
    said = {}
    with Nsd({'x.example.': open(folder + '/zone').read()}, port=53):
        for name in sorted(glob.glob(folder + '/*.eml')):
            r = subprocess.run([OPENDKIM], stdin=open(name, 'rb'), capture_output=True, text=True)
            said[os.path.basename(name)] = [r.returncode, r.stdout + r.stderr]
    json.dump(said, sys.stdout)


if len(sys.argv) == 3 and sys.argv[1] == 'inside':
    opendkim_verifies(sys.argv[2])
    sys.exit(0)
if not have('nsd'):
    skip_all('no nsd')
if dkim is None:
    skip_all('no python3-dkim')

top = tempfile.mkdtemp(prefix='posthorn-dkim-')
var = os.path.join(top, 'var')
os.mkdir(var)
env = dict(os.environ, POSTHORN_VAR=var, POSTHORN_ETC=top)


def run(*args, data=b'', code=0):
    r = subprocess.run([POSTHORN, 'dkim', *args], input=data, capture_output=True, env=env)
    if r.returncode != code:
        ok(False, 'dkim %s ends with %d' % (' '.join(args), code), r.returncode, r.stdout, r.stderr)
    return r


# --- keys

r = run('gen', 'x.example', 'rsa')
RSA = r.stdout.decode()
ok(RSA.startswith('rsa._domainkey.x.example. TXT (\n\t"v=DKIM1; k=rsa; p=MII'), 'gen tells the record', RSA)
path = var + '/dkim/x.example/rsa.pem'
eq(stat.S_IMODE(os.stat(path).st_mode), 0o600, 'its key is nobody else\'s')
ok(b'BEGIN PRIVATE KEY' in open(path, 'rb').read(), 'in PEM form')
eq(run('txt', 'x.example', 'rsa').stdout.decode(), RSA, 'txt tells it again')
ED = run('gen', '-e', 'X.Example', 'ed').stdout.decode()
ok(re.search(r'"v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}="', ED), 'an Ed25519 key', ED)
eq(run('list').stdout.decode(), 'x.example ed ed25519 kept\nx.example rsa rsa-2048 kept\n', 'list')
ok(b'already' in run('gen', 'x.example', 'rsa', code=100).stderr, 'none is made twice')
run('gen', '-b', '512', 'x.example', code=100)
run('gen', '-b', 'many', 'x.example', code=100)
run('gen', 'x..example', code=100)
run('gen', '../x', code=100)
run('gen', 'x.example', '../../etc', code=100)
run('txt', 'x.example', 'none', code=100)
run('txt', 'y.example', 'rsa', code=100)
run('list', 'y.example')
ok(b'several' in run('rotate', 'x.example', code=100).stderr, 'rotate wants to know which of two')
r = run('rotate', 'x.example', 'ed').stdout.decode()
day = time.strftime('%Y%m%d', time.gmtime())
ok(re.match(r'\d{8}e\._domainkey\.x\.example\. TXT', r) and 'dkim retire x.example ed' in r, 'rotate makes one of the same type', r)
new = r.split('.')[0]
ok(abs(int(new[:-1]) - int(day)) <= 8870, 'named by the day')
run('gen', '-e', 'x.example')
ok('x.example %s2 ed25519 kept' % new in run('list', 'x.example').stdout.decode() or new[:-1] != day, 'and another one of that day')
run('retire', 'x.example', new)
ok('x.example %s ed25519 retired\n' % new in run('list').stdout.decode(), 'retired')
ok(os.path.exists(var + '/dkim/x.example/retired/%s.pem' % new), 'and not gone')
run('gen', '-e', 'x.example', new, code=100)
run('retire', 'x.example', new, code=100)
run('sign', 'x.example', new, data=b'From: a\r\n\r\n', code=100)
ok(run('gen', 'bücher.example', 's').stdout.startswith(b's._domainkey.xn--bcher-kva.example. TXT'), 'an international domain')
for args in ([], ['gen'], ['list', 'a', 'b'], ['txt', 'a'], ['retire', 'a'], ['rotate'], ['sign', 'a'], ['verify', 'a'], ['verify', '-x'],
             ['gen', '-q'], ['sign', '-c', 'loose', 'a', 'b'], ['sign', '-x', 'never', 'x.example', 'rsa'],
             ['sign', '-k', '/nowhere', 'a.example', 'b'], ['sign', '-k', '/dev/null', 'a.example', 'b']):
    ok(run(*args, code=100).stderr, 'refused, with a word: %s' % ' '.join(args))

# --- what the keys are, for those who verify

records = {}


def key_record(text):
    name = text.split(' ')[0]
    records[name] = ''.join(re.findall(r'"([^"]*)"', text)).encode()
    return text


small = subprocess.run(['openssl', 'genrsa', '512'], capture_output=True).stdout
pub = subprocess.run(['openssl', 'rsa', '-pubout', '-outform', 'DER'], input=small, capture_output=True).stdout
ZONE = zone('\n'.join([
    key_record(RSA).replace('.x.example.', ''), key_record(ED).replace('.x.example.', ''),
    'small._domainkey TXT "v=DKIM1; p=%s"' % base64.b64encode(pub).decode(),
    'two._domainkey TXT "v=DKIM1; p=AAAA"\ntwo._domainkey TXT "v=DKIM1; p=BBBB"', 'gone._domainkey TXT "v=DKIM1; p="',
    'test._domainkey TXT "%s; t=y"' % records['ed._domainkey.x.example.'].decode(),
    'other._domainkey TXT "v=spf1 -all"\nother._domainkey TXT "%s"' % records['ed._domainkey.x.example.'].decode(),
]), 'x.example.')
server = Nsd({'x.example.': ZONE})


def verify(message, *args):
    """The result, and the lines about each signature."""
    r = run('verify', '--dns', server.addr, *args, data=message)
    lines = r.stdout.decode().splitlines() or ['']
    return lines[0], lines[1:]


def by_dkimpy(message):
    d = dkim.DKIM(message)
    return all(d.verify(i, dnsfunc=lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name))
               for i in range(len([h for h in d.headers if h[0].lower() == b'dkim-signature'])))


HEAD = b'From: Joe <joe@x.example>\r\nTo: a@y.example\r\nSubject: hello\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700\r\nMessage-ID: <1@x.example>\r\n'
MESSAGES = {
    'plain': HEAD + b'\r\nHi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n',
    'folded': b'Date: Fri, 11 Jul 2003 21:00:37 -0700\r\nFrom: Joe\r\n <joe@x.example>\r\nTO: a@y.example,\r\n\tb@y.example ,\r\n  c@y.example\r\nSubject:\r\n two  words \r\n\r\nx\r\n',
    'repeated': b'Received: a\r\nReceived: b\r\nTo: 1@x\r\n' + HEAD + b'To: 2@x\r\nReceived: c\r\n\r\nx\r\n',     # RFC 5322 forbids it
    'empty body': HEAD + b'\r\n',
    'empty lines': HEAD + b'\r\n\r\n\r\n\r\n',
    'white space': HEAD + b'\r\n \t\r\n \t x\t y \t\r\n\t\r\n \r\n\r\n',
    'long lines': HEAD + b'\r\n' + b'x y  ' * 20000 + b'\r\n' + b'\t' * 5000 + b'z\r\n',
    '8-bit': b'Date: Fri, 11 Jul 2003 21:00:37 -0700\r\nFrom: j\xc3\xb6@x.example\r\nSubject: gr\xc3\xbc\xc3\x9fe\r\n\r\n\xff\xfe \xc3\xb6\r\n',
    'NUL': HEAD + b'\r\na\0b \0 c\r\n\0\0\r\n',
    'no subject': b'Date: Fri, 11 Jul 2003 21:00:37 -0700\r\nFrom: joe@x.example\r\n\r\nx\r\n',
}
CANONS = ['%s/%s' % (h, b) for h in ('simple', 'relaxed') for b in ('simple', 'relaxed')]
signed = {}

# --- signed here, verified by dkimpy and by us

for name, message in MESSAGES.items():
    bad = []
    for canon in CANONS:
        both = run('sign', '-c', canon, 'x.example', 'rsa', data=message).stdout
        if both[-len(message):] != message or not both.startswith(b'DKIM-Signature: v=1; a=rsa-sha256; c=%s;' % canon.encode()):
            bad.append('%s: not the message with a field on top' % canon)
        if not by_dkimpy(both):
            bad.append('%s: rsa, not by dkimpy' % canon)
        signed['%s-%s' % (name, canon)] = both
        both = run('sign', '-c', canon, '-o', '-i', '@sub.x.example', '-x', '7d', 'x.example', 'ed', data=both).stdout
        if not by_dkimpy(both):
            bad.append('%s: ed25519, not by dkimpy' % canon)
        got = verify(both)
        if got[0] != 'pass' or [l.split(' ')[0] for l in got[1]] != ['pass', 'pass']:
            bad.append('%s: not by us: %r' % (canon, got))
    tap.none(bad, 'signed here: %s' % name)
lf = MESSAGES['white space'].replace(b'\r\n', b'\n')
r = run('sign', 'x.example', 'rsa', data=lf).stdout
ok(b'\r' not in r and by_dkimpy(r.replace(b'\n', b'\r\n')), 'a file with LF stays one')
eq(verify(r)[0], 'pass', 'and is verified as one')
r = run('sign', 'x.example', 'rsa', data=HEAD + b'\r\nnot ended').stdout
ok(by_dkimpy(r + b'\r\n') and verify(r)[0] == 'pass', 'a last line that is not ended')

# --- signed by dkimpy

ed_pem = open(var + '/dkim/x.example/ed.pem', 'rb').read()
ed_seed = base64.b64encode(base64.b64decode(b''.join(ed_pem.splitlines()[1:-1]))[-32:])
rsa_pem = subprocess.run(['openssl', 'rsa', '-traditional', '-in', path], capture_output=True).stdout
for name, message in MESSAGES.items():
    bad = []
    for canon in CANONS:
        pair = tuple(c.encode() for c in canon.split('/'))
        s = dkim.DKIM(message).sign(b'rsa', b'x.example', rsa_pem, canonicalize=pair)
        s += dkim.DKIM(message, signature_algorithm=b'ed25519-sha256').sign(b'ed', b'x.example', ed_seed, canonicalize=pair)
        got = verify(s + message)
        if got[0] != 'pass' or [l.split(' ')[0] for l in got[1]] != ['pass', 'pass']:
            bad.append('%s: %r' % (canon, got))
    tap.none(bad, 'signed by dkimpy: %s' % name)

# --- opendkim

if OPENDKIM is None:
    tap.skip('opendkim', 'no opendkim-testmsg')
else:
    r = subprocess.run([OPENDKIM, '-C', '-d', 'x.example', '-s', 'rsa', '-k', path], input=MESSAGES['plain'], capture_output=True)
    got = verify(r.stdout)
    ok(got[0] == 'permerror' and 'SHA-1' in got[1][0], 'its tool signs with SHA-1, which is refused', got)
    folder = tempfile.mkdtemp(dir=top)
    os.chmod(top, 0o755)
    with open(folder + '/zone', 'w') as f:
        f.write(ZONE)
    for name, message in sorted(signed.items()):
        # it insists on RFC 5322 in full, and reads text up to NUL
        if name.split('-')[0] in ('repeated', 'NUL'):
            continue
        with open('%s/%s.eml' % (folder, re.sub('[^a-zA-Z0-9-]', '_', name)), 'wb') as f:
            f.write(message)
    with open(folder + '/tampered.eml', 'wb') as f:
        f.write(signed['plain-relaxed/relaxed'].replace(b'hungry', b'angry'))
    r = subprocess.run(['unshare', '-rmn', sys.executable, os.path.abspath(sys.argv[0]), 'inside', folder], capture_output=True, text=True)
    if r.returncode != 0:
        tap.skip('verified by opendkim', 'no name server on port 53 here')
        tap.note(r.stderr)
    else:
        said = json.loads(r.stdout)
        ok(said.pop('tampered.eml')[1] != '', 'opendkim sees what was changed')
        tap.none(['%s: %r' % (k, v) for k, v in said.items() if v != [0, '']],
                 '%d messages signed here are verified by opendkim' % len(said))

lib = opendkim.load()
if lib is None:
    tap.skip('libopendkim', 'not here')
else:
    bad = []
    for name, message in MESSAGES.items():
        for kind in ('rsa', 'ed'):
            key = open('%s/dkim/x.example/%s.pem' % (var, kind), 'rb').read()
            record = lambda: records[kind + '._domainkey.x.example.']
            for canon in CANONS:
                field = opendkim.sign(lib, message, kind, key, 'x.example', kind, canon)
                if not opendkim.verify(lib, run('sign', '-c', canon, 'x.example', kind, data=message).stdout, record):
                    bad.append('%s %s %s: signed by us' % (name, kind, canon))
                # what it signs so it does not verify itself
                if kind == 'ed' and canon.startswith('simple'):
                    continue
                if field is None or verify(field + message)[0] != 'pass':
                    bad.append('%s %s %s: signed by it: %r' % (name, kind, canon, field and verify(field + message)))
    tap.none(bad, 'libopendkim signs what we verify, and verifies what we sign')
    ok(not opendkim.verify(lib, signed['plain-relaxed/relaxed'].replace(b'hungry', b'angry'), lambda: records['rsa._domainkey.x.example.']),
       'but not what was changed')

# --- what is said

good = signed['plain-relaxed/relaxed']
r = verify(good)
ok(re.fullmatch(r'pass d=x\.example s=rsa a=rsa-sha256 \(2048 bits, without DNSSEC\): header and body are as they were signed', r[1][0]),
   'a line for the signature', r)
eq(verify(MESSAGES['plain']), ('none', ['the message has no DKIM-Signature']), 'not signed')
eq(verify(b''), ('none', ['the message has no DKIM-Signature']), 'no message')


def case(name, message, want, reason):
    got = verify(message)
    ok(got[0] == want and any(reason in l for l in got[1]), name, got)


def field(message):
    return message[:-len(MESSAGES['plain'])]


def sign(selector, *args, key='ed'):
    return run('sign', '-k', '%s/dkim/x.example/%s.pem' % (var, key), *args, 'x.example', selector, data=MESSAGES['plain']).stdout


case('a list that adds a footer', good + b'-- \r\nour list\r\n', 'fail', 'the body was changed')
case('a subject that was changed', good.replace(b'hello', b'[list] hello'), 'fail', 'the signature is not of this header')
case('a second From', b'From: evil@y.example\r\n' + good, 'fail', 'the signature is not of this header')
case('no such selector', sign('none'), 'permerror', 'there is no key record; key none._domainkey.x.example')
case('several keys', sign('two'), 'temperror', 'there are several key records')
case('revoked', sign('gone'), 'permerror', 'the key was revoked')
case('a test', sign('test').replace(b'hungry', b'angry'), 'none', 't=y')
case('a test that passes', sign('test'), 'pass', 't=y')
case('another record beside it', sign('other'), 'pass', 'as they were signed')
case('a key of another type', sign('rsa'), 'permerror', 'the key is of another type')
with open(top + '/small.pem', 'wb') as f:
    f.write(small)
s = dkim.DKIM(MESSAGES['plain'])
s.minkey = 0
case('a small key', s.sign(b'small', b'x.example', small) + MESSAGES['plain'], 'permerror', 'fewer than 1024 bits')
case('SHA-1', dkim.DKIM(MESSAGES['plain'], signature_algorithm=b'rsa-sha1').sign(b'rsa', b'x.example', rsa_pem) + MESSAGES['plain'],
     'permerror', 'SHA-1')
case('l=', dkim.DKIM(MESSAGES['plain']).sign(b'rsa', b'x.example', rsa_pem, length=True) + MESSAGES['plain'], 'policy', 'l=')
case('From alone signed', dkim.DKIM(MESSAGES['plain']).sign(b'rsa', b'x.example', rsa_pem, include_headers=[b'from', b'to']) +
     MESSAGES['plain'], 'policy', 'the Subject field is not signed')
old = run('sign', '-x', '1', 'x.example', 'rsa', data=MESSAGES['plain']).stdout
time.sleep(2.1)
case('expired', old, 'fail', 'the signature has expired')
case('one good of two', field(sign('none')) + good, 'pass', '')
case('signatures without end', b'DKIM-Signature: v=1; a=rsa-sha256\r\n' * 1000 + good, 'permerror', '991 more signatures were not looked at')
case('a public suffix', good.replace(b'd=x.example', b'd=co.uk'), 'policy', 'belongs to nobody')
case('a top level', good.replace(b'd=x.example', b'd=example'), 'policy', 'belongs to nobody')
run('sign', 'x.example', 'rsa', data=b'Subject: x\r\n\r\n', code=100)
ok('\x1b' not in ''.join(verify(b'DKIM-Signature: v=1; d=\x1b[31m\xc2\x9b; s="\\\r\n' + MESSAGES['plain'])[1]), 'nothing for the terminal to obey')
case('a name that DNS cannot have', b'DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=%s; h=from; bh=%s; b=AAAA\r\n' %
     (b'y' * 64, base64.b64encode(b'x' * 32)) + MESSAGES['plain'], 'permerror', 's= is no selector')
case('a header without end', b'X: y\r\n' * 200000, 'permerror', 'too large')
# one that aborts the library others use
case('h= names each field, and one more', b'DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=rsa; h=from:to:subject:date:message-id:'
     b'dkim-signature:x; bh=%s; b=AAAA\r\n' % base64.b64encode(b'x' * 32) + MESSAGES['plain'], 'fail', 'the body was changed')
j = json.loads(run('verify', '--dns', server.addr, '--json', data=field(sign('none')) + good).stdout)
eq([j['result'], j['skipped'], [s['result'] for s in j['signatures']]], ['pass', 0, ['permerror', 'pass']], 'as JSON')
eq([j['signatures'][1][k] for k in ('domain', 'selector', 'algorithm', 'bits', 'dnssec', 'testing', 'reason')],
   ['x.example', 'rsa', 'rsa-sha256', 2048, False, False, ''], 'with all there is to say')
with FakeDns(lambda q: q.answer(rcode=2)) as broken:
    r = run('verify', '--dns', broken.addr, data=good).stdout.decode().splitlines()
    ok(r[0] == 'temperror' and 'could not be looked up' in r[1], 'a name server that fails', r)
ok(b'--dns' in run('verify', data=good, code=111).stderr, 'no dnsd to ask')
run('verify', '--dns', 'nobody', data=good, code=100)
run('verify', '--dns', '127.0.0.1@0', data=good, code=100)
with Dnsd('-f', server.addr, path=top + '/dnsd'):
    os.mkdir(var + '/run')
    os.symlink(top + '/dnsd', var + '/run/dnsd')
    eq(run('verify', data=good).stdout[:5], b'pass\n', 'with one that runs')

# --- large ones

size = 100 << 20
big = MESSAGES['plain'] + (b'x' * 76 + b'\r\n') * (size // 78)
s = run('sign', 'x.example', 'rsa', data=big).stdout
p = subprocess.Popen([POSTHORN, 'dkim', 'verify', '--dns', server.addr], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
p.stdin.write(s[:50 << 20])
p.stdin.flush()
workers = [w for w in open('/proc/%d/task/%d/children' % (p.pid, p.pid)).read().split() if open('/proc/%s/comm' % w).read() == 'dkim\n']
peak = [int(re.search(r'VmHWM:\s+(\d+)', open('/proc/%s/status' % w).read()).group(1)) for w in workers]
out = p.communicate(s[50 << 20:])[0]
ok(out.startswith(b'pass'), '100 MiB are verified', out)
if sanitized():
    tap.skip('in memory that does not grow with it', 'sanitizers')
else:
    ok(len(peak) == 1 and peak[0] < 20000, 'in memory that does not grow with it', peak)

server.close()
left = subprocess.run(['pgrep', '-f', 'dnsd -f ' + re.escape(server.addr)], capture_output=True, text=True).stdout.split()
for _ in range(100):
    left = [p for p in left if os.path.exists('/proc/%s' % p) and 'Z' not in open('/proc/%s/stat' % p).read().split(')')[-1].split()[0]]
    if not left:
        break
    time.sleep(0.1)
eq(left, [], 'no resolver is left behind')
shutil.rmtree(top)
tap.done()
