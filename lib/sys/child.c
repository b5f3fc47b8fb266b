#include "child.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <signal.h>
#include <unistd.h>

#include "die.h"

void
child_follow(pid_t parent)
{
#ifdef PR_SET_PDEATHSIG
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	/* it may have ended before we asked */
	if (getppid() != parent)
		_exit(EXIT_TEMP);
#else
	(void)parent;
#endif
}
