/*
 * accountfile: posthorn.account, the text file in each account's directory:
 * the counter that UIDVALIDITY comes from, and the subscriptions, which may
 * name mailboxes that do not exist.
 *
 *	posthorn-account 1
 *	uidvalidity 862153349		the next one
 *	subscribed Archive/2026
 */
#ifndef STORE_ACCOUNTFILE_H
#define STORE_ACCOUNTFILE_H

#include "../base/buf.h"

struct accountfile {
	uint32_t	uidvalidity;
	struct buf	subscribed;	/* names, each with a line feed behind */
};

void	accountfile_init(struct accountfile *);
void	accountfile_free(struct accountfile *);

bool	accountfile_parse(struct str, struct accountfile *out_r);

/* ENOENT when there is none. A damaged one is read as far as it can be. */
int	accountfile_read(int dir, struct accountfile *out_r) __attribute__((warn_unused_result));
int	accountfile_write(int dir, const struct accountfile *) __attribute__((warn_unused_result));

bool	accountfile_has(const struct accountfile *, struct str name);

/* False when it was so already. */
bool	accountfile_subscribe(struct accountfile *, struct str name, bool on);

#endif
