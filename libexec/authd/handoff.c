#include "handoff.h"

#include <errno.h>

#include "base/attr.h"
#include "sys/fd.h"
#include "sys/log.h"

void
handoff_start(struct handoff *h, const char *door, struct ipc_fds *fds)
{
	h->door = door;
	h->fds = *fds;
	fds->n = 0;
	h->until = deadline_in(HANDOFF_MS);
}

void
handoff_free(struct handoff *h)
{
	(void)fd_close(&h->sock);
	ipc_close(&h->fds);
	buf_free(&h->rec);
}

static enum handoff_got
failed(const struct handoff *h, int err)
{
	log_failure("handoff-failed", h->door, err);
	return HANDOFF_FAILED;
}

/* What spawnd says. Its socket is readable, so this does not wait. */
static enum handoff_got
answer(struct handoff *h)
{
	struct buf		rec = BUF_INIT(LIMIT_RECORD);
	enum handoff_got	got = HANDOFF_FAILED;

	if (ipc_recv(h->sock, &rec, NULL, deadline_in(0)) == -1) {
		got = errno == ETIMEDOUT && !deadline_over(h->until) ? HANDOFF_AGAIN : failed(h, errno);
	} else if (attr_is(buf_str(&rec), "spawned", 1) && attr_getu(buf_str(&rec), "ok", 0) == 1) {
		got = HANDOFF_DONE;
	} else {
		struct log	l;

		log_start(&l, "handoff-refused");
		log_str(&l, "error", attr_get(buf_str(&rec), "error"));
		log_end(&l);
	}
	buf_free(&rec);
	return got;
}

enum handoff_got
handoff_step(struct handoff *h)
{
	if (h->sent)
		return answer(h);
	h->sock = ipc_connect(h->door, deadline_in(0));
	if (h->sock == -1)
		return errno == EAGAIN && !deadline_over(h->until) ? HANDOFF_AGAIN : failed(h, errno);
	if (ipc_send(h->sock, buf_str(&h->rec), &h->fds, deadline_in(0)) == -1)
		return failed(h, errno);
	h->sent = true;
	return HANDOFF_AGAIN;
}
