"""The client's side of SCRAM (RFC 5802) bound to the TLS channel."""
import base64
import hashlib
import hmac


def scram_client(digest, user, password, kind, bind, state):
    """The client's answers, one call a challenge; at the end state has our server's proof as v, and what it should be as final."""
    gs2, bare = 'p=%s,,' % kind, 'n=%s,r=nonce' % user

    def step(challenge):
        if 'r' not in state:
            state['r'] = challenge
            if not challenge:
                return (gs2 + bare).encode()
        if 'final' in state:
            state['v'] = challenge.decode()
            return b''
        first = challenge.decode()
        f = dict(x.split('=', 1) for x in first.split(','))
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(f['s']), int(f['i']))
        key = hmac.new(salted, b'Client Key', digest).digest()
        final = 'c=%s,r=%s' % (base64.b64encode(gs2.encode() + bind).decode(), f['r'])
        auth = ','.join((bare, first, final)).encode()
        sign = hmac.new(hashlib.new(digest, key).digest(), auth, digest).digest()
        server = hmac.new(hmac.new(salted, b'Server Key', digest).digest(), auth, digest).digest()
        state['final'] = 'v=' + base64.b64encode(server).decode()
        return (final + ',p=' + base64.b64encode(bytes(a ^ b for a, b in zip(key, sign))).decode()).encode()
    return step
