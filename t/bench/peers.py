"""The peers posthorn is measured against, each in a directory of its own on loopback:
Postfix (accepting into its queue, or delivering over LMTP) and Dovecot (maildir)."""
import os, pwd, shutil, socket, subprocess, time

from ports import free_port

SMTP_SOURCE = '/usr/sbin/smtp-source'


def wait_port(port, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit('nothing listens on port %d' % port)


def certificate(top):
    """A key and a self-signed certificate in one file."""
    path = os.path.join(top, 'cert.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
                    '-subj', '/CN=localhost', '-keyout', path + '.key', '-out', path + '.crt'],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(path, 'w') as out:
        out.write(open(path + '.key').read() + open(path + '.crt').read())
    return path


class Postfix:
    """
    Accepting: mail stays in the deferred queue. lmtp: a unix socket to deliver to. sasl: a unix
    socket of Dovecot's, and the port is one of submission with TLS from the first byte.
    relay: the port on loopback that all mail goes to, once resume() is called.
    """

    def __init__(self, top, lmtp=None, sasl=None, relay=None):
        self.conf = os.path.join(top, 'etc')
        self.queue = os.path.join(top, 'queue')
        self.port = free_port()
        for d in (self.conf, self.queue, os.path.join(top, 'data')):
            os.makedirs(d)
        pf = pwd.getpwnam('postfix')
        os.chown(os.path.join(top, 'data'), pf.pw_uid, pf.pw_gid)
        main = {
            'compatibility_level': '3.6', 'queue_directory': self.queue,
            'data_directory': os.path.join(top, 'data'), 'mail_owner': 'postfix',
            'setgid_group': 'postdrop', 'myhostname': 'localhost', 'mydestination': 'localhost',
            'inet_interfaces': '127.0.0.1', 'inet_protocols': 'ipv4', 'mynetworks': '127.0.0.0/8',
            'local_recipient_maps': '', 'alias_maps': '', 'alias_database': '',
            'smtpd_client_connection_rate_limit': '0', 'smtpd_client_connection_count_limit': '0',
            'maillog_file': '/dev/null', 'maillog_file_prefixes': '/dev', 'smtputf8_enable': 'no',
            'local_transport': 'lmtp:unix:' + lmtp if lmtp else 'local',
        }
        if not lmtp:
            main['defer_transports'] = 'local smtp'
        if relay:
            main['relayhost'] = '[127.0.0.1]:%d' % relay
        if sasl:
            main.update({'smtpd_sasl_type': 'dovecot', 'smtpd_sasl_path': sasl, 'smtpd_sasl_auth_enable': 'yes',
                         'smtpd_tls_chain_files': certificate(top), 'smtpd_tls_wrappermode': 'yes',
                         'smtpd_relay_restrictions': 'permit_sasl_authenticated,reject',
                         'smtpd_sasl_security_options': 'noanonymous'})
        with open(self.conf + '/main.cf', 'w') as f:
            f.writelines('%s = %s\n' % kv for kv in main.items())
        with open(self.conf + '/master.cf', 'w') as f:
            f.write('127.0.0.1:%d inet n - n - - smtpd\n' % self.port)
            for name, kind, private, wake, limit, cmd in (
                    ('pickup', 'unix', 'n', '60', '1', 'pickup'), ('cleanup', 'unix', 'n', '-', '0', 'cleanup'),
                    ('qmgr', 'unix', 'n', '300', '1', 'qmgr'), ('rewrite', 'unix', '-', '-', '-', 'trivial-rewrite'),
                    ('bounce', 'unix', '-', '-', '0', 'bounce'), ('defer', 'unix', '-', '-', '0', 'bounce'),
                    ('trace', 'unix', '-', '-', '0', 'bounce'), ('verify', 'unix', '-', '-', '1', 'verify'),
                    ('flush', 'unix', 'n', '1000?', '0', 'flush'), ('proxymap', 'unix', '-', '-', '-', 'proxymap'),
                    ('smtp', 'unix', '-', '-', '-', 'smtp'), ('error', 'unix', '-', '-', '-', 'error'),
                    ('retry', 'unix', '-', '-', '-', 'error'), ('discard', 'unix', '-', '-', '-', 'discard'),
                    ('local', 'unix', '-', '-', '-', 'local'), ('lmtp', 'unix', '-', '-', '-', 'lmtp'),
                    ('anvil', 'unix', '-', '-', '1', 'anvil'),
                    ('tlsmgr', 'unix', '-', '1000?', '1', 'tlsmgr'), ('scache', 'unix', '-', '-', '1', 'scache'),
                    ('postlog', 'unix-dgram', 'n', '-', '1', 'postlogd')):
                f.write('%s %s %s - n %s %s %s\n' % (name, kind, private, wake, limit, cmd))
        self.run('start')
        wait_port(self.port)

    def run(self, verb):
        subprocess.run(['postfix', '-c', self.conf, verb], check=verb == 'start',
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def resume(self):
        """Deliver what was put off until now."""
        subprocess.run(['postconf', '-c', self.conf, '-e', 'defer_transports='], check=True)
        self.run('reload')
        subprocess.run(['postqueue', '-c', self.conf, '-f'], check=True)

    def waiting(self):
        """How many messages the queue holds."""
        return sum(len(files) for kind in ('maildrop', 'incoming', 'active', 'deferred')
                   for _, _, files in os.walk(os.path.join(self.queue, kind)))

    def stop(self):
        self.run('stop')


class Dovecot:
    """IMAP and LMTP over maildir, with a passwd-file of one user: user, password posthorn."""

    def __init__(self, top):
        self.top = top
        self.port = free_port()
        self.mail = os.path.join(top, 'mail')
        os.makedirs(self.mail)
        os.chmod(top, 0o755)
        shutil.chown(self.mail, 'nobody', 'nogroup')
        self.lmtp = os.path.join(top, 'run', 'lmtp')
        self.sasl = os.path.join(top, 'run', 'sasl')
        nobody = pwd.getpwnam('nobody')
        conf = '''
base_dir = {top}/run
state_dir = {top}/state
protocols = imap lmtp
listen = 127.0.0.1
log_path = {top}/log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{mail}
first_valid_uid = 1
mail_uid = {uid}
mail_gid = {gid}
default_internal_user = nobody
default_login_user = nobody
passdb {{
  driver = static
  args = password=posthorn
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={mail}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
  chroot =
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener sasl {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
'''.format(top=top, mail=self.mail, uid=nobody.pw_uid, gid=nobody.pw_gid, port=self.port)
        self.conf = os.path.join(top, 'dovecot.conf')
        with open(self.conf, 'w') as f:
            f.write(conf)
        subprocess.run(['dovecot', '-c', self.conf], check=True)
        wait_port(self.port)

    def stop(self):
        subprocess.run(['dovecot', '-c', self.conf, 'stop'], check=False)


def smtp_source(port, messages, sessions, size, rcpt):
    """Seconds that smtp-source takes to get the messages accepted."""
    begin = time.time()
    subprocess.run([SMTP_SOURCE, '-d', '-s', str(sessions), '-m', str(messages), '-l', str(size),
                    '-f', 'sender@example.org', '-t', rcpt, '127.0.0.1:%d' % port],
                   check=True, stdout=subprocess.DEVNULL)
    return time.time() - begin


class Sink:
    """smtp-sink: takes all mail and forgets it."""

    def __init__(self):
        self.port = free_port()
        self.proc = subprocess.Popen(['/usr/sbin/smtp-sink', *(['-u', 'nobody'] if os.getuid() == 0 else []), '127.0.0.1:%d' % self.port, '1000'])
        wait_port(self.port)

    def stop(self):
        self.proc.terminate()
        self.proc.wait()


def submit(program, port, user, password, sender, messages, sessions, size, rcpt):
    """Seconds that t/bench/submit takes to get the messages accepted."""
    return float(subprocess.check_output([program, str(port), user, password, sender, rcpt, str(sessions), str(messages), str(size)]))
