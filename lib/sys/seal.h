/*
 * seal: facts about a peer that pass through programs which talk to it, and
 * which are believed behind them. listend, who saw the peer, puts a seal on
 * them (HMAC-SHA-256, hex); authd checks it. In between nobody has the key, so a
 * session that was taken over can pass on its own peer's facts and no others.
 *
 * The key is SEAL_KEY random bytes that the supervisor makes at its own start
 * and passes to services with seal=yes as the descriptor SEAL_NAME (LISTEN_FDS).
 */
#ifndef SYS_SEAL_H
#define SYS_SEAL_H

#include "peer.h"

#define SEAL_NAME	"seal"

enum { SEAL_KEY = 32 };

struct seal_key {
	unsigned char	b[SEAL_KEY];
	bool		there;
};

/*
 * The key from file, or without one from the descriptor that was passed.
 * 0, with there false when there is neither; -1 with errno, EINVAL when it is too short.
 */
int	seal_key_load(struct seal_key *, const char *file) __attribute__((warn_unused_result));

/*
 * Append the seal over what peer_add() tells of the peer, absent facts too;
 * p->seal itself is not looked at. False when it cannot be made.
 */
bool	seal_make(const struct seal_key *, const struct peer *p, struct buf *) __attribute__((warn_unused_result));

/* p->seal is the one for p's facts. Takes the same time wherever it differs. */
bool	seal_is_good(const struct seal_key *, const struct peer *p);

#endif
