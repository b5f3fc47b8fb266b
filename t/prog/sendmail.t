#!/usr/bin/env python3
"""sendmail: what it makes of its options and of a message, with a queue-drop and an smtpd of our own."""
import json
import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import BUILD, SOURCE, Tap

t = Tap()
TOP = tempfile.mkdtemp(prefix='posthorn-sendmail-')
LIBEXEC = os.path.join(TOP, 'libexec')
SENDMAIL = os.path.join(TOP, 'bin', 'sendmail')
SEEN = os.path.join(TOP, 'seen')
for d in ('bin', 'libexec/verbs', 'etc', 'var'):
    os.makedirs(os.path.join(TOP, d))
shutil.copy(os.path.join(BUILD, 'bin/sendmail'), SENDMAIL)
USER = pwd.getpwuid(os.getuid()).pw_name


def program(name, text):
    path = os.path.join(LIBEXEC, name)
    with open(path, 'w') as f:
        f.write('#!%s\nimport sys; sys.dont_write_bytecode = True; sys.path.insert(0, %r)\n%s' % (sys.executable, os.path.join(SOURCE, 't/lib'), text))
    os.chmod(path, 0o755)


program('supervised', '')
# what it is told goes into SEEN; it answers as ANSWER says, or ends at once with EXIT
program('queue-drop', '''
import json, os, socket, ipc
if os.environ.get('EXIT'):
    sys.exit(int(os.environ['EXIT']))
s = socket.socket(fileno=0)
seen = []
while True:
    rec, fds = ipc.recv_fds(s)
    if not rec:
        break
    seen.append(ipc.parse(rec))
    for fd in fds:
        seen[-1]['size'] = os.fstat(fd).st_size
        seen[-1]['text'] = os.pread(fd, 1000000, 0).decode('latin-1')
        code, status, text = os.environ.get('ANSWER', '250 2.0.0 queued').split(None, 2)
        with open(%r, 'w') as f:
            json.dump(seen, f)
        if code == '000':
            sys.exit(0)
        s.send(ipc.record('put', result={'2': 'ok', '4': 'temp', '5': 'perm'}[code[0]], code=code, status=status, text=text, id='0qe1a2b3c4d5e6f7'))
''' % SEEN)


def sendmail(*words, input=b'', argv0=SENDMAIL, seconds=60, **env):
    """The finished program; .mail, .rcpts, .data are what queue-drop was told."""
    if os.path.exists(SEEN):
        os.unlink(SEEN)
    base = {k: v for k, v in os.environ.items() if k not in ('NAME', 'TMPDIR') and not k.startswith('POSTHORN')}
    r = subprocess.run([argv0, *words], executable=SENDMAIL, input=input, capture_output=True, timeout=seconds, env=dict(base, **env))
    seen = json.load(open(SEEN)) if os.path.exists(SEEN) else []
    r.mail = next((s for s in seen if s['cmd'] == 'mail'), {})
    r.rcpts = [s for s in seen if s['cmd'] == 'rcpt']
    r.to = [s['rcpt'] for s in r.rcpts]
    r.data = next((s for s in seen if s['cmd'] == 'data'), {})
    r.text = r.data.get('text', '')
    return r


MESSAGE = b'From: joe@here.example\nTo: ann@there.example\nSubject: x\n\nhello\n'

# --- a message

r = sendmail('ann@there.example', input=MESSAGE)
t.ok(r.returncode == 0 and r.stdout == b'' and r.stderr == b'', 'a message goes into the queue, silently', r.stderr)
t.eq(r.text, MESSAGE.decode().replace('\n', '\r\n'), 'as it is, with CRLF')
t.eq(r.to, ['ann@there.example'], 'for the recipient')
t.eq(r.mail, {'put': '1', 'cmd': 'mail', 'from': USER, 'body': '7bit'}, 'from the user')
t.eq(r.rcpts[0], {'put': '1', 'cmd': 'rcpt', 'rcpt': 'ann@there.example'}, 'and nothing else is wished')
r = sendmail('-v', 'ann@there.example', input=MESSAGE)
t.ok(b'queued as 0qe1a2b3c4d5e6f7' in r.stdout, '-v tells the id')

for name, given, want in (
        ('CRLF stays', b'From: a@b\r\n\r\nx\r\n', 'From: a@b\r\n\r\nx\r\n'),
        ('no line end at the end', b'From: a@b\n\nx', 'From: a@b\r\n\r\nx\r\n'),
        ('only a header', b'From: a@b\nSubject: x\n', 'From: a@b\r\nSubject: x\r\n\r\n'),
        ('a header without its end', b'From: a@b\nhello you\nthere: x\n', 'From: a@b\r\n\r\nhello you\r\nthere: x\r\n'),
        ('a line of a mailbox file', b'From joe Fri Nov 20 12:00:00 2026\nFrom: a@b\n\nx\n', 'From: a@b\r\n\r\nx\r\n'),
        ('folds', b'From: a@b\nSubject: x\n\ty\n z\n\nx\n', 'From: a@b\r\nSubject: x\r\n\ty\r\n z\r\n\r\nx\r\n'),
        ('dots', b'From: a@b\n\n..\n.x\n. \n.\nnot this\n', 'From: a@b\r\n\r\n..\r\n.x\r\n. \r\n'),
        ('a dot with CRLF', b'From: a@b\r\n\r\nx\r\n.\r\nnot this\r\n', 'From: a@b\r\n\r\nx\r\n'),
        ('a dot in the header', b'From: a@b\n.\nnot this\n', 'From: a@b\r\n\r\n'),
        ('Bcc', b'From: a@b\nBcc: secret@x\nbcc : s2@x,\n s3@x\nTo: c@d\nResent-Bcc: s4@x\n\nBcc: stays\n', 'From: a@b\r\nTo: c@d\r\n\r\nBcc: stays\r\n'),
        ('a CR within a line', b'From: a@b\n\nx\ry\n', 'From: a@b\r\n\r\nx\ry\r\n')):
    t.eq(sendmail('a@b', input=given).text, want, name)
for opt in ('-i', '-oi'):
    t.eq(sendmail(opt, 'a@b', input=b'From: a@b\n\nx\n.\ny\n').text, 'From: a@b\r\n\r\nx\r\n.\r\ny\r\n', 'dots with ' + opt)
r = sendmail('a@b', input=b'')
t.ok(r.returncode == 0 and r.text.endswith('\r\n\r\n'), 'nothing at all is a message too', r.stderr)
r = sendmail('a@b', input=b'hello\nworld\n')
t.ok(r.text.startswith('From: ') and r.text.endswith('\r\n\r\nhello\r\nworld\r\n'), 'text without a header gets one', r.text)

# --- 8 bits

t.eq(sendmail('a@b', input=b'From: a@b\n\ncaf\xe9\n').mail['body'], '8bitmime', '8-bit text is told')
r = sendmail('a@b', input='From: a@b\nSubject: é\n\nx\n'.encode())
t.ok(r.mail.get('smtputf8') == '1', 'UTF-8 in the header too')
r = sendmail('a@b', input=b'From: a@b\nSubject: \xe9\n\nx\n')
t.ok('smtputf8' not in r.mail and r.mail['body'] == '8bitmime', 'but not what is no UTF-8')
r = sendmail('-f', 'é@b', 'a@b', input=MESSAGE)
t.ok(r.mail['from'] == 'é@b' and r.mail.get('smtputf8') == '1', 'an address of UTF-8', r.mail)
t.eq(sendmail('-B', '8bitmime', 'a@b', input=MESSAGE).mail['body'], '8bitmime', '-B')

# --- recipients

t.eq(sendmail('a@b, C <c@d>', 'e@f', 'root', 'a@b', input=MESSAGE).to, ['a@b', 'c@d', 'e@f', 'root'], 'recipients as people write them, each once')
HEADER = b'From: a@b\nTo: A <a@x>, "b, c" <b@x>,\n c@x\nCc: list: d@x, e@x;\nBcc: f@x\nto: a@x\n\nTo: not@this\n'
r = sendmail('-t', input=HEADER)
t.eq(r.to, ['a@x', 'b@x', 'c@x', 'd@x', 'e@x', 'f@x'], '-t: from To, Cc and Bcc')
t.ok('Bcc' not in r.text and 'Cc: list: d@x, e@x;\r\n' in r.text, 'Bcc is removed, others stay', r.text)
t.eq(sendmail('-ti', '--', 'z@x', input=HEADER).to, ['z@x', 'a@x', 'b@x', 'c@x', 'd@x', 'e@x', 'f@x'], 'with those of the command line')
t.eq(sendmail('-t', input=b'Resent-To: r@x\nResent-Bcc: s@x\nFrom: a@b\nTo: a@x\n\nx\n').to, ['r@x', 's@x'], '-t: resent')
r = sendmail('-t', input=b'From: a@b\nSubject: x\n\nTo: a@x\n')
t.ok(r.returncode == 64 and not r.data and b'no recipients' in r.stderr, 'no recipients in the header', r.stderr)
r = sendmail(input=MESSAGE)
t.ok(r.returncode == 64 and not r.data and b'no recipients' in r.stderr, 'no recipients', r.stderr)
t.eq(sendmail('joe@x, joe', input=MESSAGE).to, ['joe@x', 'joe'], 'a name of this system behind an address with the same one')
for bad in ('a@x, a b@', 'a b', 'a b@', 'x@', '@x', 'foo <>', '"j q"', '""@'):
    r = sendmail('a@b', bad, input=MESSAGE)
    t.ok(r.returncode == 65 and not r.data and b'no address' in r.stderr, 'no address: ' + bad, r.returncode, r.stderr)
many = ['r%d@x' % i for i in range(1000)]
t.eq(sendmail(*many, input=MESSAGE).to, many, 'a thousand recipients')
r = sendmail('last@x', *many, input=MESSAGE)
t.ok(r.returncode == 69 and not r.data, 'and not one more', r.stderr)

# --- who sends

for words, want in ((('-f', 'joe@here.example'), 'joe@here.example'), (('-fjoe@HERE.example',), 'joe@here.example'), (('-r', '<joe@here.example>'), 'joe@here.example'),
                    (('-f', ''), ''), (('-f', '<>'), ''), (('-f', 'other'), 'other'), (('-f', '"j q"@x'), '"j q"@x')):
    t.eq(sendmail(*words, 'a@b', input=MESSAGE).mail.get('from'), want, 'from ' + ' '.join(words))
for bad in ('joe@', 'a@b@', 'x' * 200, 'a@b c'):
    r = sendmail('-f', bad, 'a@b', input=MESSAGE)
    t.ok(r.returncode == 64 and not r.data, '-f ' + bad[:20] + ' is refused', r.stderr)
NOFROM = b'Subject: x\n\nx\n'
for name, words, env, want in (
        ('-F', ('-F', 'Joe Q', '-f', 'j@x'), {}, 'Joe Q <j@x>'),
        ('quoted', ('-F', 'Joe "Q." \\', '-f', 'j@x'), {}, '"Joe \\"Q.\\" \\\\" <j@x>'),
        ('UTF-8', ('-F', 'José', '-f', 'j@x'), {}, '=?UTF-8?B?Sm9zw6k=?= <j@x>'),
        ('NAME', ('-f', 'j@x'), {'NAME': 'Joe'}, 'Joe <j@x>'),
        ('no line ends', ('-F', 'Joe\nBcc: x@y', '-f', 'j@x'), {}, None),
        ('the user', (), {'NAME': 'Joe'}, 'Joe <%s>' % USER)):
    text = sendmail(*words, 'a@b', input=NOFROM, **env).text
    got = text.split('\r\n\r\n')[0].split('\r\n')
    t.eq([l[6:] for l in got if l.startswith('From: ')] if want else 'Bcc' in text, [want] if want else False, 'a missing From: ' + name)
t.ok('From:' not in sendmail('-f', '', 'a@b', input=NOFROM).text, 'the null sender is nobody')

# --- notifications and the rest

r = sendmail('-N', 'success,Delay', '-R', 'hdrs', '-V', 'a=b c', 'a@b', 'c@d', input=MESSAGE)
t.eq([x.get('notify') for x in r.rcpts], ['10', '10'], '-N')
t.eq([r.mail.get('ret'), r.mail.get('envid')], ['hdrs', 'a+3Db+20c'], '-R and -V')
t.eq(sendmail('-N', 'never', '-R', 'full', 'a@b', input=MESSAGE).rcpts[0]['notify'], '1', '-N never')
r = sendmail('-oem', '-odb', '-om', '-O', 'DeliveryMode=b', '-G', '-U', '-m', '-n', '-e', 'q', '-h', '3', '-L', 'tag', '-Am', '-p', 'ESMTP', '-X', '/dev/null', '-bm', '-x', '-c', '-d0.1',
             'a@b', input=MESSAGE)
t.ok(r.returncode == 0 and r.to == ['a@b'], 'options of other sendmails are let pass', r.stderr)
for words in (('-q',), ('-q30m',), ('-bi',), ('-I',)):
    t.ok(sendmail(*words).returncode == 0, ' '.join(words) + ': nothing to do')
t.ok(sendmail(argv0='newaliases').returncode == 0, 'newaliases: nothing to do')
for words in (('-bd',), ('-bD',), ('-bv', 'a@b'), ('-bt',), ('-Z', 'a@b'), ('-N', 'often', 'a@b'), ('-N', 'never,delay', 'a@b'), ('-R', 'some', 'a@b'),
              ('-V', '', 'a@b'), ('-V', 'x' * 101, 'a@b'), ('-B', 'BINARYMIME', 'a@b'), ('-f',)):
    r = sendmail(*words, input=MESSAGE)
    t.ok(r.returncode == 64 and r.stderr and not r.data, 'used wrongly: ' + ' '.join(words)[:30], r.returncode, r.stderr)

# --- what the queue says

for answer, want in (('452 4.3.1 disk full', 75), ('451 4.3.0 x', 75), ('550 5.1.1 who?', 67), ('550 5.1.2 where?', 68), ('550 5.7.1 not you', 77), ('552 5.3.4 large', 69),
                     ('550 5.6.0 header', 65), ('000 0.0.0 gone', 75)):
    r = sendmail('a@b', input=MESSAGE, ANSWER=answer)
    t.ok(r.returncode == want, '%s: %d' % (answer, want), r.returncode)
    t.ok((answer.encode() if want != 75 or answer[0] == '4' else b'does not answer') in r.stderr and not r.stdout, 'and says it', r.stderr)
for code, want in (('100', 69), ('111', 75), ('0', 75), ('1', 75)):
    r = sendmail('a@b', input=MESSAGE, EXIT=code)
    t.ok(r.returncode == want and b'not taken' in r.stderr, 'queue-drop ends with %s: %d' % (code, want), r.returncode, r.stderr)
os.rename(LIBEXEC + '/queue-drop', LIBEXEC + '/not-there')
r = sendmail('a@b', input=MESSAGE)
t.ok(r.returncode == 75 and b'unable to run queue-drop' in r.stderr, 'no queue-drop', r.stderr)
os.rename(LIBEXEC + '/not-there', LIBEXEC + '/queue-drop')

# --- size

LINES = b'x' * 99 + b'\n'
r = sendmail('a@b', input=b'From: a@b\n\n' + LINES * 200000)
t.eq(r.data.get('size'), len(b'From: a@b\r\n\r\n') + 101 * 200000, '20 MB')
r = sendmail('a@b', input=b'From: a@b\n\n' + b'y' * 3000000)
t.eq(r.data.get('size'), len(b'From: a@b\r\n\r\n') + 3000002, 'a line of 3 MB')
r = sendmail('a@b', input=b'From: a@b\n\n' + LINES * 1048577)
t.ok(r.returncode == 69 and b'larger' in r.stderr and not r.data, 'larger than 100 MiB is refused', r.stderr)
r = sendmail('-t', input=b'To: a@b\n' + b'X: y\n' * 300000)
t.ok(r.returncode == 65 and b'header' in r.stderr and not r.data, 'and so is a header without end', r.stderr)
big = os.path.join(TOP, 'big')
with open(big, 'wb') as f:
    f.write(b'From: a@b\n\n' + LINES * 500000)
with open(big, 'rb') as f:
    p = subprocess.Popen([SENDMAIL, 'a@b'], stdin=f, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (16 << 20, 16 << 20)),
                         env=dict(os.environ, EXIT='111'))
    p.wait(60)
t.ok(p.returncode == 75 or b'__asan_init' in open(SENDMAIL, 'rb').read(), 'memory does not grow with the message', p.returncode)
r = sendmail('a@b', input=b'From: a@b\n\nx\n', TMPDIR='/nonexistent')
t.eq(r.text, 'From: a@b\r\n\r\nx\r\n', 'a TMPDIR that is not there does not matter')

# --- SMTP, and the queue

program('smtpd', '''
import os, socket, ipc
s = socket.socket(fileno=4)
print(sys.argv[1:], input(), flush=True)
s.send(ipc.record('put', cmd='mail'))
fd = os.open('/dev/null', os.O_RDONLY)
ipc.send_fds(s, ipc.record('put', cmd='data'), [fd])
print(ipc.parse(s.recv(65536))['id'], flush=True)
sys.exit(int(os.environ.get('CODE', 0)))
''')
r = sendmail('-bs', input=b'EHLO x\r\n')
t.ok(r.returncode == 0 and b"['-Q'] EHLO x" in r.stdout and b'0qe1a2b3c4d5e6f7' in r.stdout, '-bs: smtpd with a way into the queue', r.stdout, r.stderr)
t.eq(sendmail('-bs', input=b'x\n', CODE='111').returncode, 75, 'and its code')
program('verbs/queue', "print('LIST', sys.argv[1:])\n")
os.makedirs(os.path.join(TOP, 'var/queue'))
for words, argv0 in ((('-bp', '-C', TOP), SENDMAIL), (('-C', TOP), '/usr/bin/mailq')):
    r = sendmail(*words, argv0=argv0)
    t.ok(r.returncode == 0 and b"LIST ['list']" in r.stdout, 'the queue is listed: ' + os.path.basename(argv0), r.stderr)
if os.geteuid() == 0:
    for d in (TOP, LIBEXEC):
        os.chmod(d, 0o755)
    os.chown(os.path.join(TOP, 'var/queue'), 61005, 61005)
    with open(os.path.join(LIBEXEC, 'queue-drop'), 'w') as f:
        f.write('#!/bin/sh\necho I am `id -ru` `id -u` `id -rg` `id -g` `id -G` >&2\nexit 111\n')
    r = sendmail('-C', TOP, 'a@b', input=MESSAGE)
    t.ok(b'I am 61005 61005 61005 61005 61005\n' in r.stderr, "root does not run the queue's user's file as root", r.stderr)
r = sendmail('-C', '/nonexistent', 'a@b', input=MESSAGE)
t.ok(r.returncode == 64, '-C somewhere else')

shutil.rmtree(TOP)

# --- the real queue-drop, while nothing runs

TOP = tempfile.mkdtemp(prefix='posthorn-sendmail-')
for d in ('var', 'etc/domains', 'etc/accounts'):
    os.makedirs(os.path.join(TOP, d))
for name, text in (('posthorn.conf', 'hostname = mail.ours.example\npostmaster { account = joe }\nmax-message-size = 2M\n'), ('domains/ours.example.conf', ''),
                   ('accounts/joe.conf', 'full-name = "Joe Doe"\naddress joe@ours.example { }\nsystem-users = { "%s" }\n' % USER)):
    with open(os.path.join(TOP, 'etc', name), 'w') as f:
        f.write(text)
p = subprocess.run([os.path.join(BUILD, 'bin/posthorn'), '-C', TOP, 'config', 'build'], capture_output=True)
t.eq(p.returncode, 0, 'a configuration')


def real(*words, input=b''):
    r = subprocess.run([os.path.join(BUILD, 'bin/sendmail'), '-C', TOP, *words], input=input, capture_output=True, timeout=60)
    return r


def queued(ident):
    with open(os.path.join(TOP, 'var/queue/msg', ident), 'rb') as f:
        data = f.read()
    n = int(data[17:27])
    parts = [x.decode() for x in data[:n].split(b'\0')[:-1]]
    return list(zip(parts[::2], parts[1::2])), data[n:].decode()


def ids():
    d = os.path.join(TOP, 'var/queue/msg')
    return os.listdir(d) if os.path.isdir(d) else []


r = real('-v', '-t', '-N', 'failure', '-F', 'Joe Q', input=b'To: ann@there.example, %s\nBcc: bob@there.example\nSubject: x\n\nhello\n.\nmore\n' % USER.encode())
t.ok(r.returncode == 0 and r.stdout.startswith(b'queued as '), 'a message goes into the queue', r.stderr)
envelope, text = queued(r.stdout.split()[2].decode())
one = dict(envelope)
t.eq([v for k, v in envelope if k == 'rcpt'], ['ann@there.example', 'joe@ours.example', 'bob@there.example'], 'its recipients, the user of this system by his address')
t.eq((one['account'], one['from'], [v for k, v in envelope if k == 'notify']), ('joe', 'joe@ours.example', ['failure'] * 3), 'from the account of the user')
t.ok('From: Joe Q <joe@ours.example>\r\n' in text and '\r\nDate: ' in text and '\r\nMessage-ID: <' in text and text.endswith('\r\n\r\nhello\r\n'), 'with all it must have', text)
r = real('-f', '', 'ann@there.example', input=b'From: joe@ours.example\n\nx\n')
t.eq(r.returncode, 0, 'the null sender')
before = ids()
for words, data, want in ((('ann@there.example',), b'From: joe@ours.example\n\n' + LINES * 21000, 69), (('a b@',), b'\n', 65),
                          (('ann@there.example',), b'From: other@there.example\n\nx\n', 77), (('-f', 'other@there.example', 'a@there.example'), b'\nx\n', 77)):
    r = real(*words, input=data)
    t.ok(r.returncode == want and r.stderr, 'refused with %d' % want, r.returncode, r.stderr)
t.ok(ids() == before and not os.listdir(os.path.join(TOP, 'var/queue/tmp')), 'and nothing of it was kept')
r = subprocess.run([os.path.join(BUILD, 'bin/sendmail'), '-C', TOP, '-bs'], capture_output=True, timeout=60,
                   input=b'EHLO me\r\nMAIL FROM:<joe@ours.example>\r\nRCPT TO:<ann@there.example>\r\nDATA\r\n' + MESSAGE.replace(b'here.example', b'ours.example').replace(b'\n', b'\r\n') + b'.\r\nQUIT\r\n')
t.ok(r.returncode == 0 and b'\r\n221 ' in r.stdout and len(ids()) == len(before) + 1, 'SMTP on standard input', r.stdout, r.stderr)
r = subprocess.run([os.path.join(BUILD, 'bin/sendmail'), '-bp', '-C', TOP], capture_output=True, text=True, timeout=60)
t.ok(r.returncode == 0 and r.stdout.count('ann@there.example') == 3, 'the queue is listed', r.stdout, r.stderr)
shutil.rmtree(TOP)
t.done()
