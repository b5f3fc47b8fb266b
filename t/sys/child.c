/* child: a process that follows its parent is gone soon after it. */
#include "sys/child.h"

#include <sys/wait.h>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "sys/deadline.h"
#include "../tap.h"

/* A parent that is killed at once, and its child, which would wait for ever. */
static void
parent_main(int out)
{
	pid_t	me = getpid(), pid = fork();

	if (pid == 0) {
		child_follow(me);
		if (write(out, "x", 1) == 1)
			for (;;)
				(void)pause();
	}
	(void)pause();
	_exit(0);
}

int
main(void)
{
	int	fd[2];
	char	c;
	pid_t	pid;

	if (pipe(fd) == -1)
		return 1;
	pid = fork();
	if (pid == 0) {
		(void)close(fd[0]);
		parent_main(fd[1]);
	}
	(void)close(fd[1]);
	ok(read(fd[0], &c, 1) == 1, "the child runs");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	/* the end of the pipe comes when the last holder is gone */
	ok(deadline_wait(fd[0], POLLIN, deadline_in(20000)) == 1 && read(fd[0], &c, 1) == 0,
	    "it ended with its parent");
	return done_testing();
}
