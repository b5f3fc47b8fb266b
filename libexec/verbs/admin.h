/*
 * admin: what the verbs that change the configuration have in common. Each
 * changes one file: begin, load or start it, edit, and save, which checks the
 * whole and puts file and config.tdb into place together, or changes nothing.
 * All functions end the program with a message when something is wrong.
 */
#ifndef VERBS_ADMIN_H
#define VERBS_ADMIN_H

#include "client/conf.h"
#include "conf_build.h"
#include "conf_edit.h"

struct admin {
	struct arena	 arena;
	struct conf	*conf;		/* as it is now; NULL when it was never built */
	const char	*kind;		/* of the file */
	struct str	 name;
	bool		 exists;
	struct conf_file file;		/* its text and what is in it */
};

/*
 * Enter the var directory; as root, become the owner of the configuration.
 * Readers get the database opened, writers wait for the lock.
 */
void	admin_enter(struct admin *);
void	admin_read(struct admin *);
void	admin_write(struct admin *);

/* The file of a domain or account, which must exist, or must not. Other names are refused. */
void	admin_load(struct admin *, const char *kind, struct str name);
void	admin_create(struct admin *, const char *kind, struct str name);

/* After a change of the text: take what an edit made. */
void	admin_edited(struct admin *, struct buf *text);

/* Publish the text, or remove the file; the struct is freed. */
void	admin_save(struct admin *);
void	admin_remove(struct admin *);

/* Free it, after reading. */
void	admin_end(struct admin *);

/* An address of the command line as conf.h wants it; its domain is in lower case. */
struct str	admin_address(struct admin *, const char *arg);

/* The section named after an address or localpart, however it is written there, or -1. */
int	admin_find_address(struct admin *, const char *section, struct str canonical);

/* Set an option at the top of the file, or take it away for value p NULL. */
void	admin_set(struct admin *, const char *name, struct str value);

/* The same as a whole: load the file of name, set, save; value NULL takes it away. EXIT_OK. */
int	admin_change(const char *kind, const char *name, const char *option, const char *value);

/* What config.tdb holds: an account, which must exist; the names of all, and how many. */
void	admin_account(struct admin *, struct str name, struct conf_account *out_r);
size_t	admin_accounts(struct admin *, struct str **names_r);
size_t	admin_domains(struct admin *, struct str **names_r);

/* Print text that came from files, controls escaped. */
void	admin_print(struct str);

#endif
