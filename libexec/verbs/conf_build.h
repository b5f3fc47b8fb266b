/*
 * conf_build: from the files below etc to config.tdb, checking everything on
 * the way. Works in the var directory; two at once take turns by conf_lock().
 */
#ifndef VERBS_CONF_BUILD_H
#define VERBS_CONF_BUILD_H

#include "conf_source.h"

enum conf_mode {
	CONF_CHECK,		/* parse everything, write nothing */
	CONF_BUILD,		/* only what changed, when that is possible */
	CONF_BUILD_FULL,
};

/* The lock of everybody who changes the configuration; released by closing or exiting. -1 with errno. */
int	conf_lock(void) __attribute__((warn_unused_result));

/*
 * Build, with the changes made to the files at the last moment. 0 when done.
 * -1 with errors in the report: then config.tdb and all files are as before.
 */
int	conf_build(enum conf_mode, const struct conf_change *, size_t nchange, struct conf_report *) __attribute__((warn_unused_result));

#endif
