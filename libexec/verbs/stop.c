/*
 * posthorn stop: ask the supervisor to end, and wait until it has.
 * See posthorn-stop(8).
 */
#include <errno.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/home.h"
#include "sys/ipc.h"

enum { PATIENCE_MS = 45000 };

int
main(int argc, char *argv[])
{
	struct deadline	by = deadline_in(PATIENCE_MS);
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	int		sock;

	prog_init("posthorn stop");
	(void)argv;
	if (argc != 1)
		diex(EXIT_PERM, "usage: posthorn stop");
	sock = ipc_connect(HOME_RUN "/supervised", by);
	if (sock == -1 && (errno == ENOENT || errno == ECONNREFUSED))
		diex(EXIT_PERM, "nothing is running here");
	if (sock == -1)
		die(EXIT_TEMP, "unable to ask the supervisor");
	attr_start(&rec, "ctl", 1);
	attr_adds(&rec, "cmd", "stop");
	if (ipc_send(sock, buf_str(&rec), NULL, by) == -1 || ipc_recv(sock, &rec, NULL, by) == -1)
		die(EXIT_TEMP, "unable to ask the supervisor");
	/* it holds the connection until its end */
	while (ipc_recv(sock, &rec, NULL, by) == 0)
		;
	if (errno != EPIPE && errno != ECONNRESET)
		die(EXIT_TEMP, "it has not stopped");
	return EXIT_OK;
}
