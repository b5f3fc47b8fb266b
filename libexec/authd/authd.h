/* authd: what a worker holds open for its dialogues. */
#ifndef AUTHD_AUTHD_H
#define AUTHD_AUTHD_H

#include "attempts.h"
#include "cache.h"
#include "client/conf.h"
#include "keys.h"
#include "limiter.h"
#include "secrets.h"
#include "sys/seal.h"

struct authd {
	struct tdb_context	*secrets, *keys, *attempts;
	struct conf		*conf;
	int			 limiter;	/* socket to it */
	struct cache		 cache;
	uint8_t			 fake[SECRETS_FAKE_KEY];
	struct seal_key		 seal;		/* whose facts about a peer are believed */
	const char		*imapd, *queue;	/* the doors that only we may open */
};

/* Serve the listening socket until *stop. Ends the process. */
void	worker_run(struct authd *, int sock);

#endif
