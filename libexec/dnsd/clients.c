/*
 * The sockets of clients. A client that asks much is read more slowly; one
 * that does not take its answers, or says what is no question, is closed.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "dnsd.h"
#include "sys/fd.h"
#include "sys/ipc.h"
#include "sys/log.h"

enum { FULL_MS = 50, AT_ONCE = 64 };

struct reply {
	struct reply	*next;
	struct buf	 rec;
};

static int		 door = -1;
static struct client	*clients, *closed;
static size_t		 nclients;
static struct buf	 in = BUF_INIT(LIMIT_RECORD);

void
clients_open(int fd)
{
	door = fd;
}

/* --- closing */

static void
replies_free(struct client *c)
{
	while (c->out != NULL) {
		struct reply	*r = c->out;

		c->out = r->next;
		buf_free(&r->rec);
		free(r);
	}
}

/* Its memory stays until the end of the turn: an event for it may already be in our hands. */
static void
client_close(struct client *c)
{
	if (c->fd == -1)
		return;
	lookups_forget(c);
	replies_free(c);
	(void)fd_close(&c->fd);
	*(c->prev != NULL ? &c->prev->next : &clients) = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->next = closed;
	closed = c;
	nclients--;
}

void
clients_sweep(void)
{
	while (closed != NULL) {
		struct client	*c = closed;

		closed = c->next;
		free(c);
	}
}

void
clients_close(void)
{
	while (clients != NULL)
		client_close(clients);
	clients_sweep();
	buf_free(&in);
}

/* --- answers */

static void
watch_again(struct client *c)
{
	unsigned	events = c->out != NULL ? EPOLLOUT : 0;

	if (c->nasked < LIMIT_DNSD_PIPELINE && c->out == NULL)
		events |= EPOLLIN;
	if (c->fd == -1 || events == c->events)
		return;
	c->events = events;
	if (loop_change(c, c->fd, events) == -1)
		client_close(c);
}

static void
put_aside(struct client *c, struct buf *rec)
{
	struct reply	*r = calloc(1, sizeof(*r));

	if (r == NULL || rec->n > LIMIT_DNSD_WAITING - c->waiting) {
		log_failure("closed", "client that does not take its answers", r == NULL ? ENOMEM : ENOBUFS);
		free(r);
		client_close(c);
		return;
	}
	r->rec = *rec;
	*rec = (struct buf)BUF_INIT(LIMIT_RECORD);
	*c->out_end = r;
	c->out_end = &r->next;
	c->waiting += r->rec.n;
}

/* 1 sent, 0 it has to wait, -1 the client is gone. */
static int
send_now(struct client *c, const struct buf *rec)
{
	if (ipc_send(c->fd, buf_str(rec), NULL, deadline_in(0)) == 0)
		return 1;
	return errno == ETIMEDOUT || errno == EAGAIN || errno == EINTR ? 0 : -1;
}

void
client_answer(struct client *c, struct str id, struct str body)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	int		sent = 0;

	if (c->fd == -1)
		return;
	text_record(&rec, id, body);
	if (c->out == NULL)
		sent = send_now(c, &rec);
	if (sent == 0)
		put_aside(c, &rec);
	else if (sent == -1)
		client_close(c);
	buf_free(&rec);
	watch_again(c);
}

static void
send_more(struct client *c)
{
	while (c->fd != -1 && c->out != NULL) {
		struct reply	*r = c->out;
		int		 sent = send_now(c, &r->rec);

		if (sent == -1)
			client_close(c);
		if (sent != 1)
			return;
		c->out = r->next;
		if (c->out == NULL)
			c->out_end = &c->out;
		c->waiting -= r->rec.n;
		buf_free(&r->rec);
		free(r);
	}
}

/* --- questions */

static void
refuse(struct client *c, const char *what)
{
	struct log	l;

	log_start(&l, "not-understood");
	log_cstr(&l, "why", what);
	log_end(&l);
	client_close(c);
}

/* A few of what came, so that one client does not hold up the others. */
static void
read_questions(struct client *c)
{
	for (int i = 0; i < AT_ONCE && c->fd != -1 && c->nasked < LIMIT_DNSD_PIPELINE && c->out == NULL; i++) {
		struct question	q;
		const char	*wrong;

		if (ipc_recv(c->fd, &in, NULL, deadline_in(0)) == -1) {
			if (errno == EPROTO)
				refuse(c, "not a record");
			else if (errno != ETIMEDOUT && errno != EAGAIN && errno != EINTR)
				client_close(c);
			return;
		}
		wrong = text_question(buf_str(&in), &q);
		if (wrong != NULL) {
			refuse(c, wrong);
			return;
		}
		settings_look();
		lookups_ask(c, &q);
	}
}

void
client_ready(struct client *c, unsigned events)
{
	if (c->fd == -1)
		return;
	if ((events & EPOLLOUT) != 0)
		send_more(c);
	if ((events & EPOLLIN) != 0)
		read_questions(c);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		client_close(c);
	watch_again(c);
}

void
clients_enter(void)
{
	int		 fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client	*c;

	if (fd == -1) {
		int	err = errno;

		if (err != EAGAIN && err != EINTR && err != ECONNABORTED)
			log_failure("not-accepted", "client", err);
		/* out of descriptors: clients wait in the backlog, and we do not spin */
		if (err == EMFILE || err == ENFILE)
			(void)poll(NULL, 0, FULL_MS);
		return;
	}
	c = nclients < LIMIT_DNSD_CLIENTS ? calloc(1, sizeof(*c)) : NULL;
	if (c == NULL || loop_watch(c, fd, EPOLLIN) == -1) {
		log_failure("not-accepted", "client", c == NULL ? ENOBUFS : errno);
		free(c);
		(void)close(fd);
		return;
	}
	*c = (struct client){ .source = SOURCE_CLIENT, .fd = fd, .events = EPOLLIN, .next = clients };
	c->out_end = &c->out;
	if (clients != NULL)
		clients->prev = c;
	clients = c;
	nclients++;
}
