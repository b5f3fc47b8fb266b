#!/usr/bin/env python3
"""Delivery status notifications as another's parser sees them."""
import email
import email.policy
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import BUILD, Tap

t = Tap()


def sample(name):
    raw = subprocess.run([os.path.join(BUILD, 't/proto/dsn.t'), name], capture_output=True, check=True).stdout
    t.ok(all(len(l) <= 998 for l in raw.split(b'\r\n')) and b'\0' not in raw and
         not re.search(rb'(?<!\r)\n|\r(?!\n)', raw), '%s: lines are lines' % name)
    m = email.message_from_bytes(raw, policy=email.policy.default)
    t.eq((m.get_content_type(), m.get_param('report-type')), ('multipart/report', 'delivery-status'), 'it is a report')
    t.none([str(d) for p in m.walk() for d in p.defects], 'without defects')
    t.eq(len(m.get_payload()), 3, 'of three parts')
    t.ok('X-Forged' not in m and not any('X-Forged' in p for p in m.walk()), 'nothing is forged')
    return m, m.get_payload()


m, parts = sample('failed')
t.eq(m['subject'], 'Undelivered: Hello there', 'its subject')
t.eq(m['from'].addresses[0].addr_spec, 'postmaster@mail.example.org', 'who wrote it')
blocks = parts[1].get_payload()
t.eq(len(blocks), 3, 'fields of the message and of two recipients')
t.eq([b['final-recipient'] for b in blocks[1:]], ['rfc822; bob@example.com', 'rfc822; carl@example.net'], 'whose they are')
t.eq([b['status'] for b in blocks[1:]], ['5.1.1', '4.4.1'], 'what became of them')
t.ok('There is no such mailbox' in parts[0].get_content(), 'the text can be read')
t.eq(email.message_from_string(parts[2].get_content())['message-id'], '<1@example.org>', 'the header of the original')

m, parts = sample('delayed')
t.eq(m['subject'], 'Delayed: Hello there', 'its subject')
t.eq([b['action'] for b in parts[1].get_payload()[1:]], ['delayed', 'relayed'], 'what was done')

m, parts = sample('utf8')
t.eq(m['subject'], 'Undelivered: Gr\u00fc\u00dfe', 'its subject')
t.ok('nicht m\u00f6glich' in parts[0].get_content(), 'the text can be read')
t.eq([p.get_content_type() for p in parts], ['text/plain', 'message/global-delivery-status', 'message/global-headers'],
     'parts for UTF-8')

m, parts = sample('full')
t.eq(parts[2].get_payload()[0]['subject'].split(), ['Hello', 'there'], 'the whole message')

m, parts = sample('long')
t.ok(b'X: a\rb\0c\xe4  \r\n' in parts[2].get_payload(decode=True), 'a header with odd bytes comes back as it was')

m, parts = sample('hostile')
blocks = parts[1].get_payload()
t.eq(len(blocks), 2, 'one recipient')
t.eq(blocks[1]['action'], 'failed', 'its action is the one that was')
t.done()
