#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "queue-send.h"
#include "sys/fd.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "work.h"

enum {
	OPEN_MS		= 60 * 1000,		/* for spawnd, which may be at its ceiling */
	JOB_MS		= 31 * 60 * 1000,	/* a worker gives up by itself after 30 minutes */
	AGAIN_MS	= 1000,			/* before a door is tried again, doubled each time */
	AGAIN_MOST	= 5,			/* times */
};

/* What comes of a job whose worker does not say so. */
static const struct job_result	no_answer = {
	.got = JOB_TEMP, .status = STR_INIT("4.3.0"), .text = STR_INIT("the delivering process ended without an answer"),
};
static const struct job_result	too_late = {
	.got = JOB_TEMP, .status = STR_INIT("4.4.7"), .text = STR_INIT("delivery took too long"),
};
static const struct job_result	bad_answer = {
	.got = JOB_TEMP, .status = STR_INIT("4.3.0"), .text = STR_INIT("the delivering process gave an answer that cannot be"),
};

/* --- its end */

/* Out of what it is counted in; the struct stays until workers_bury(), somebody may be looking at it. */
void
worker_close(struct queue *q, struct worker *w)
{
	if (w->state == WORKER_IDLE) {
		link_remove(&w->idle);
		w->dest->idle--;
	}
	if (w->state == WORKER_OPENING)
		w->dest->opening--;
	w->state = WORKER_DEAD;
	(void)fd_close(&w->door);
	(void)fd_close(&w->sock);
	w->dest->workers--;
	w->dest->door->workers--;
	dest_touch(q, w->dest);
}

void
workers_bury(struct queue *q)
{
	struct worker	**at = &q->workers, *w;

	while ((w = *at) != NULL)
		if (w->state == WORKER_DEAD) {
			*at = w->next;
			q->nworker--;
			/* it may hold a password */
			if (w->rec.p != NULL)
				explicit_bzero(w->rec.p, w->rec.cap);
			buf_free(&w->rec);
			free(w);
		} else
			at = &w->next;
}

/* --- its beginning */

static void
door_failed(struct door *door, const char *why)
{
	struct log	l;

	if (door->failures == 0) {
		log_start(&l, "no-worker");
		log_cstr(&l, "door", door->path);
		log_cstr(&l, "error", why);
		log_end(&l);
	}
	door->again = clock_ms() + (AGAIN_MS << door->failures);
	if (door->failures < AGAIN_MOST)
		door->failures++;
}

/* Ask spawnd for a process with the other end of a pair. */
static int
ask(struct queue *q, struct worker *w)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct ipc_fds	fds = { .n = 2 };
	int		pair[2], n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	w->sock = pair[0];
	fds.fd[0] = pair[1];
	fds.fd[1] = q->null;
	attr_start(&rec, "conn", 1);
	attr_adds(&rec, "id", "queue");
	attr_adds(&rec, "service", "queue");
	n = buf_failed(&rec) ? -1 : ipc_send(w->door, buf_str(&rec), &fds, deadline_in(0));
	(void)fd_close(&pair[1]);
	buf_free(&rec);
	return n;
}

int
worker_open(struct queue *q, struct dest *d)
{
	struct worker	*w = calloc(1, sizeof(*w));

	if (w == NULL) {
		door_failed(d->door, strerror(ENOMEM));
		return -1;
	}
	*w = (struct worker){ .next = q->workers, .dest = d, .state = WORKER_OPENING, .sock = -1,
	    .door = ipc_connect(d->door->path, deadline_in(0)), .until = deadline_in(OPEN_MS), .conf = q->conf_changes, .rec = BUF_INIT(LIMIT_RECORD) };
	link_init(&w->idle);
	if (w->door == -1 || ask(q, w) == -1) {
		door_failed(d->door, strerror(errno));
		(void)fd_close(&w->door);
		(void)fd_close(&w->sock);
		free(w);
		return -1;
	}
	q->workers = w;
	q->nworker++;
	d->workers++;
	d->opening++;
	d->door->workers++;
	return 0;
}

static void
opened(struct queue *q, struct worker *w)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	const char	*why = NULL;

	if (ipc_recv(w->door, &rec, NULL, deadline_in(0)) == -1)
		why = strerror(errno);
	else if (!attr_is(buf_str(&rec), "spawned", 1) || !str_eq(attr_get(buf_str(&rec), "ok"), STR("1")))
		why = "spawnd could not start it";
	buf_free(&rec);
	if (why != NULL) {
		door_failed(w->dest->door, why);
		worker_close(q, w);
		return;
	}
	(void)fd_close(&w->door);
	w->dest->door->failures = 0;
	w->dest->opening--;
	w->state = WORKER_BUSY;
	worker_feed(q, w);
}

/* --- its work */

static void
become_idle(struct worker *w)
{
	w->state = WORKER_IDLE;
	w->until = DEADLINE_NEVER;
	w->row = 0;
	w->dest->idle++;
	link_add(&w->dest->door->idle, &w->idle);
}

void
worker_feed(struct queue *q, struct worker *w)
{
	if (w->state == WORKER_IDLE) {
		link_remove(&w->idle);
		w->dest->idle--;
		w->state = WORKER_BUSY;
	}
	while (!q->stopping && w->dest->nshared == 0 && batch_take(q, w->dest, &w->batch))
		switch (work_give(q, w)) {
		case WORK_GIVEN:
			w->until = deadline_in(JOB_MS);
			return;
		case WORK_NOT:
			break;
		case WORK_DEAD:
			/* it ended meanwhile and has not seen the job: another one gets it */
			if (w->jobs > 0)
				batch_return(q, &w->batch);
			else
				work_failed(q, w, &no_answer);
			worker_close(q, w);
			return;
		}
	/* nothing to do after all */
	if (q->stopping || w->jobs == 0 || dest_yields(q, w->dest, w->row)) {
		worker_close(q, w);
		return;
	}
	become_idle(w);
}

static bool
is_unreached(const struct job_done *d)
{
	for (size_t i = 0; i < d->nresult; i++)
		if (d->result[i].got != JOB_TEMP)
			return false;
	return d->unreached;
}

static void
take_answer(struct queue *q, struct worker *w, const struct job_done *d)
{
	struct dest	*dest = w->dest;
	bool		 unreached = is_unreached(d);

	w->jobs++;
	w->row++;
	work_done(q, w, d);
	if (unreached)
		dest_unreached(q, dest, &d->result[0]);
	else
		dest_went_well(q, dest);
	if (!d->more || unreached || w->conf != q->conf_changes || dest_yields(q, dest, w->row)) {
		worker_close(q, w);
		return;
	}
	dest_touch(q, dest);
	worker_feed(q, w);
}

static void
answered(struct queue *q, struct worker *w)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct arena	arena = ARENA_INIT(JOB_RCPTS * sizeof(struct job_result) + 4096);
	struct job_done	d;

	if (ipc_recv(w->sock, &rec, NULL, deadline_in(0)) == -1) {
		/* the kernel says so when it ended with our job unread: it had waited long enough */
		if (errno == ECONNRESET && w->jobs > 0)
			batch_return(q, &w->batch);
		else
			work_failed(q, w, &no_answer);
		worker_close(q, w);
	} else if (!job_done_decode(buf_str(&rec), &arena, &d) || d.nresult != w->batch.n) {
		work_failed(q, w, &bad_answer);
		worker_close(q, w);
	} else
		take_answer(q, w, &d);
	arena_free(&arena);
	buf_free(&rec);
}

/* --- in the loop */

void
workers_poll(struct queue *q, struct pollfd *pfd, size_t *n)
{
	for (struct worker *w = q->workers; w != NULL; w = w->next) {
		w->polled = *n;
		pfd[(*n)++] = (struct pollfd){ .fd = w->state == WORKER_OPENING ? w->door : w->sock, .events = POLLIN };
	}
}

static void
overdue(struct queue *q, struct worker *w)
{
	if (w->state == WORKER_OPENING)
		door_failed(w->dest->door, strerror(ETIMEDOUT));
	else
		work_failed(q, w, &too_late);
	worker_close(q, w);
}

/* New ones are put in front of the list: those behind the first were all polled. */
void
workers_ready(struct queue *q, const struct pollfd *pfd)
{
	for (struct worker *w = q->workers; w != NULL; w = w->next) {
		bool	ready = pfd[w->polled].revents != 0;

		if (w->state == WORKER_DEAD)
			continue;
		if (!ready && deadline_over(w->until))
			overdue(q, w);
		else if (!ready)
			continue;
		else if (w->state == WORKER_OPENING)
			opened(q, w);
		else if (w->state == WORKER_BUSY)
			answered(q, w);
		else
			worker_close(q, w);	/* it ended, or speaks without being asked */
	}
}

struct deadline
workers_deadline(const struct queue *q)
{
	struct deadline	d = DEADLINE_NEVER;

	for (const struct worker *w = q->workers; w != NULL; w = w->next)
		d = deadline_sooner(d, w->until);
	return d;
}

void
workers_renew(struct queue *q)
{
	q->conf_changes++;
	for (struct worker *w = q->workers; w != NULL; w = w->next)
		if (w->state == WORKER_IDLE)
			worker_close(q, w);
}

bool
workers_stop(struct queue *q, bool force)
{
	bool	none = true;

	for (struct worker *w = q->workers; w != NULL; w = w->next) {
		if (w->state == WORKER_BUSY && force)
			batch_abandon(q, &w->batch);
		if (w->state == WORKER_BUSY && !force)
			none = false;
		else if (w->state != WORKER_DEAD)
			worker_close(q, w);
	}
	return none;
}
