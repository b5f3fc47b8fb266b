#include "notice.h"

#include <errno.h>

#include "base/limits.h"
#include "sys/log.h"

static bool
is_delay_told(const struct message *m, const struct rcpt *r)
{
	return r->delayed || m->null_path || (r->notify != 0 && (r->notify & SMTP_NOTIFY_DELAY) == 0);
}

/* What there is to be told; false: nothing. */
static bool
kind_of(const struct message *m, const struct rcpt *r, enum notice_kind *kind_r)
{
	if (r->state == SPOOL_FAILED)
		*kind_r = NOTICE_FAILED;
	else if (r->state == SPOOL_DELIVERED && r->success)
		*kind_r = NOTICE_SUCCESS;
	else if (r->state == SPOOL_WAITING && r->attempts >= SCHEDULE_DELAYED && !is_delay_told(m, r))
		*kind_r = NOTICE_DELAYED;
	else
		return false;
	return true;
}

bool
rcpt_to_tell(const struct message *m, const struct rcpt *r)
{
	enum notice_kind	kind;

	return kind_of(m, r, &kind);
}

static bool
wants_failure(const struct rcpt *r)
{
	return r->notify == 0 || (r->notify & SMTP_NOTIFY_FAILURE) != 0;
}

/* They were told, or need not be. In memory this is so even if the log cannot be written: told once is enough. */
static void
note_told(struct queue *q, struct message *m, enum notice_kind kind, const uint32_t *rcpt, size_t n)
{
	struct spool_entry	e = { .event = kind == NOTICE_DELAYED ? SPOOL_EV_DELAYED : SPOOL_EV_TOLD, .at = q->now, .rcpt = rcpt, .nrcpt = n };

	if (spool_note(&q->spool, m->id, &e, true) == -1)
		log_failure("not-noted", m->id, errno);
	for (size_t i = 0; i < n; i++) {
		struct rcpt	*r = &m->rcpt[rcpt[i]];

		if (kind == NOTICE_DELAYED)
			r->delayed = true;
		else if (kind == NOTICE_FAILED)
			r->state = SPOOL_TOLD;
		r->success = false;
	}
}

/* Mail without a reverse-path: of a notification each account has a second chance, and nothing else is told of. */
static void
end_null(struct queue *q, struct message *m, const uint32_t *rcpt, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m->rcpt[rcpt[i]].account && wants_failure(&m->rcpt[rcpt[i]]) && notice_pass_on(q, m, rcpt[i]) == -1)
			log_failure("not-notified", m->id, errno);
		else
			note_told(q, m, NOTICE_FAILED, &rcpt[i], 1);
}

static void
tell(struct queue *q, struct message *m, enum notice_kind kind)
{
	uint32_t		all[LIMIT_SMTP_RCPTS], wanted[LIMIT_SMTP_RCPTS];
	size_t			nall = 0, nwanted = 0;
	enum notice_kind	k;

	for (uint32_t i = 0; i < m->nrcpt && nall < LIMIT_SMTP_RCPTS; i++)
		if (kind_of(m, &m->rcpt[i], &k) && k == kind) {
			all[nall++] = i;
			if (kind != NOTICE_FAILED || wants_failure(&m->rcpt[i]))
				wanted[nwanted++] = i;
		}
	if (nall == 0)
		return;
	if (m->null_path) {
		end_null(q, m, all, nall);
		return;
	}
	if (nwanted > 0 && notice_put(q, m, kind, wanted, nwanted) == -1) {
		log_failure("not-notified", m->id, errno);
		return;
	}
	note_told(q, m, kind, all, nall);
}

void
notify_message(struct queue *q, struct message *m)
{
	tell(q, m, NOTICE_FAILED);
	tell(q, m, NOTICE_SUCCESS);
	tell(q, m, NOTICE_DELAYED);
}
