/*
 * die: how a program ends, and the three exit codes every program uses.
 * Messages go to stderr as "program: text: strerror". Libraries never call these.
 */
#ifndef SYS_DIE_H
#define SYS_DIE_H

#include <stdnoreturn.h>

enum {
	EXIT_OK		= 0,
	EXIT_PERM	= 100,	/* wrong use, or refused for good */
	EXIT_TEMP	= 111,	/* may work later */
};

/* Call first in main: remembers the name for messages and logs. */
void		prog_init(const char *argv0);
const char	*prog_name(void);

/* With ": strerror(errno)" at the end, and the x forms without. */
noreturn void	die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
noreturn void	diex(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void		warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void		warnx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
