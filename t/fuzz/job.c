/* job: what a worker or queue-send says is refused, or means the same when it is said again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "client/job.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
try_job(struct str in, struct arena *a, struct buf *rec)
{
	struct job	j, again;

	if (!job_decode(in, a, &j))
		return;
	check(j.nrcpt > 0 && j.nrcpt <= JOB_RCPTS && j.nport <= JOB_PORTS && j.attempt > 0 && j.id.n > 0);
	if (!job_encode(rec, &j)) {
		check(in.n > LIMIT_RECORD / 2);		/* what was left out is said now */
		return;
	}
	check(job_decode(buf_str(rec), a, &again));
	check(again.nrcpt == j.nrcpt && again.kind == j.kind && again.tls == j.tls && again.nport == j.nport);
	check(str_eq(again.id, j.id) && str_eq(again.password, j.password) && again.size == j.size);
	for (size_t i = 0; i < j.nrcpt; i++)
		check(str_eq(again.rcpt[i].address, j.rcpt[i].address) && again.rcpt[i].notify == j.rcpt[i].notify &&
		    str_eq(again.rcpt[i].orcpt, j.rcpt[i].orcpt) && str_eq(again.rcpt[i].account, j.rcpt[i].account));
}

static void
try_done(struct str in, struct arena *a, struct buf *rec)
{
	struct job_done	d, again;

	if (!job_done_decode(in, a, &d))
		return;
	check(d.nresult > 0 && d.nresult <= JOB_RCPTS);
	check(job_done_encode(rec, &d) && rec->n <= LIMIT_RECORD && job_done_decode(buf_str(rec), a, &again));
	check(again.nresult == d.nresult && again.more == d.more && again.unreached == d.unreached);
	for (size_t i = 0; i < d.nresult; i++)
		check(again.result[i].got == d.result[i].got && again.result[i].code == d.result[i].code &&
		    str_starts(d.result[i].text, again.result[i].text) && again.result[i].dsn == d.result[i].dsn);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena	a = ARENA_INIT(1024 * 1024);
	struct buf	rec = BUF_INIT(LIMIT_RECORD);

	try_job(str_n(data, n), &a, &rec);
	try_done(str_n(data, n), &a, &rec);
	arena_free(&a);
	buf_free(&rec);
	return 0;
}
