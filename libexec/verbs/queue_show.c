#include "queue.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"

enum {
	ARENA	= LIMIT_ENVELOPE_ARENA + 4 * LIMIT_SMTP_RCPTS * LIMIT_SMTP_REPLY,
	CHUNK	= 65536,
};

static void
print_pair(const char *name, struct str value)
{
	if (value.n == 0)
		return;
	(void)printf("%-12s ", name);
	queue_print(value);
	(void)printf("\n");
}

static void
print_when(const char *name, int64_t at)
{
	(void)printf("%-12s ", name);
	queue_print_time(at);
	(void)printf("\n");
}

/* What the message asks of those who carry it. */
static void
print_wishes(const struct envelope *e)
{
	static const char *const	body[] = {
		[SMTP_BODY_7BIT] = "7bit", [SMTP_BODY_8BITMIME] = "8bitmime", [SMTP_BODY_BINARYMIME] = "binarymime",
	};
	static const char *const	tls[] = {
		[ENVELOPE_TLS_ANY] = "", [ENVELOPE_TLS_REQUIRED] = " tls-required", [ENVELOPE_TLS_NO] = " tls-no",
	};

	(void)printf("%-12s %s%s%s%s\n", "body", body[e->body], e->smtputf8 ? " smtputf8" : "", tls[e->tls],
	    e->ret == SMTP_RET_FULL ? " ret=full" : e->ret == SMTP_RET_HDRS ? " ret=hdrs" : "");
	print_pair("envid", e->envid);
	print_pair("future", e->future);
	if (e->not_before > 0)
		print_when("not before", e->not_before);
}

static void
print_notify(unsigned notify)
{
	static const struct { unsigned bit; const char *name; } bits[] = {
		{ SMTP_NOTIFY_NEVER, "never" }, { SMTP_NOTIFY_SUCCESS, "success" },
		{ SMTP_NOTIFY_FAILURE, "failure" }, { SMTP_NOTIFY_DELAY, "delay" },
	};
	const char	*sep = "";

	if (notify == 0)
		return;
	(void)printf(", notify=");
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if ((notify & bits[i].bit) != 0) {
			(void)printf("%s%s", sep, bits[i].name);
			sep = ",";
		}
}

static void
print_rcpt(const struct envelope *e, const struct envelope_rcpt *to, const struct spool_rcpt *r)
{
	static const char *const	words[] = {
		[SPOOL_WAITING] = "waiting", [SPOOL_TRYING] = "trying", [SPOOL_DELIVERED] = "delivered",
		[SPOOL_FAILED] = "failed", [SPOOL_TOLD] = "failed, and the sender was told", [SPOOL_DROPPED] = "dropped",
	};
	int64_t	next = r->next > e->not_before ? r->next : e->not_before;

	(void)printf("%-12s ", "to");
	queue_print(to->address);
	(void)printf(": %s%s", words[r->state], r->held ? ", held" : "");
	if (r->attempts > 0)
		(void)printf(", %u %s", r->attempts, r->attempts == 1 ? "attempt" : "attempts");
	if (r->state == SPOOL_WAITING && !r->held) {
		(void)printf(", next ");
		if (next <= clock_now())
			(void)printf("now");
		else
			queue_print_time(next);
	}
	if (r->delayed)
		(void)printf(", the sender was told of the delay");
	print_notify(to->notify);
	if (to->orcpt.n > 0) {
		(void)printf(", orcpt=");
		queue_print(to->orcpt);
	}
	if (to->account.n > 0) {
		(void)printf(", into mailbox ");
		queue_print(to->mailbox);
		(void)printf(" of account ");
		queue_print(to->account);
	}
	(void)printf("\n");
}

/* --- the history */

struct history {
	const struct envelope	*e;
	bool			 any;
};

static const char *
event_text(enum spool_event event)
{
	static const char *const	text[] = {
		[SPOOL_EV_TRY] = "attempt", [SPOOL_EV_OK] = "delivered", [SPOOL_EV_DEFER] = "deferred",
		[SPOOL_EV_FAIL] = "failed", [SPOOL_EV_TOLD] = "the sender was told of the failure",
		[SPOOL_EV_DELAYED] = "the sender was told of the delay", [SPOOL_EV_HOLD] = "held",
		[SPOOL_EV_RELEASE] = "released", [SPOOL_EV_RETRY] = "due again by command", [SPOOL_EV_DROP] = "dropped",
	};

	return text[event];
}

static void
print_result(const struct spool_result *r)
{
	struct str	rest = r->text, line;

	if (r->host.n > 0 || r->ip.n > 0) {
		(void)printf("    by%s", r->host.n > 0 ? " " : "");
		queue_print(r->host);
		if (r->ip.n > 0) {
			(void)printf(" [");
			queue_print(r->ip);
			(void)printf("]");
		}
		(void)printf("%s", r->tls.n > 0 ? ", " : "");
		queue_print(r->tls);
		(void)printf("%s\n", r->local ? ", here" : r->dsn ? ", which tells the sender what becomes of it" : "");
	}
	if (r->text.n == 0)
		return;
	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		(void)printf("    ");
		/* our own reasons have no code in them */
		if (line.p == r->text.p && !(line.n >= 3 && byte_is_digit(line.p[0]) && byte_is_digit(line.p[2]))) {
			if (r->code != 0)
				(void)printf("%u ", r->code);
			queue_print(r->status);
			(void)printf("%s", r->status.n > 0 ? " " : "");
		}
		queue_print(line);
		(void)printf("\n");
	}
}

static void
print_event(void *arg, const struct spool_entry *ev)
{
	struct history	*h = arg;
	const char	*sep = " ";

	if (!h->any)
		(void)printf("\n");
	h->any = true;
	queue_print_time(ev->at);
	(void)printf(" %s", event_text(ev->event));
	if (ev->event == SPOOL_EV_TRY)
		(void)printf(" %u", ev->attempt);
	if (ev->event == SPOOL_EV_DEFER || (ev->event == SPOOL_EV_RETRY && ev->next > ev->at)) {
		(void)printf(" until ");
		queue_print_time(ev->next);
	}
	(void)printf(":");
	for (size_t i = 0; i < ev->nrcpt; i++)
		if (ev->rcpt[i] < h->e->nrcpt) {
			(void)printf("%s", sep);
			queue_print(h->e->rcpt[ev->rcpt[i]].address);
			sep = ", ";
		}
	(void)printf("\n");
	print_result(&ev->result);
}

/* --- one message */

static void
open_message(struct spool *s, const char *id, struct arena *a, struct envelope *e, int *fd_r)
{
	if (spool_read(s, id, a, e, fd_r) == -1)
		die(errno == EPROTO ? EXIT_PERM : EXIT_TEMP, "unable to read message %s", id);
}

void
queue_show(struct spool *s, const char *id)
{
	struct arena		 a = ARENA_INIT(ARENA);
	struct envelope		 e;
	struct history		 h = { .e = &e };
	struct spool_rcpt	*r;
	int			 fd;

	open_message(s, id, &a, &e, &fd);
	r = arena_array(&a, e.nrcpt, sizeof(*r));
	/* its state first, then what led to it */
	if (r == NULL || spool_replay(s, id, &a, r, e.nrcpt, NULL, NULL) == -1)
		die(EXIT_TEMP, "unable to read what was done for message %s", id);
	print_pair("id", str_c(e.id));
	print_when("queued", e.queued);
	print_pair("from", e.from.n > 0 ? e.from : STR("<>"));
	print_pair("account", e.account);
	print_pair("login", e.login);
	print_pair("message-id", e.message_id);
	(void)printf("%-12s %llu\n", "size", (unsigned long long)e.size);
	print_wishes(&e);
	for (size_t i = 0; i < e.nrcpt; i++)
		print_rcpt(&e, &e.rcpt[i], &r[i]);
	if (spool_replay(s, id, &a, r, e.nrcpt, print_event, &h) == -1)
		die(EXIT_TEMP, "unable to read what was done for message %s", id);
	(void)fd_close(&fd);
	arena_free(&a);
}

void
queue_message(struct spool *s, const char *id)
{
	struct arena	a = ARENA_INIT(ARENA);
	struct envelope	e;
	char		part[CHUNK];
	ssize_t		n;
	int		fd;

	open_message(s, id, &a, &e, &fd);
	for (uint64_t at = 0; at < e.size; at += (uint64_t)n) {
		n = pread(fd, part, sizeof(part), (off_t)(e.content + at));
		if (n <= 0)
			die(EXIT_TEMP, "unable to read message %s", id);
		if (fwrite(part, 1, (size_t)n, stdout) != (size_t)n)
			die(EXIT_TEMP, "unable to write");
	}
	(void)fd_close(&fd);
	arena_free(&a);
}
