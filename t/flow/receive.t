#!/usr/bin/env python3
"""Mail comes in from real senders, in plain text and with STARTTLS, and its bytes come
back identical over IMAP, behind Return-Path, Delivered-To and Received."""
import grp
import os
import pwd
import re
import sys

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from posthorn import Raw, Server, Tap, client_context, have, message, run, wait_until

t = Tap()

BODIES = {
    'dots': '.\r\n..\r\n...three\r\n.a\r\n',
    'long lines': 'x' * 990 + '\r\n' + 'y' * 900 + '\r\n',
    'empty': '',
    'spaces at ends': 'a \r\n\t\r\n  \r\nb\t\r\n',
}


def header_of(data):
    return data.split(b'\r\n\r\n', 1)[0].decode(errors='replace')


def unfolded(data):
    return re.sub(r'\r\n[ \t]+', ' ', header_of(data)).split('\r\n')


def check(s, ident, sent, what, sender='sender@example.org', rcpt='user@localhost', tls=False, between=False):
    """What was sent comes back, with three fields before it (and what a relay added)."""
    got = s.fetch_message(ident)
    if not t.ok(got is not None, what + ': the message arrived'):
        return
    t.ok(got.endswith(sent), what + ': its bytes are the same', got[-300:], sent[-300:])
    prefix = got[:len(got) - len(sent)]
    fields = unfolded(prefix)
    names = [f.split(':')[0].lower() for f in fields if f]
    t.eq(sorted(names[:3]), ['delivered-to', 'received', 'return-path'], what + ': three fields stand before it')
    if not between:
        t.eq(len(names), 3, what + ': and no other')
    t.ok('Return-Path: <%s>' % sender in fields, what + ': Return-Path is the sender', fields)
    t.ok('Delivered-To: ' + rcpt in fields, what + ': Delivered-To is the recipient', fields)
    received = [f for f in fields if f.startswith('Received:')]
    t.ok(received and re.search(r'\bby \S', received[0]) and re.search(r'; *\w{3}, \d', received[0]),
         what + ': Received tells by whom and when', received)
    protocol = re.search(r'\bwith (\w+)', received[0]) if received else None
    t.ok(protocol and protocol.group(1).endswith('S') == tls, what + ': and whether TLS was used', received)


def by_smtplib(s):
    for name, body in BODIES.items():
        for tls in (False, True):
            ident = 'smtplib-%s-%d' % (name.replace(' ', '-'), tls)
            data = message(ident, body)
            t.eq(s.send(data, tls=tls), {}, 'smtplib sends: %s%s' % (name, ', TLS' if tls else ''))
            check(s, ident, data, 'smtplib, %s%s' % (name, ', TLS' if tls else ''), tls=tls)
    data = message('8bit', 'Gr\u00fc\u00dfe\r\n', 'Content-Type: text/plain; charset=utf-8\r\n')
    with s.smtp() as c:
        c.sendmail('sender@example.org', 'user@localhost', data, mail_options=['BODY=8BITMIME'])
    check(s, '8bit', data, 'smtplib, 8BITMIME')
    data = message('bounce', 'undelivered\r\n')
    s.send(data, sender='')
    check(s, 'bounce', data, 'the null sender', sender='')
    data = message('separator')
    s.send(data, rcpt='user+lists@localhost')
    check(s, 'separator', data, 'a separator', rcpt='user+lists@localhost')
    big = message('big', ''.join('%07d %s\r\n' % (i, 'z' * 60) for i in range(40000)))
    s.send(big)
    check(s, 'big', big, '2.7 MB')


def by_bdat(s):
    data = message('bdat', 'a\r\n.\r\nb\r\n')
    r = Raw(s.smtp_port)
    r.reply()
    r.cmd('EHLO client.test')
    r.send(b'MAIL FROM:<sender@example.org>\r\nRCPT TO:<user@localhost>\r\n')
    r.reply(), r.reply()
    r.send(b'BDAT 10\r\n' + data[:10])
    t.ok(r.reply().startswith(b'250'), 'BDAT: a chunk')
    r.send(b'BDAT %d LAST\r\n' % (len(data) - 10) + data[10:])
    t.ok(r.reply().startswith(b'250'), 'BDAT: the last')
    r.close()
    check(s, 'bdat', data, 'BDAT')
    # TLS by hand: what was sent in plain text behind STARTTLS never counts
    r = Raw(s.smtp_port)
    r.reply()
    r.cmd('EHLO client.test')
    r.send(b'STARTTLS\r\nNOOP injected\r\n')
    t.ok(r.reply().startswith(b'220'), 'STARTTLS is taken')
    r.s = client_context().wrap_socket(r.s, server_hostname='localhost')
    r.buffer = b''
    t.ok((r.cmd('EHLO client.test') or b'').startswith(b'250'), 'EHLO within TLS')
    r.send(b'RSET\r\nQUIT\r\n')
    t.eq([r.reply()[:3], r.reply()[:3], r.reply()], [b'250', b'221', None], 'what was injected before it got no reply')
    r.close()


def by_swaks(s):
    if not have('swaks'):
        return t.skip('swaks', 'not installed')
    for tls in (False, True):
        ident = 'swaks-%d' % tls
        data = message(ident, 'hello\r\n')
        path = os.path.join(s.top, ident)
        open(path, 'wb').write(data.replace(b'\r\n', b'\n'))
        r = run([have('swaks'), '--server', '127.0.0.1:%d' % s.smtp_port, '--from', 'sender@example.org',
                 '--to', 'user@localhost', '--ehlo', 'client.test', '--data', '@' + path] + ['-tls'] * tls)
        t.eq(r.returncode, 0, 'swaks sends' + ', TLS' * tls) or t.note(r.stdout[-2000:])
        # swaks ends its data with one line ending of its own
        got = s.fetch_message(ident) or b''
        check(s, ident, data + (b'\r\n' if got.endswith(b'\r\n\r\n') else b''), 'swaks' + ', TLS' * tls, tls=tls)
    r = run([have('swaks'), '--server', '127.0.0.1:%d' % s.smtp_port, '--to', 'nobody-here@localhost', '--quit-after', 'RCPT'])
    t.ok(' 550 ' in r.stdout, 'an unknown recipient is refused after RCPT', r.stdout[-500:])
    r = run([have('swaks'), '--server', '127.0.0.1:%d' % s.smtp_port, '--to', 'user@elsewhere.example', '--quit-after', 'RCPT'])
    t.ok(' 550 ' in r.stdout, 'a foreign domain is refused', r.stdout[-500:])


def by_curl(s):
    if not have('curl'):
        return t.skip('curl', 'not installed')
    for tls in (False, True):
        ident = 'curl-%d' % tls
        data = message(ident)
        path = os.path.join(s.top, ident)
        open(path, 'wb').write(data)
        r = run([have('curl'), '-sS', 'smtp://127.0.0.1:%d/client.test' % s.smtp_port, '--mail-from', 'sender@example.org',
                 '--mail-rcpt', 'user@localhost', '--upload-file', path] + ['--ssl-reqd', '-k'] * tls)
        t.eq(r.returncode, 0, 'curl sends' + ', TLS' * tls) or t.note(r.stderr)
        check(s, ident, data, 'curl' + ', TLS' * tls, tls=tls)


class Postfix:
    """A relay with a configuration, queue and ports of its own, everything to one next hop."""

    def __init__(self, top, port, level):
        self.top = top
        self.conf = os.path.join(top, 'etc')
        for d in ('etc', 'queue', 'data'):
            os.makedirs(os.path.join(top, d))
        for d in (top, os.path.dirname(top)):
            os.chmod(d, 0o755)
        os.chown(os.path.join(top, 'data'), pwd.getpwnam('postfix').pw_uid, grp.getgrnam('postfix').gr_gid)
        with open(self.conf + '/main.cf', 'w') as f:
            f.write('''compatibility_level = 3.6
queue_directory = %(top)s/queue
data_directory = %(top)s/data
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:%(port)d
smtp_host_lookup = native
smtp_tls_security_level = %(level)s
alias_maps =
alias_database =
local_recipient_maps =
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
maillog_file = %(top)s/maillog
maillog_file_prefixes = %(top)s
''' % {'top': top, 'port': port, 'level': level})
        with open(self.conf + '/master.cf', 'w') as f:
            for line in ('pickup unix n - n 1 1 pickup', 'cleanup unix n - n - 0 cleanup', 'qmgr unix n - n 1 1 qmgr',
                         'rewrite unix - - n - - trivial-rewrite', 'bounce unix - - n - 0 bounce',
                         'defer unix - - n - 0 bounce', 'trace unix - - n - 0 bounce', 'verify unix - - n - 1 verify',
                         'flush unix n - n 1000? 0 flush', 'proxymap unix - - n - - proxymap', 'smtp unix - - n - - smtp',
                         'error unix - - n - - error', 'retry unix - - n - - error', 'discard unix - - n - - discard',
                         'local unix - n n - - local', 'anvil unix - - n - 1 anvil', 'scache unix - - n - 1 scache',
                         'tlsmgr unix - - n 1000? 1 tlsmgr', 'postlog unix-dgram n - n - 1 postlogd'):
                f.write(line + '\n')
        self.started = run([have('postfix'), '-c', self.conf, 'start'], 30)

    def submit(self, data):
        return run([have('sendmail'), '-C', self.conf, '-f', 'sender@example.org', 'user@localhost'],
                   input=data.decode().replace('\r\n', '\n'))

    def log(self):
        try:
            return open(self.top + '/maillog').read()
        except OSError:
            return '(no log)'

    def stop(self):
        run([have('postfix'), '-c', self.conf, 'stop'], 30)


def by_postfix(s):
    if os.getuid() != 0:
        return t.skip('Postfix', 'only root can run one')
    if not have('postfix'):
        return t.skip('Postfix', 'not installed')
    for level in ('none', 'encrypt'):
        tls = level == 'encrypt'
        p = Postfix(os.path.join(s.top, 'postfix-' + level), s.smtp_port, level)
        try:
            if p.started.returncode != 0:
                t.skip('Postfix', 'it does not start: ' + (p.started.stderr.strip().splitlines() or ['?'])[-1])
                continue
            idents = ['postfix-%s-%d' % (level, i) for i in range(20)]
            for ident in idents:
                p.submit(message(ident))
            arrived = wait_until(lambda: len(set(idents) & {i[1:-6] for i in s.all_ids()}) == len(idents), 30, 0.5)
            t.ok(arrived, 'Postfix relays 20 messages, TLS %s' % level, p.log()[-3000:])
            check(s, idents[0], message(idents[0]).split(b'Subject', 1)[1], 'Postfix, TLS ' + level, tls=tls, between=True)
        finally:
            p.stop()


with Server(tap=t) as s:
    by_smtplib(s)
    by_bdat(s)
    by_swaks(s)
    by_curl(s)
    by_postfix(s)
t.done()
