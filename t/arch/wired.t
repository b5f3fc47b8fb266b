#!/usr/bin/env python3
"""What is written is run: every test is in the suite, every fuzz target is replayed over a corpus."""
import glob
import os
import re
import sys

os.chdir(os.environ.get('top_srcdir', '.'))
with open('Makefile.am') as f:
    words = set(f.read().split())
failed = 0


def ok(bad, number, name):
    global failed
    failed += bool(bad)
    print('%sok %d - %s' % ('not ' if bad else '', number, name))
    for b in bad:
        print('# ' + b)


def programs():
    """The C files that are tests of their own: they end with the plan."""
    for c in glob.glob('t/*/*.c'):
        with open(c) as f:
            if re.search(r'^main\(', f.read(), re.M) and c.split('/')[1] in ('base', 'proto', 'sys', 'store', 'client'):
                yield c


scripts = [t for d in ('arch', 'crash', 'doc', 'flow', 'prog') for t in glob.glob('t/%s/*.t' % d)]
targets = [c[7:-2] for c in glob.glob('t/fuzz/*.c') if c != 't/fuzz/replay.c']
ok([t for t in scripts if t not in words], 1, 'every script is in TESTFILES')
ok([t for t in scripts if not os.access(t, os.X_OK)], 2, 'and can be run')
ok([c for c in programs() if c[:-2] + '.t' not in words], 3, 'every test in C is in check_PROGRAMS')
ok([t for t in targets if 't/fuzz/%s.t' % t not in words], 4, 'every fuzz target is replayed')
ok([t for t in targets if not glob.glob('t/fuzz/corpus/%s/*' % t)], 5, 'and has a corpus')

with open('share/posthorn.sysusers') as f:
    users = re.findall(r'^u (\S+) - "([^":]*)"$', f.read(), re.M)     # a colon would end the field in /etc/passwd
with open('etc/services') as f:
    needed = {u for u in re.findall(r'\bph-[a-z]+', f.read())}
ok(needed ^ {u for u, _ in users}, 6, 'sysusers makes the users of etc/services')
print('1..6')
sys.exit(failed != 0)
