/* stop: the flag that SIGTERM sets, for programs that end what they do and then themselves. */
#ifndef SYS_STOP_H
#define SYS_STOP_H

#include <signal.h>

/* Not 0: to be ended. */
extern volatile sig_atomic_t	stop_asked;

/*
 * From now on SIGTERM sets it, and what waits in a system call is interrupted
 * (EINTR). SIGPIPE is ignored: that a peer is gone is told by write().
 */
void	stop_catch(void);

#endif
