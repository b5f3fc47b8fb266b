/* conf_report: what is wrong with the configuration, all of it, one line an error. */
#ifndef VERBS_CONF_REPORT_H
#define VERBS_CONF_REPORT_H

#include "base/buf.h"

struct conf_report {
	struct buf	text;		/* "FILE:LINE: what\n" … */
	unsigned	n;
};

#define CONF_REPORT_INIT	{ .text = BUF_INIT(4 << 20) }

/* One error. A line of 0 is the file as a whole. Text of files is escaped by the caller. */
void	conf_error(struct conf_report *, struct str file, unsigned line, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));

/* Write everything to stderr, with how many there were. */
void	conf_report_print(struct conf_report *);
void	conf_report_free(struct conf_report *);

#endif
