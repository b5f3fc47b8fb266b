#!/usr/bin/env python3
"""Layers point down only, lib/proto is pure, banned functions are not called.

Reads the includes of the sources and the undefined symbols (nm) of the objects,
so that a call which no include shows is seen too.
"""
import os, re, subprocess, sys

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from tap import BUILD, SOURCE, Tap

tap = Tap()

# Which layers each layer may include from.
BELOW = {
    'base': {'base'},
    'proto': {'base', 'proto'},
    'sys': {'base', 'sys'},
    'store': {'base', 'proto', 'sys', 'store'},
    'client': {'base', 'proto', 'sys', 'client'},
}

BANNED = set('''strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atof
    strtol strtoul localtime gmtime ctime asctime setjmp longjmp _setjmp alloca system popen
    __strcpy_chk __strcat_chk __strncpy_chk __sprintf_chk __isoc99_sscanf sscanf
    isalpha isdigit isspace toupper tolower __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc
    dlopen tmpnam mktemp'''.split())

# What a pure layer may take from libc: memory and nothing of the world.
IMPURE = set('''open open64 openat openat64 read write pread pread64 pwrite pwrite64 close socket
    connect accept bind listen send recv sendmsg recvmsg poll ppoll select fork vfork execve execv
    time gettimeofday clock_gettime getenv setenv fopen fopen64 fdopen printf fprintf puts putchar
    perror syslog stat stat64 fstat fstat64 lstat lstat64 mmap mmap64 unlink rename link mkdir
    getrandom random rand srandom srand arc4random usleep sleep nanosleep localtime_r strftime
    iconv_open'''.split())


def sources(top):
    for folder, dirs, files in os.walk(os.path.join(SOURCE, top)):
        for f in sorted(files):
            if f.endswith(('.c', '.h')):
                yield os.path.join(folder, f)


def includes(path):
    with open(path, encoding='utf-8') as f:
        for n, line in enumerate(f, 1):
            m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if m:
                yield n, m.group(1)


def layer_of(path, inc):
    """The layer that an include names, seen from the file it stands in."""
    full = os.path.normpath(os.path.join(os.path.dirname(path), inc))
    rel = os.path.relpath(full, os.path.join(SOURCE, 'lib'))
    if rel.startswith('..') or not os.path.exists(full):
        rel = inc
    return rel.split('/')[0]


def undefined(obj):
    out = subprocess.run(['nm', '-u', obj], capture_output=True, text=True).stdout
    return {line.split()[-1].split('@')[0] for line in out.splitlines() if line.strip()}


def objects(top):
    for folder, dirs, files in os.walk(os.path.join(BUILD, top)):
        for f in sorted(files):
            if f.endswith('.o'):
                yield os.path.join(folder, f)


for layer, allowed in BELOW.items():
    bad = []
    for path in sources('lib/' + layer):
        for n, inc in includes(path):
            if layer_of(path, inc) not in allowed:
                bad.append('%s:%d includes %s' % (os.path.relpath(path, SOURCE), n, inc))
    tap.none(bad, 'lib/%s includes nothing above it' % layer)

# x.c begins with x.h, or with the header of the module that x.c is a part of
bad = []
for path in sources('lib'):
    if path.endswith('.c'):
        first = next(includes(path), (0, ''))[1]
        own = os.path.basename(path)[:-2] + '.h'
        has_own = os.path.exists(os.path.join(os.path.dirname(path), own))
        if '/' in first or (has_own and first != own):
            bad.append(os.path.relpath(path, SOURCE) + ' begins with ' + first)
tap.none(bad, 'each library file includes its own header first')

bad = []
for layer in ('base', 'proto'):
    for obj in objects('lib/' + layer):
        for sym in sorted(undefined(obj) & IMPURE):
            bad.append('%s calls %s' % (os.path.relpath(obj, BUILD), sym))
tap.none(bad, 'lib/base and lib/proto reach no system call')

bad = []
for top in ('lib', 'libexec', 'bin'):
    for obj in objects(top):
        for sym in sorted(undefined(obj) & BANNED):
            bad.append('%s calls %s' % (os.path.relpath(obj, BUILD), sym))
tap.none(bad, 'no banned function is called')

# A program's libraries are its capabilities (design 1).
LINKS = {
    'libexec/smtpd': {'tdb'},
    'libexec/imapgate': set(),
    'libexec/imapd': {'tdb'},
    'libexec/spawnd': set(),
    'libexec/queue-remote': {'ssl', 'crypto'},
    'libexec/deliverd': {'tdb'},
    'libexec/queue-local': {'tdb'},
    'libexec/queue-send': {'tdb'},
    'libexec/queue-put': {'tdb', 'idn2', 'crypto'},
    'libexec/queue-drop': {'tdb', 'idn2', 'crypto'},
    'libexec/supervised': {'tdb'},
    'libexec/verifyd': set(),
    'libexec/verbs/dkim': {'crypto', 'idn2', 'psl'},
    'libexec/verbs/dmarc': {'crypto', 'idn2', 'psl'},
    'bin/sendmail': set(),
    'libexec/dnsd': {'tdb', 'unbound', 'idn2'},
}
for prog, allowed in sorted(LINKS.items()):
    path = os.path.join(BUILD, prog)
    if not os.path.isfile(path):
        path = os.path.join(BUILD, prog, os.path.basename(prog))
    if not os.path.isfile(path):
        tap.ok(False, '%s is built' % prog)
        continue
    out = subprocess.run(['readelf', '-d', path], capture_output=True, text=True).stdout
    libs = set(re.findall(r'NEEDED.*\[lib([a-z0-9_+-]+)\.so', out)) - {'c', 'asan', 'ubsan', 'm'}
    tap.none(sorted(libs - allowed), '%s links only %s' % (prog, ', '.join(sorted(allowed)) or 'libc'))

tap.done()
