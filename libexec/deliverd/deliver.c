#include "deliverd.h"

#include <sys/stat.h>

#include <errno.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/fd.h"
#include "sys/log.h"

enum { CHUNK = 65536 };

static struct str
get(const struct job *j, const char *name)
{
	return attr_text(buf_str(&j->rec), name);
}

static struct str
wanted_mailbox(const struct job *j)
{
	struct str	s = get(j, "mailbox");

	return s.n == 0 || j->no_name ? STR("INBOX") : s;
}

/* A number of the question, 0 without; -1 for what is none. */
static off_t
get_number(const struct job *j, const char *name)
{
	uint64_t	v = 0;

	return get(j, name).n == 0 || num_u64(get(j, name), INT64_MAX, &v) ? (off_t)v : -1;
}

/*
 * What there is to read. What smtpd hands over is a file; anything else
 * could last for ever, or keep us waiting. -1 with errno.
 */
static int
message_range(const struct job *j, struct str prefix, off_t *from_r, off_t *end_r)
{
	off_t		from = get_number(j, "offset"), size = get_number(j, "size");
	struct stat	st;

	if (fstat(j->message, &st) == -1)
		return -1;
	if (!S_ISREG(st.st_mode) || from < 0 || size < 0 || from > st.st_size || size > st.st_size - from) {
		errno = EPROTO;
		return -1;
	}
	if (size == 0)
		size = st.st_size - from;
	if (size > (off_t)(UINT32_MAX - prefix.n)) {
		errno = EFBIG;
		return -1;
	}
	*from_r = from;
	*end_r = from + size;
	return 0;
}

/* Prefix and message; a message of usual size is one write. */
static int
write_message(struct job *j)
{
	static char	chunk[CHUNK];
	struct str	prefix = get(j, "prefix");
	size_t		have = 0, room;
	off_t		at, end;
	ssize_t		n;

	if (message_range(j, prefix, &at, &end) == -1)
		return -1;
	if (prefix.n < sizeof(chunk) / 2) {
		memcpy(chunk, prefix.p, prefix.n);
		have = prefix.n;
	} else if (write_all(incoming_fd(j->in), prefix) == -1)
		return -1;
	for (;;) {
		room = sizeof(chunk) - have;
		/* no more than it was at first, should it grow */
		if (end - at < (off_t)room)
			room = (size_t)(end - at);
		n = pread(j->message, chunk + have, room, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		have += (size_t)n;
		at += n;
		if (n == 0 || have == sizeof(chunk)) {
			if (write_all(incoming_fd(j->in), str_n(chunk, have)) == -1)
				return -1;
			have = 0;
		}
		if (n == 0 && at < end) {
			errno = EIO;	/* it became shorter */
			return -1;
		}
		if (n == 0)
			return 0;
	}
}

static int
stage(struct accounts *a, struct job *j)
{
	int	n = accounts_mailbox(a, get(j, "account"), wanted_mailbox(j), &j->mb);

	/* a name that cannot be a mailbox must not keep the mail out */
	if (n == -1 && (errno == EINVAL || errno == ENAMETOOLONG)) {
		j->no_name = true;
		n = accounts_mailbox(a, get(j, "account"), wanted_mailbox(j), &j->mb);
	}
	if (n == -1 || incoming_open(j->mb, &j->in) == -1)
		return -1;
	return write_message(j);
}

/* All of one account together; when that fails, each for itself. */
static void
publish_account(struct accounts *a, struct job *jobs, size_t n, size_t first)
{
	struct account	*acc = mailbox_account(jobs[first].mb);
	struct incoming	*list[JOBS];
	struct job	*job[JOBS];
	size_t		 count = 0;

	for (size_t i = first; i < n; i++)
		if (jobs[i].in != NULL && jobs[i].err == 0 && !jobs[i].answered &&
		    mailbox_account(jobs[i].mb) == acc) {
			list[count] = jobs[i].in;
			job[count++] = &jobs[i];
			jobs[i].answered = true;
		}
	if (publish(acc, list, count) == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (count == 1 || publish(acc, &list[i], 1) == -1)
			job[i]->err = errno;
		if (job[i]->err == ESTALE || job[i]->err == EBADMSG || job[i]->err == ENOENT)
			accounts_doubt(a, acc);
	}
}

static const struct answer {
	int		 err;
	const char	*result, *status, *text;
} answers[] = {
	{ 0, "ok", "2.0.0", "delivered" },
	{ ESRCH, "perm", "5.1.1", "no such account" },
	{ EDQUOT, "temp", "4.2.2", "over quota" },
	{ EFBIG, "perm", "5.3.4", "message too large" },
	{ ENOSPC, "temp", "4.3.1", "no space left for mail" },
	{ ETIMEDOUT, "temp", "4.2.0", "mailbox is busy" },
	{ EPROTO, "temp", "4.3.0", "not understood" },
	{ -1, "temp", "4.3.0", "delivery is not possible now" },
};

static void
log_job(const struct job *j, const struct answer *an, int err)
{
	struct log	l;
	char		id[ENTRY_ID_TEXT + 1];

	log_start(&l, err == 0 ? "delivered" : "not-delivered");
	log_str(&l, "conn", get(j, "conn"));
	log_str(&l, "account", get(j, "account"));
	log_str(&l, "rcpt", get(j, "rcpt"));
	log_str(&l, "from", get(j, "mailfrom"));
	if (err == 0) {
		const struct entry	*e = incoming_entry(j->in);

		entry_id_text(e->id, id);
		log_cstr(&l, "msg", id);
		log_num(&l, "uid", e->uid);
		log_num(&l, "size", (int64_t)e->size);
	} else {
		log_cstr(&l, "status", an->status);
		log_err(&l, err);
	}
	log_end(&l);
}

static void
answer(struct job *j)
{
	const struct answer	*an = answers;
	struct buf		 out = BUF_INIT(LIMIT_RECORD);
	char			 id[ENTRY_ID_TEXT + 1];

	while (an->err != j->err && an->err != -1)
		an++;
	log_job(j, an, j->err);
	attr_start(&out, "delivered", 1);
	attr_adds(&out, "result", an->result);
	attr_adds(&out, "status", an->status);
	attr_adds(&out, "text", an->text);
	if (j->err == 0) {
		entry_id_text(incoming_entry(j->in)->id, id);
		attr_adds(&out, "id", id);
		attr_add(&out, "mailbox", wanted_mailbox(j));
		attr_addu(&out, "uid", incoming_uid(j->in));
	}
	buf_free(&j->rec);
	j->rec = out;
}

static void
deliver_round(struct accounts *a, struct job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (jobs[i].err == 0 && stage(a, &jobs[i]) == -1)
			jobs[i].err = errno;
	for (size_t i = 0; i < n; i++)
		if (jobs[i].in != NULL && jobs[i].err == 0 && !jobs[i].answered)
			publish_account(a, jobs, n, i);
}

/* The handle was of no use; another one, opened when no other job of the round needs this one, may be. */
static bool
is_worth_another(const struct job *j)
{
	return j->err == EAGAIN || j->err == ESTALE;
}

void
deliver_jobs(struct accounts *a, struct job *jobs, size_t n)
{
	deliver_round(a, jobs, n);
	for (size_t i = 0; i < n; i++) {
		if (!is_worth_another(&jobs[i]))
			answer(&jobs[i]);
		incoming_free(jobs[i].in);
		jobs[i].in = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (!is_worth_another(&jobs[i]))
			continue;
		accounts_trim(a);
		jobs[i].err = 0;
		jobs[i].answered = false;
		deliver_round(a, &jobs[i], 1);
		answer(&jobs[i]);
		incoming_free(jobs[i].in);
		jobs[i].in = NULL;
	}
}
