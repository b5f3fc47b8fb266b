/* deliverd: what its files share. See deliverd(8). */
#ifndef DELIVERD_H
#define DELIVERD_H

#include <signal.h>

#include "base/attr.h"
#include "base/limits.h"
#include "client/conf.h"
#include "store/incoming.h"

/* Set by SIGTERM. */
extern volatile sig_atomic_t	deliverd_stop;

/* Serve the socket until told to stop. */
int	worker_run(int door, const sigset_t *waiting);

/* accounts.c: accounts that are kept open, the least used goes first. */

struct accounts;

struct accounts	*accounts_new(void);
void		 accounts_free(struct accounts *);

/*
 * The mailbox, of an account that the configuration knows; a missing
 * directory and a missing mailbox are made. Stays good until the next
 * accounts_trim(). -1 with errno; ESRCH when there is no such account.
 */
int	accounts_mailbox(struct accounts *, struct str account, struct str mailbox, struct mailbox **out_r) __attribute__((warn_unused_result));

/* Close what is too much. Between batches. */
void	accounts_trim(struct accounts *);

/* Forget an account's handles, after an error that they may be the cause of. At the next trim. */
void	accounts_doubt(struct accounts *, const struct account *);

/* deliver.c: the messages of one round. */

enum { JOBS = 16 };

struct job {
	int		 sock;		/* who asked */
	int		 message;
	struct buf	 rec;		/* the question; then the answer */
	struct mailbox	*mb;
	struct incoming	*in;
	int		 err;		/* an errno, or 0 */
	bool		 answered;
	bool		 no_name;	/* the mailbox asked for cannot be one: INBOX is */
};

/* Deliver all; afterwards rec of each is its answer. Messages for one account are published together. */
void	deliver_jobs(struct accounts *, struct job *, size_t n);

#endif
