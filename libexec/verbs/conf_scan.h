/*
 * conf_scan: the shape of a configuration file: which options and sections
 * stand where. libconfuse gives the values; the scan finds what libconfuse lets
 * pass or stops at, gives each option its line, and each edit its place. Pure.
 *
 *	name = value		name = { value, value }		name [title] { … }
 *
 * Values are words or strings in double or single quotes. Comments are #, //
 * and between slash-star and star-slash. Variables, functions and += are refused.
 */
#ifndef VERBS_CONF_SCAN_H
#define VERBS_CONF_SCAN_H

#include "base/arena.h"
#include "conf_report.h"

enum { CONF_TOP = -1 };

struct conf_value {
	struct str	text;	/* between its quotes, escapes left in; what libconfuse made of it later */
	size_t		at, end;	/* with its quotes */
	unsigned	line;
};

struct conf_node {
	struct str	 name;
	int		 parent;	/* index of the section it is in, or CONF_TOP */
	bool		 section;
	bool		 list;		/* values in braces */
	bool		 titled;
	struct conf_value title;
	size_t		 value, nvalue;	/* in values */
	size_t		 at, end;	/* from the name to behind the last value or the brace */
	size_t		 body;		/* section or list: behind the opening brace */
	unsigned	 line;
};

struct conf_scan {
	struct str		 text;		/* borrowed */
	struct buf		 bare;		/* the text with comments made blank: libconfuse takes none inside a list */
	struct conf_node	*node;
	size_t			 nnode, cnode;
	struct conf_value	*value;
	size_t			 nvalue, cvalue;
};

/*
 * Scan text, called file in errors. Errors go to the report and do not end
 * it; what could be understood is in the scan. Free it also after errors.
 */
void	conf_scan(struct conf_scan *, struct str text, struct str file, struct conf_report *);
void	conf_scan_free(struct conf_scan *);

/* The node of that name in the section (or CONF_TOP), or -1; after is -1 for the first. */
int	conf_scan_find(const struct conf_scan *, int parent, const char *name, int after);

/* The section of that name with that title (text compared as it is), or -1. */
int	conf_scan_section(const struct conf_scan *, int parent, const char *name, struct str title);

#endif
