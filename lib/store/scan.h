/* scan: what lies in new/ and cur/, listed. For lib/store only. */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "internal.h"
#include "entry.h"
#include "file.h"

/* A message file of ours. */
struct found {
	struct entry	e;		/* as its name tells */
	char		*name;		/* when it is not as file_name() writes it */
	bool		in_new;
	bool		taken;		/* belongs to an entry of the index */
};

/* A file of another program. */
struct stranger {
	char	*name;
	bool	 in_new;
};

struct scan {
	struct found	*found;
	size_t		 n, cap;
	struct stranger	*strangers;
	size_t		 strangers_n, strangers_cap;
};

/* Add what is in the directory. */
int	scan_dir(struct scan *, int dir, bool in_new) __attribute__((warn_unused_result));
void	scan_free(struct scan *);

/* By uid, then exact names first; files without a uid (of new/ too) at the end by date and id. */
void	scan_sort(struct scan *);

/*
 * Bring the strangers of a scan into our form: in CRLF, under a name of ours,
 * in the directory where they are; the next scan finds them. Outside of any
 * transaction; takes the account's lock for a short while for some of them at a
 * time. Those that cannot be read stay as they are.
 */
int	strangers_adopt(struct mailbox *, const struct scan *) __attribute__((warn_unused_result));

#endif
