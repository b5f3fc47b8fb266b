/*
 * imapgate: an IMAP session until login. The connection is on descriptors 0
 * and 1, listend's control socket on 3, facts in PEER_*. After a login the
 * connection goes through authd to imapd. Exits 0, or 100. See imapgate(8).
 */
#include <unistd.h>

#include "base/limits.h"
#include "gate.h"
#include "sys/die.h"
#include "sys/log.h"
#include "sys/sandbox.h"
#include "sys/stop.h"

enum { OUT_MAX = 8192 };


static void	greet(struct gate *);
static void	serve(struct gate *);

int
main(int argc, char *argv[])
{
	struct gate	g = { .peer = peer_from_env(), .arena = ARENA_INIT(65536) };

	prog_init(argv[0]);
	if (argc != 1)
		diex(EXIT_PERM, "usage: imapgate");
	stop_catch();
	log_always("conn", g.peer.id);
	stream_init(&g.io, STDIN_FILENO, STDOUT_FILENO, LIMIT_IMAP_LINE, OUT_MAX);
	g.io.stop = &stop_asked;
	imap_gather_init(&g.gather);
	authd_init(&g.auth);
	sandbox_enter(SANDBOX_SESSION);
	greet(&g);
	serve(&g);
	authd_close(&g.auth);
	imap_gather_free(&g.gather);
	arena_free(&g.arena);
	stream_free(&g.io);
	return EXIT_OK;
}

static void
greet(struct gate *g)
{
	if (g->peer.tls.n > 0 && g->peer.fingerprint.n > 0 && !login_by_key(g))
		return;
	say(g, "* OK [");
	put_capabilities(g);
	say(g, "] posthorn\r\n");
}

static void
serve(struct gate *g)
{
	while (!g->over) {
		if (read_command(g))
			command(g);
		arena_reset(&g->arena);
	}
	flush(g);
}
