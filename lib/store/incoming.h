/*
 * incoming: a message on its way into a mailbox. Written to tmp/, then
 * published: alone or with others of the same account, all or none of them.
 *
 *	incoming_open(mb, &in);
 *	write_all(incoming_fd(in), text);	any number of writes, CRLF text
 *	incoming_set(in, date, flags);
 *	publish(account, &in, 1);		durable and visible
 *	… incoming_uid(in) …
 *	incoming_free(in);			removes what was not published
 */
#ifndef STORE_INCOMING_H
#define STORE_INCOMING_H

#include "entry.h"
#include "mailbox.h"

struct incoming;

/* mb must stay open until incoming_free(). */
int	incoming_open(struct mailbox *mb, struct incoming **out_r) __attribute__((warn_unused_result));
void	incoming_free(struct incoming *);	/* NULL is fine */

/* Where its bytes go; positioned at the end of what was written. */
int	incoming_fd(const struct incoming *);

/* Without this: the time now, no flags. Keywords are bits of that mailbox. */
void	incoming_set(struct incoming *, int64_t date, struct flags);

/*
 * Make n messages of one account durable (fsync, rename into new/, fsync of
 * each directory once) and then visible in one transaction, in this order.
 * EDQUOT when they do not fit together. On failure none is there, and it may
 * be called again, with fewer of them too; a crash may leave some, which are picked up.
 */
int	publish(struct account *, struct incoming *const *list, size_t n) __attribute__((warn_unused_result));

/*
 * After publish: the uid, and all that the index has of it. The uid is 0 when a
 * reader was so quick that the message has left this mailbox again.
 */
uint32_t		 incoming_uid(const struct incoming *);
const struct entry	*incoming_entry(const struct incoming *);

#endif
