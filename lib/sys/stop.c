#include "stop.h"

#include <stddef.h>

volatile sig_atomic_t	stop_asked;

static void
on_term(int sig)
{
	(void)sig;
	stop_asked = 1;
}

void
stop_catch(void)
{
	struct sigaction	sa = { .sa_handler = on_term };

	/* these cannot fail: both are signals that may be caught */
	(void)sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
}
