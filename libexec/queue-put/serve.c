/* Records in, answers out. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "put.h"
#include "base/attr.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/sandbox.h"

enum {
	ANSWER_MS	= 60000,
	SYSTEM_MS	= 10 * 60 * 1000,	/* a user's processes count as ours: they do not wait for ever */
};

const struct reply	reply_later = { 451, "4.3.0", "the message cannot be queued now" };
const struct reply	reply_no_room = { 452, "4.3.1", "no space left for mail" };

const struct reply *
reply_of(int err)
{
	return err == ENOSPC || err == EDQUOT || err == EFBIG ? &reply_no_room : &reply_later;
}

/* That a system cannot confine us is not for a program's user to read, each time. */
static void
confine(const struct queue_put *q, int var)
{
	int	saved = -1, null = -1;

	if (q->who.system) {
		saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (saved != -1 && null != -1)
			(void)dup2(null, STDERR_FILENO);
	}
	sandbox_enter_dirs(SANDBOX_ACCOUNT, q->spool.queue, var);
	if (saved != -1)
		(void)dup2(saved, STDERR_FILENO);
	(void)fd_close(&saved);
	(void)fd_close(&null);
}

int
queue_put_open(struct queue_put *q, int sock)
{
	struct sigaction	sa = { .sa_handler = SIG_IGN };
	int			var = dir_open(AT_FDCWD, ".");

	q->sock = sock;
	q->sent.system = q->who.system;
	arena_init(&q->arena, LIMIT_SMTP_TRANSACTION);
	(void)sigaction(SIGPIPE, &sa, NULL);
	/* a limit on files is a full disk, not an end */
	(void)sigaction(SIGXFSZ, &sa, NULL);
	q->conf = conf_open();
	if (var == -1 || q->conf == NULL || spool_open(&q->spool, true) == -1)
		return -1;
	(void)umask(077);
	confine(q, var);
	(void)fd_close(&var);
	return 0;
}

void
queue_put_close(struct queue_put *q)
{
	sent_close(&q->sent);
	spool_close(&q->spool);
	arena_free(&q->arena);
	conf_close(q->conf);
}

static int
answer(struct queue_put *q, struct buf *rec, const struct reply *r)
{
	attr_start(rec, "put", 1);
	attr_adds(rec, "result", r->code < 400 ? "ok" : r->code < 500 ? "temp" : "perm");
	attr_addu(rec, "code", (uint64_t)r->code);
	attr_adds(rec, "status", r->status);
	if (r->code < 400) {
		char	text[sizeof("queued as ") + SPOOL_ID] = "queued as ";

		memcpy(text + sizeof("queued as ") - 1, q->e.id, SPOOL_ID);
		attr_adds(rec, "text", text);
		attr_adds(rec, "id", q->e.id);
	} else
		attr_adds(rec, "text", r->text);
	return ipc_send(q->sock, buf_str(rec), NULL, deadline_in(ANSWER_MS));
}

static int
data(struct queue_put *q, struct buf *rec, struct ipc_fds *fds)
{
	int		fd = ipc_take(fds, 0), n;
	struct reply	r;

	r = finish(q, fd);
	(void)fd_close(&fd);
	n = answer(q, rec, &r);
	tx_reset(q);
	return n;
}

/* What is waited for may be ended at any time; what was begun is not. */
static int
next_record(const struct queue_put *q, struct buf *rec, struct ipc_fds *fds)
{
	struct deadline	dl = q->who.system ? deadline_in(SYSTEM_MS) : DEADLINE_NEVER;
	sigset_t	term;
	int		n;

	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_UNBLOCK, &term, NULL);
	do
		n = ipc_recv(q->sock, rec, fds, dl);
	while (n == -1 && errno == EINTR);
	(void)sigprocmask(SIG_BLOCK, &term, NULL);
	return n;
}

static int
one(struct queue_put *q, struct buf *rec, struct ipc_fds *fds)
{
	struct str	r = buf_str(rec), cmd = attr_get(r, "cmd");

	errno = EPROTO;
	if (!attr_is(r, "put", 1))
		return -1;
	if (str_eq(cmd, STR("mail")))
		tx_mail(q, r);
	else if (str_eq(cmd, STR("rcpt")))
		tx_rcpt(q, r);
	else if (str_eq(cmd, STR("reset")))
		tx_reset(q);
	else if (str_eq(cmd, STR("data")) && fds->n == 1)
		return data(q, rec, fds);
	else
		return -1;
	return 0;
}

int
serve(struct queue_put *q)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct ipc_fds	fds;
	int		n, err;

	tx_reset(q);
	do {
		fds.n = 0;
		n = next_record(q, &rec, &fds);
		if (n == 0)
			n = one(q, &rec, &fds);
		err = errno;
		ipc_close(&fds);
	} while (n == 0);
	buf_free(&rec);
	if (err == EPIPE || err == ECONNRESET)
		return EXIT_OK;
	log_failure("ended", "record", err);
	return err == EPROTO ? EXIT_PERM : EXIT_TEMP;
}
