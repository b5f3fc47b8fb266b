/*
 * search: SEARCH as a tree of keys. A key is a row of the table in
 * search_key.c: how it is read and how it is tested. Tests know three answers,
 * so that a message's file is opened only when the index does not decide.
 */
#ifndef IMAPD_SEARCH_H
#define IMAPD_SEARCH_H

#include "message.h"
#include "proto/search.h"
#include "session.h"

enum verdict {
	NO_MATCH,
	MATCH,
	UNKNOWN,	/* not without the file */
};

struct search;
struct node;

struct key {
	const char	*name;
	void		(*read)(struct search *, struct imap_cur *, struct node *);	/* NULL: no arguments */
	enum verdict	(*test)(struct search *, const struct node *);
	uint32_t	 flag;		/* for test_flag: a FLAG_* */
	bool		 set;
	const char	*field;		/* for header keys */
};

struct node {
	const struct key	*key;
	struct node		*next;		/* of an AND */
	struct node		*a, *b;		/* children */
	struct str		 field;		/* header's name */
	struct search_key	 find;
	uint64_t		 number;
	int64_t			 day;
	struct uidset		*set;
	struct flags		 flags;
};

struct search {
	struct session	*s;
	struct node	*top;
	unsigned	 depth;		/* while reading */
	bool		 modseq;	/* MODSEQ was asked for: tell the highest */
	struct uidset	*sets[64];	/* to be freed */
	size_t		 nsets;

	/* the message at hand */
	struct entry	 e;
	struct message	 m;
	bool		 loaded;
};

/* One search-key. */
struct node	*search_read(struct search *, struct imap_cur *);

/* Keys up to the end, or up to ')': all must match. */
struct node	*search_read_all(struct search *, struct imap_cur *);

enum verdict	search_test(struct search *, const struct node *);

#endif
