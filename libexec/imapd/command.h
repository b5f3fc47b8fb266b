/*
 * command: the table of commands. Another command is another row here and a
 * function in the file of its group.
 */
#ifndef IMAPD_COMMAND_H
#define IMAPD_COMMAND_H

#include "session.h"

enum command_flags {
	CMD_UID		= 1,	/* also as "UID name" */
	CMD_UID_ONLY	= 2,	/* only so */
	CMD_NOEXPUNGE	= 4,	/* without UID, no EXPUNGE may be told while it runs */
	CMD_NOSYNC	= 8,	/* no news of the mailbox before its answer */
	CMD_BULK	= 16,	/* may write much: patience of LIMIT_IMAP_BULK_MS */
	CMD_STREAM	= 32,	/* its literals are offered to append_literal() first */
};

struct command {
	const char	*name;
	unsigned	 states;
	unsigned	 flags;
	void		(*run)(struct session *, struct imap_cur *);	/* the cursor is behind the name */
};

/* By name, in any case; uid: it came as "UID name". NULL when there is none. */
const struct command	*command_find(struct str name, bool uid);

/* any.c */
void	cmd_capability(struct session *, struct imap_cur *);
void	cmd_noop(struct session *, struct imap_cur *);
void	cmd_logout(struct session *, struct imap_cur *);
void	cmd_id(struct session *, struct imap_cur *);
void	cmd_enable(struct session *, struct imap_cur *);
void	cmd_namespace(struct session *, struct imap_cur *);
void	cmd_authenticated(struct session *, struct imap_cur *);	/* LOGIN and such, too late */

/* boxes.c */
void	cmd_create(struct session *, struct imap_cur *);
void	cmd_delete(struct session *, struct imap_cur *);
void	cmd_rename(struct session *, struct imap_cur *);
void	cmd_subscribe(struct session *, struct imap_cur *);
void	cmd_unsubscribe(struct session *, struct imap_cur *);

/* list.c */
void	cmd_list(struct session *, struct imap_cur *);
void	cmd_lsub(struct session *, struct imap_cur *);

/* status.c */
void	cmd_status(struct session *, struct imap_cur *);

/* select.c */
void	cmd_select(struct session *, struct imap_cur *);
void	cmd_examine(struct session *, struct imap_cur *);
void	cmd_close(struct session *, struct imap_cur *);
void	cmd_unselect(struct session *, struct imap_cur *);

/* append.c */
void	cmd_append(struct session *, struct imap_cur *);

/*
 * A literal was announced while the text of a CMD_STREAM command is gathered.
 * False: it is none for it, gather it as any. True: it was read (or refused)
 * and the whole command was answered.
 */
bool	append_literal(struct session *);

/* fetch.c, store.c, copy.c, search.c, idle.c */
void	cmd_fetch(struct session *, struct imap_cur *);
void	cmd_store(struct session *, struct imap_cur *);
void	cmd_copy(struct session *, struct imap_cur *);
void	cmd_move(struct session *, struct imap_cur *);
void	cmd_expunge(struct session *, struct imap_cur *);
void	cmd_search(struct session *, struct imap_cur *);
void	cmd_idle(struct session *, struct imap_cur *);

#endif
