"""dkimpy, also when another Python than the system's runs the tests; None when it is not there.

    from dkimpy import dkim
"""
import sys

try:
    import dkim
except ImportError:
    sys.path.append('/usr/lib/python3/dist-packages')
    try:
        import dkim
    except ImportError:
        dkim = None
