/*
 * conf_file: one configuration file, parsed and checked by its table. The only
 * place that calls libconfuse.
 */
#ifndef VERBS_CONF_FILE_H
#define VERBS_CONF_FILE_H

#include "conf_table.h"

struct conf_file {
	struct str	 name;		/* for errors: the path */
	struct buf	 text;
	struct conf_scan scan;
	struct arena	 arena;		/* values that needed unescaping */
};

/* Bytes a configuration file may have: an account of some 100,000 addresses. */
enum { CONF_FILE_MAX = 16 << 20 };

/*
 * Parse f->text (name and text set by the caller, the rest zero) and check it
 * against the table; errors go to the report. What could be understood can be used even then.
 */
void	conf_file_parse(struct conf_file *, const struct conf_keydef *, struct conf_report *);
void	conf_file_free(struct conf_file *);

/* The value of an option in the section (or CONF_TOP), or p NULL. */
struct str	conf_file_get(const struct conf_file *, int parent, const char *name);

/* Its line, or that of the section when it is not there. */
unsigned	conf_file_line(const struct conf_file *, int parent, const char *name);

#endif
