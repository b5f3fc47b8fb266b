/*
 * child: processes that must not outlive the one that made them. kill -9 of a
 * daemon would else leave workers that nobody stops, with sockets still bound.
 */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include <sys/types.h>

/*
 * Called in the child, after any change of user (which would clear it): when
 * parent ends, however it ends, this process gets SIGTERM. parent is what getpid() said
 * before the fork; if it is gone already the child exits at once with EXIT_TEMP. Only
 * system calls, so it is fit for vfork. Where the system has no such thing: nothing.
 */
void	child_follow(pid_t parent);

#endif
