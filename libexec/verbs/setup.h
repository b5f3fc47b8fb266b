/*
 * setup: what verbs that make a whole system have in common: files, other
 * verbs, the table of services. Each function ends the program with a message
 * when something goes wrong.
 */
#ifndef VERBS_SETUP_H
#define VERBS_SETUP_H

#include <sys/types.h>

#include "base/buf.h"

bool	setup_exists(const char *path);

/* Replace a file, mode 0644. */
void	setup_write(const char *path, struct buf *text);

/* fork(2); the child ends with its parent. */
pid_t	setup_child(void);

/*
 * Run a verb with input (small) on its standard input; what it prints goes to
 * standard error. Its failure is ours: we end with its exit code.
 */
void	setup_verb(char *const argv[], const char *input);

/* Append etc/services as it was when posthorn was built; without dns the service dnsd is left out. */
void	setup_services(struct buf *, bool dns);

/* Of that table the lines of one service. */
void	setup_service(struct buf *, const char *name);

#endif
