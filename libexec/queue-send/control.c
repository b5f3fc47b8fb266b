#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/num.h"
#include "control.h"
#include "sys/fd.h"
#include "sys/ipc.h"
#include "sys/log.h"

enum {
	CLIENT_MS	= 60 * 1000,	/* for a client to ask, or to read on */
	TURN		= 20,		/* messages of a command in one turn of the loop */
};

struct client {
	int		 sock;		/* -1: free */
	struct deadline	 until;
	struct command	*command;	/* under way; NULL: none */
	struct buf	 out;		/* a record that is not taken yet */
	bool		 waits;		/* for the client to read */
	size_t		 polled;
};

struct control {
	int		listener;
	size_t		polled;
	struct client	client[CONTROL_CLIENTS];
};

void
control_open(struct queue *q, int listener)
{
	q->control = calloc(1, sizeof(*q->control));
	if (q->control == NULL)
		return;
	q->control->listener = listener;
	if (listener != -1 && fd_nonblock(listener, true) == -1)
		q->control->listener = -1;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		q->control->client[i] = (struct client){ .sock = -1, .out = BUF_INIT(LIMIT_RECORD) };
}

static void
leave(struct client *c)
{
	(void)fd_close(&c->sock);
	command_free(c->command);
	buf_free(&c->out);
	*c = (struct client){ .sock = -1, .out = BUF_INIT(LIMIT_RECORD) };
}

void
control_close(struct queue *q)
{
	for (size_t i = 0; q->control != NULL && i < CONTROL_CLIENTS; i++)
		leave(&q->control->client[i]);
	free(q->control);
	q->control = NULL;
}

/* --- a client's turn */

/* True when all that was to be said is said. */
static bool
flush(struct client *c)
{
	if (c->out.n == 0)
		return true;
	if (ipc_send(c->sock, buf_str(&c->out), NULL, deadline_in(0)) == 0) {
		buf_reset(&c->out);
		c->until = deadline_in(CLIENT_MS);
		c->waits = false;
		return true;
	}
	if (errno != ETIMEDOUT)
		leave(c);
	else
		c->waits = true;
	return false;
}

static void
go_on(struct queue *q, struct client *c)
{
	if (!flush(c))
		return;
	for (unsigned n = 0; c->command != NULL && n < TURN; n++) {
		if (!command_step(q, c->command, &c->out)) {
			command_free(c->command);
			c->command = NULL;
		}
		if (!flush(c))
			return;
	}
}

static void
ask(struct queue *q, struct client *c)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);

	if (ipc_recv(c->sock, &rec, NULL, deadline_in(0)) == -1 || c->command != NULL)
		leave(c);
	else {
		c->until = deadline_in(CLIENT_MS);
		c->command = command_start(q, buf_str(&rec), &c->out);
	}
	buf_free(&rec);
}

static void
enter(struct control *k)
{
	int	sock = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; sock != -1 && i < CONTROL_CLIENTS; i++)
		if (k->client[i].sock == -1) {
			k->client[i].sock = sock;
			k->client[i].until = deadline_in(CLIENT_MS);
			return;
		}
	(void)fd_close(&sock);
}

/* --- in the loop */

static bool
is_full(const struct control *k)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (k->client[i].sock == -1)
			return false;
	return true;
}

void
control_poll(struct queue *q, struct pollfd *pfd, size_t *n)
{
	struct control	*k = q->control;

	if (k == NULL)
		return;
	k->polled = *n;
	pfd[(*n)++] = (struct pollfd){ .fd = q->stopping || is_full(k) ? -1 : k->listener, .events = POLLIN };
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client	*c = &k->client[i];

		c->polled = *n;
		pfd[(*n)++] = (struct pollfd){ .fd = c->sock, .events = c->waits ? POLLOUT : POLLIN };
	}
}

void
control_ready(struct queue *q, const struct pollfd *pfd)
{
	struct control	*k = q->control;

	for (size_t i = 0; k != NULL && i < CONTROL_CLIENTS; i++) {
		struct client	*c = &k->client[i];

		if (c->sock == -1 || q->stopping)
			continue;
		if (pfd[c->polled].revents != 0 && !c->waits)
			ask(q, c);
		else if (deadline_over(c->until))
			leave(c);
		if (c->sock != -1 && (!c->waits || pfd[c->polled].revents != 0))
			go_on(q, c);
	}
	if (k != NULL && pfd[k->polled].revents != 0)
		enter(k);
}

bool
control_has_work(const struct queue *q)
{
	for (size_t i = 0; q->control != NULL && i < CONTROL_CLIENTS; i++)
		if (q->control->client[i].command != NULL && !q->control->client[i].waits)
			return true;
	return false;
}
