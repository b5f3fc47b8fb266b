/* conf_source: which files the configuration consists of, and what they hold. */
#ifndef VERBS_CONF_SOURCE_H
#define VERBS_CONF_SOURCE_H

#include "conf_file.h"

/* A file of etc/domains or etc/accounts that is about to be replaced, made or (tmp NULL) removed. */
struct conf_change {
	const char	*kind;		/* "domains" or "accounts" */
	struct str	 name;		/* of the domain or account */
	const char	*tmp;		/* path of the new content, beside it */
};

struct conf_stamp {
	int64_t		mtime;		/* nanoseconds; 0: too fresh to be trusted */
	int64_t		size;
	uint64_t	inode;
};

struct conf_source {
	struct str		 name;
	struct conf_stamp	 stamp;
	bool			 changed;	/* since the stamp in the database */
};

struct conf_sources {
	const char		*kind;
	struct conf_source	*list;		/* sorted by name */
	size_t			 n, cap;
	uint64_t		 bytes;		/* of all */
};

/* ETC/KIND/NAME.conf; ETC/posthorn.conf for kind NULL. */
void	conf_source_path(struct buf *, const char *kind, struct str name);

/* All files of the kind, with the changes as if they had been made. Names are copied into the arena. */
int	conf_sources_list(struct conf_sources *, const char *kind, const struct conf_change *, size_t nchange,
	    struct arena *, struct conf_report *);
void	conf_sources_free(struct conf_sources *);

/* The stamp of the file itself: 0, or -1 with errno. */
int	conf_source_stamp(const char *path, struct conf_stamp *out_r);

/*
 * Read and parse one. Errors, a missing file among them, go to the report.
 * False when there is nothing to work with. Free it in any case.
 */
bool	conf_source_read(struct conf_file *, const char *kind, struct str name, const struct conf_change *, size_t nchange,
	    struct arena *, struct conf_report *);

#endif
