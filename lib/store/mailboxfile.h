/*
 * mailboxfile: posthorn.mailbox, the text file in each maildir with what file
 * names cannot carry. Lines "word value"; unknown words are skipped.
 *
 *	posthorn-mailbox 1
 *	uidvalidity 862153342
 *	uidmax 1024		no uid above this was ever given
 *	special \Sent
 *	keyword a $junk
 */
#ifndef STORE_MAILBOXFILE_H
#define STORE_MAILBOXFILE_H

#include "../base/buf.h"
#include "../base/limits.h"
#include "mailbox.h"

struct keyword {
	char	name[LIMIT_KEYWORD + 1];	/* empty: the letter is free */
};

struct mailboxfile {
	uint32_t	uidvalidity;	/* 0: missing */
	uint32_t	uidmax;
	enum special	special;
	struct keyword	keywords[KEYWORD_MAX];
};

/* False when the first line is another's: then *out_r is as empty as can be. */
bool	mailboxfile_parse(struct str, struct mailboxfile *out_r);
void	mailboxfile_print(const struct mailboxfile *, struct buf *);

/*
 * Read it from a maildir. A missing or damaged one is no error: uidvalidity 0.
 * Write it so that it is durable; the maildir's entries are too, then.
 */
int	mailboxfile_read(int dir, struct mailboxfile *out_r) __attribute__((warn_unused_result));
int	mailboxfile_write(int dir, const struct mailboxfile *) __attribute__((warn_unused_result));

/* An IMAP atom of at most LIMIT_KEYWORD bytes, into lower case. */
bool	keyword_canon(struct str name, struct keyword *out_r) __attribute__((warn_unused_result));

#endif
