"""TAP for the tests in Python.

    tap = Tap()
    ok = tap.ok
    ok(what, 'what is seen', *more that is shown when it is not)
    tap.done()
"""
import os
import sys

BUILD = os.path.abspath(os.environ.get('top_builddir', '.'))
SOURCE = os.path.abspath(os.environ.get('top_srcdir', os.path.join(os.path.dirname(__file__), '../..')))


def sanitized():
    """Was this built with sanitizers? They need what the sandbox denies, and keep what was freed."""
    with open(os.path.join(BUILD, 'config.status')) as f:
        return 'POSTHORN_SANITIZE' in f.read()


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, *detail):
        self.count += 1
        print('%sok %d - %s' % ('' if good else 'not ', self.count, name), flush=True)
        if not good:
            self.failed += 1
            for d in detail:
                for line in (d if isinstance(d, str) else repr(d)).splitlines()[:40]:
                    print('# ' + line[:1000], flush=True)
        return bool(good)

    def eq(self, got, want, name):
        return self.ok(got == want, name, 'got  %r' % (got,), 'want %r' % (want,))

    def none(self, bad, name):
        """There is nothing to complain about; otherwise each complaint is shown."""
        return self.ok(not bad, name, *bad)

    def skip(self, name, why):
        self.count += 1
        print('ok %d - %s # SKIP %s' % (self.count, name, why), flush=True)

    def note(self, text):
        for line in str(text).splitlines():
            print('# ' + line, flush=True)

    def done(self):
        print('1..%d' % self.count, flush=True)
        sys.exit(self.failed != 0)


def skip_all(why):
    print('1..0 # SKIP ' + why)
    sys.exit(0)
