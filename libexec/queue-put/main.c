/*
 * queue-put: takes messages of one account, whose session authd has handed its
 * other end of descriptor 0 to, and makes them durable. Run by spawnd; PEER_ACCOUNT
 * and PEER_LOGIN say who it is, and nothing that comes over the socket does.
 * Exit codes 0, 100, 111; see queue-put(8).
 */
#include <unistd.h>

#include "put.h"
#include "sys/die.h"
#include "sys/home.h"
#include "sys/log.h"

static struct queue_put	q;

int
main(int argc, char *argv[])
{
	int	code;

	prog_init(argv[0]);
	if (argc != 1)
		diex(EXIT_PERM, "usage: queue-put");
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	q.peer = peer_from_env();
	q.who.account = q.peer.account;
	q.who.login = q.peer.login;
	if (q.who.account.n == 0)
		diex(EXIT_PERM, "no account: see queue-put(8)");
	log_always("conn", q.peer.id.n > 0 ? q.peer.id : STR("-"));
	if (queue_put_open(&q, STDIN_FILENO) == -1)
		die(EXIT_TEMP, "unable to open the queue");
	code = serve(&q);
	queue_put_close(&q);
	return code;
}
