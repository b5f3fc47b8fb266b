#include "queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/code.h"
#include "base/num.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/ipc.h"

enum {
	PATIENCE_MS	= 30000,
	FIELD		= 4 * LIMIT_PATH + 1,	/* an address, each byte escaped */
	ANSWER		= 4 * LIMIT_SMTP_REPLY + 1,
	ARENA		= LIMIT_ENVELOPE_ARENA + 4 * LIMIT_SMTP_RCPTS * LIMIT_SMTP_REPLY,
};

/* --- one line */

/* One word, whatever it holds. */
static void
print_field(struct str s, int width)
{
	struct buf	b = BUF_INIT(FIELD);
	struct str	part;

	for (bool more = s.n > 0; more;) {
		more = str_cut(&s, ' ', &part);
		code_escape(&b, part);
		if (more)
			buf_adds(&b, "\\x20");
	}
	if (b.n == 0)
		buf_adds(&b, "<>");
	(void)printf(" %-*.*s", width, STR_ARG(buf_str(&b)));
	buf_free(&b);
}

/* The rest of the line: status, the reply as one line, and whose it is. */
static void
print_answer(const struct queue_line *l)
{
	struct buf	b = BUF_INIT(ANSWER);
	struct str	rest = l->text, part;

	if (rest.n == 0)
		buf_adds(&b, "-");
	for (bool more = rest.n > 0; more;) {
		more = str_cut(&rest, '\n', &part);
		code_escape(&b, part);
		if (more)
			buf_addc(&b, ' ');
	}
	if (l->host.n > 0) {
		buf_adds(&b, " (");
		code_escape(&b, l->host);
		buf_addc(&b, ')');
	}
	(void)printf(" " STR_FMT "\n", STR_ARG(buf_str(&b)));
	buf_free(&b);
}

static void
print_line(const struct queue_line *l, bool first)
{
	int64_t	now = clock_now();
	char	age[48];

	if (first)
		(void)printf("%-16s %6s %9s %-28s %-28s %-8s %3s %-20s %s\n", "ID", "AGE", "SIZE", "FROM", "TO", "STATE",
		    "TRY", "NEXT", "LAST ANSWER");
	num_span(now - l->queued, "", age, sizeof(age));
	/* what is none would go to the terminal as it is */
	(void)printf("%-16.*s %6s %9llu", STR_ARG(spool_is_id(l->id) ? l->id : STR("?")), age, (unsigned long long)l->size);
	print_field(l->from, 28);
	print_field(l->rcpt, 28);
	print_field(l->held ? STR("held") : l->state, 8);
	(void)printf(" %3llu ", (unsigned long long)l->attempts);
	if (l->held || !str_eq(l->state, STR("waiting")))
		(void)printf("%-20s", "-");
	else if (l->next <= now)
		(void)printf("%-20s", "now");
	else
		queue_print_time(l->next);
	print_answer(l);
}

/* --- as queue-send tells it */

static void
set_value(struct queue_line *l, struct str name, struct str value)
{
	static const struct { struct str name; size_t at; } texts[] = {
		{ STR_INIT("id"), offsetof(struct queue_line, id) }, { STR_INIT("from"), offsetof(struct queue_line, from) },
		{ STR_INIT("rcpt"), offsetof(struct queue_line, rcpt) }, { STR_INIT("state"), offsetof(struct queue_line, state) },
		{ STR_INIT("text"), offsetof(struct queue_line, text) }, { STR_INIT("host"), offsetof(struct queue_line, host) },
	};
	static const struct { struct str name; size_t at; } numbers[] = {
		{ STR_INIT("size"), offsetof(struct queue_line, size) }, { STR_INIT("queued"), offsetof(struct queue_line, queued) },
		{ STR_INIT("next"), offsetof(struct queue_line, next) }, { STR_INIT("attempts"), offsetof(struct queue_line, attempts) },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (str_eq(name, texts[i].name))
			memcpy((char *)l + texts[i].at, &value, sizeof(value));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t	n;

		if (str_eq(name, numbers[i].name) && num_u64(value, INT64_MAX, &n))
			memcpy((char *)l + numbers[i].at, &n, sizeof(n));
	}
	if (str_eq(name, STR("held")))
		l->held = str_eq(value, STR("1"));
}

/* The lines of one record: what is said of the message, then of each recipient. */
static void
print_record(struct str rec, bool *first)
{
	struct queue_line	l = { .size = 0 };
	struct str		name, value;
	size_t			at = 0;
	bool			more;

	do {
		more = attr_next(rec, &at, &name, &value);
		if (l.rcpt.n > 0 && (!more || str_eq(name, STR("rcpt")))) {
			print_line(&l, *first);
			*first = false;
			l = (struct queue_line){ .id = l.id, .from = l.from, .size = l.size, .queued = l.queued };
		}
		if (more)
			set_value(&l, name, value);
	} while (more);
}

/* False when there is nobody to ask; then nothing was printed. */
static bool
list_asked(const struct queue_filter *f, bool *any_r)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	bool		first = true;
	int		sock = queue_ask("list", f, &rec);

	if (sock == -1) {
		buf_free(&rec);
		return false;
	}
	if (buf_failed(&rec))
		diex(EXIT_PERM, "too many ids");
	if (ipc_send(sock, buf_str(&rec), NULL, deadline_in(PATIENCE_MS)) == -1)
		die(EXIT_TEMP, "unable to ask queue-send");
	for (;;) {
		if (ipc_recv(sock, &rec, NULL, deadline_in(PATIENCE_MS)) == -1)
			die(EXIT_TEMP, "queue-send does not answer");
		if (!attr_is(buf_str(&rec), "message", 1))
			break;
		print_record(buf_str(&rec), &first);
	}
	(void)queue_count(buf_str(&rec));
	*any_r = !first;
	buf_free(&rec);
	(void)fd_close(&sock);
	return true;
}

/* --- as the files tell it */

struct ids {
	char	(*id)[SPOOL_ID + 1];
	size_t	  n, cap;
};

static bool
collect(void *arg, const char *id)
{
	struct ids	*l = arg;

	if (l->n == l->cap) {
		size_t	 cap = l->cap == 0 ? 256 : 2 * l->cap;
		void	*p = reallocarray(l->id, cap, sizeof(*l->id));

		if (p == NULL)
			die(EXIT_TEMP, "unable to list the queue");
		l->id = p;
		l->cap = cap;
	}
	(void)snprintf(l->id[l->n++], sizeof(*l->id), "%s", id);
	return true;
}

static int
by_id(const void *a, const void *b)
{
	return memcmp(a, b, SPOOL_ID);
}

static bool
holds(struct str address, struct str part)
{
	return part.n == 0 || str_find(address, part) < address.n;
}

static bool
is_meant(const struct queue_filter *f, const struct envelope *e)
{
	bool	id = f->nid == 0;

	for (size_t i = 0; i < f->nid && !id; i++)
		id = str_eq(str_c(f->id[i]), str_c(e->id));
	return id && (f->account.n == 0 || str_eq(f->account, e->account)) && holds(e->from, f->from);
}

static struct str
state_word(enum spool_state s)
{
	return s == SPOOL_FAILED ? STR("failed") : s == SPOOL_TRYING ? STR("trying") : STR("waiting");
}

/* The lines of one message. */
static void
print_message(const struct queue_filter *f, const struct envelope *e, const struct spool_rcpt *r, bool *first)
{
	for (size_t i = 0; i < e->nrcpt; i++) {
		struct queue_line	l = {
			.id = str_c(e->id), .from = e->from, .rcpt = e->rcpt[i].address, .state = state_word(r[i].state),
			.text = r[i].result.text, .host = r[i].result.host,
			.size = e->size, .attempts = r[i].attempts, .queued = e->queued, .held = r[i].held,
			.next = r[i].next > e->not_before ? r[i].next : e->not_before,
		};

		if (spool_is_final(r[i].state) || (f->held && !r[i].held) || !holds(l.rcpt, f->to) ||
		    (f->domain.n > 0 && !str_ieq(e->rcpt[i].domain, f->domain)))
			continue;
		print_line(&l, *first);
		*first = false;
	}
}

static bool
list_one(struct spool *s, const char *id, const struct queue_filter *f, bool *first)
{
	struct arena		 a = ARENA_INIT(ARENA);
	struct envelope		 e;
	struct spool_rcpt	*r;
	int			 fd = -1;
	bool			 good = false;

	if (spool_read(s, id, &a, &e, &fd) == -1) {
		good = errno == ENOENT;		/* it went out meanwhile */
		if (!good)
			warn("unable to read message %s", id);
		goto out;
	}
	r = arena_array(&a, e.nrcpt, sizeof(*r));
	if (r == NULL || spool_replay(s, id, &a, r, e.nrcpt, NULL, NULL) == -1) {
		warn("unable to read what was done for message %s", id);
		goto out;
	}
	if (is_meant(f, &e))
		print_message(f, &e, r, first);
	good = true;
out:
	(void)fd_close(&fd);
	arena_free(&a);
	return good;
}

static bool
list_files(const struct queue_filter *f)
{
	struct spool	s = SPOOL_INIT;
	struct ids	l = { .n = 0 };
	bool		first = true, good = true;

	if (spool_open(&s, false) == -1 || spool_each(&s, collect, &l) == -1)
		die(EXIT_TEMP, "unable to read the queue");
	if (l.n > 0)
		qsort(l.id, l.n, sizeof(*l.id), by_id);
	for (size_t i = 0; i < l.n; i++)
		good = list_one(&s, l.id[i], f, &first) && good;
	free(l.id);
	spool_close(&s);
	if (!good)
		diex(EXIT_TEMP, "some messages could not be read");
	return !first;
}

bool
queue_list(const struct queue_filter *f)
{
	bool	any;

	if (list_asked(f, &any))
		return any;
	warnx("queue-send does not run; this is what its files say");
	return list_files(f);
}
