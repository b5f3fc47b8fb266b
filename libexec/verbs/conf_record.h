/* conf_record: what a parsed file becomes in config.tdb. For conf_build.c. */
#ifndef VERBS_CONF_RECORD_H
#define VERBS_CONF_RECORD_H

#include "conf_source.h"
#include "conf_write.h"

/* "a is a member of b", to be checked when all addresses are there. */
struct conf_ref {
	struct str	member;		/* canonical address */
	struct str	from;		/* alias@domain, or @domain for its catch-all */
	struct str	file;
	unsigned	line;
};

struct conf_info {			/* of a domain, for its addresses */
	struct str	name;
	struct str	separators;
	bool		case_sensitive;
	char		text[600];	/* what the two borrow */
};

struct conf_builder {
	struct conf_report	*report;
	struct conf_write	 w;
	const struct conf_change *change;
	size_t			 nchange;
	struct arena		 arena;		/* lives as long as the build */
	struct buf		 key, key2, rec, list, text;	/* scratch */
	struct conf_info	 info;		/* the domain looked up last */
	struct str		 separators;	/* the machine's */
	struct str		 postmaster;	/* its account */
	unsigned		 postmaster_line;
	struct conf_ref		*ref;
	size_t			 nref, cref;
	struct str		*gone;		/* addresses that an account had and may no longer have */
	size_t			 ngone, cgone;
};

void	conf_builder_init(struct conf_builder *, struct conf_report *, const struct conf_change *, size_t nchange);
void	conf_builder_free(struct conf_builder *);

/* Put a file's records in: the machine, then all domains, then their aliases, then all accounts. */
void	conf_put_machine(struct conf_builder *, const struct conf_file *);
void	conf_put_domain(struct conf_builder *, const struct conf_file *, struct str name);
void	conf_put_aliases(struct conf_builder *, const struct conf_file *, struct str name);
void	conf_put_account(struct conf_builder *, const struct conf_file *, struct str name);

/* What posthorn.conf says about outgoing mail: into b->rec, and into a record of its own. */
void	conf_add_outgoing(struct conf_builder *, const struct conf_file *);
void	conf_put_outgoing(struct conf_builder *, const struct conf_file *);

/* Take out all that the file as it was before had put in. */
void	conf_forget_domain(struct conf_builder *, struct str name);
void	conf_forget_account(struct conf_builder *, struct str name);

/* At the end: do all members exist, also those of aliases in files that did not change? */
void	conf_check_refs(struct conf_builder *);

/*
 * An address of a file in canonical form (conf_db.h) into out, reset first.
 * False with an error reported, or when the check of values reported one already.
 */
bool	conf_put_canonical(struct conf_builder *, struct str text, struct str file, unsigned line, struct buf *out);

/* Settings of a domain that its addresses depend on; false for a domain not ours. */
bool	conf_info(struct conf_builder *, struct str domain);

#endif
