/*
 * watch: be told when an account may have changed, to wait with poll(2).
 * inotify where there is one; else a look each second.
 */
#ifndef STORE_WATCH_H
#define STORE_WATCH_H

#include "mailbox.h"

struct watch;

/* mb may be NULL; with it, files that other programs put there are seen too. */
int	watch_open(struct account *, struct mailbox *mb, struct watch **out_r) __attribute__((warn_unused_result));
void	watch_close(struct watch *);

/* To poll for POLLIN; -1 when there is none. */
int	watch_fd(const struct watch *);

/* The longest to wait in milliseconds before calling watch_changed(): -1 with a descriptor. */
int	watch_timeout(const struct watch *);

/* True when something may have changed since the last call: then view_sync(). */
bool	watch_changed(struct watch *);

#endif
