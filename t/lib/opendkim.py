"""libopendkim, the library of opendkim, by ctypes: sign(), and verify(). None is what load() gives where it is not.

It is called by header and by body; a process of its own is wise, for it can be aborted by what it reads.
"""
import ctypes as c
import re

CANON = {'simple': 0, 'relaxed': 1}
ALG = {'rsa': 1, 'ed': 2}
LOOKUP = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_void_p, c.c_size_t)


def load():
    try:
        lib = c.CDLL('libopendkim.so.11')
    except OSError:
        return None
    for name in ('dkim_init', 'dkim_sign', 'dkim_verify'):
        getattr(lib, name).restype = c.c_void_p
    lib.dkim_sig_getdomain.restype = c.c_char_p
    return lib


def feed(lib, d, message, pad=False):
    """Header by header, then the body; what the last step says."""
    head, _, body = message.partition(b'\r\n\r\n')
    for field in re.split(rb'\r\n(?![ \t])', head):
        if lib.dkim_header(c.c_void_p(d), field, c.c_size_t(len(field))) != 0:
            raise ValueError(field)
    # one that no signature names: without it a list of all names and one more writes past an array
    if pad:
        lib.dkim_header(c.c_void_p(d), b'X-Pad-Pad: x', c.c_size_t(12))
    said = lib.dkim_eoh(c.c_void_p(d))
    if body and said == 0:
        lib.dkim_body(c.c_void_p(d), body, c.c_size_t(len(body)))
    return said or lib.dkim_eom(c.c_void_p(d), None)


def sign(lib, message, kind, key, domain, selector, canon):
    """The DKIM-Signature field."""
    stat = c.c_int()
    header, body = (CANON[x] for x in canon.split('/'))
    lib_d = lib.dkim_init(None, None)
    d = lib.dkim_sign(c.c_void_p(lib_d), b'x', None, key, selector.encode(), domain.encode(), c.c_int(header), c.c_int(body),
                      c.c_int(ALG[kind]), c.c_ssize_t(-1), c.byref(stat))
    said = feed(lib, d, message)
    text = c.POINTER(c.c_char)()
    n = c.c_size_t()
    if said or lib.dkim_getsighdr_d(c.c_void_p(d), c.c_size_t(16), c.byref(text), c.byref(n)):
        return None
    return b'DKIM-Signature: ' + re.sub(rb'\r?\n', b'\r\n', text[:n.value]) + b'\r\n'


def verify(lib, message, record):
    """True when its first signature passes; record(): the key's."""
    stat = c.c_int()

    @LOOKUP
    def lookup(d, sig, buf, size):
        text = record() + b'\0'
        c.memmove(buf, text, min(len(text), size))
        return 0
    lib_d = lib.dkim_init(None, None)
    lib.dkim_set_key_lookup(c.c_void_p(lib_d), lookup)
    d = lib.dkim_verify(c.c_void_p(lib_d), b'x', None, c.byref(stat))
    return feed(lib, d, message, pad=True) == 0
