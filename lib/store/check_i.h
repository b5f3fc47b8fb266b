/* check_i: what check.c and check_files.c share. For lib/store only. */
#ifndef STORE_CHECK_I_H
#define STORE_CHECK_I_H

#include "check.h"
#include "index.h"

struct scan;

struct check {
	struct account		*acc;
	check_tell		*tell;
	void			*arg;
	bool			 with_files;
	uint64_t		 problems;
	const char		*name;		/* of the mailbox being checked */
	struct account_rec	 a;
	uint64_t		 bytes, count;	/* of all mailboxes so far */
	struct mailbox_rec	 n;		/* counts of this one */
	struct scan		*files;		/* its cur/ and new/ */
	int			 cur;		/* its directory */
};

void	check_problem(struct check *, const char *where, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Records of the index among themselves; -1 with EBADMSG when one cannot be read. */
int	check_index(struct check *) __attribute__((warn_unused_result));
int	check_mailbox(struct check *, const struct mailbox_rec *) __attribute__((warn_unused_result));

/* The same with its files and its text file. */
int	check_maildir(struct check *, const struct mailbox_rec *) __attribute__((warn_unused_result));

/* The file of one entry. */
void	check_file(struct check *, const struct entry *);

/* Directories that the list of mailboxes does not have, and leftovers. */
int	check_tree(struct check *, const uint32_t *ids, size_t n) __attribute__((warn_unused_result));

#endif
