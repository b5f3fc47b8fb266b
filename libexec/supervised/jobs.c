#include "supervised.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "sys/log.h"

enum {
	FIRST_S	= 60,		/* an interval's first run: soon after the start */
	GRACE_MS = 5000,	/* from SIGTERM to SIGKILL */
};

/* The next time of day that is minute minutes past midnight, local time. */
static int64_t
next_daily(int64_t now, uint32_t minute)
{
	time_t		t = (time_t)now;
	struct tm	tm;

	if (localtime_r(&t, &tm) == NULL)
		return now + 86400;
	tm.tm_hour = (int)(minute / 60);
	tm.tm_min = (int)(minute % 60);
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	if (t <= (time_t)now) {
		tm.tm_mday++;
		tm.tm_isdst = -1;
		t = mktime(&tm);
	}
	/* a clock that went mad must not make a loop of it */
	return t > (time_t)now ? (int64_t)t : now + 86400;
}

static int64_t
next_run(const struct job *jb, int64_t now)
{
	return jb->every > 0 ? now + jb->every : next_daily(now, jb->daily);
}

void
jobs_begin(struct super *su)
{
	int64_t	now = clock_now();

	for (size_t i = 0; i < su->table.njob; i++) {
		const struct job	*jb = &su->table.job[i];

		su->job[i] = (struct jobrun){ .jb = jb, .kill_by = DEADLINE_NEVER };
		su->job[i].next = jb->every > FIRST_S ? now + FIRST_S : next_run(jb, now);
	}
}

static void
run(const struct super *su, struct jobrun *j, int64_t now)
{
	const struct launch	l = { .user = j->jb->user, .argv = j->jb->argv, .same_user = su->table.same_user };

	j->last = now;
	j->signals = 0;
	j->pid = launch(&l);
	if (j->pid == -1) {
		j->pid = 0;
		(void)snprintf(j->result, sizeof(j->result), "fork failed");
		return;
	}
	(void)snprintf(j->result, sizeof(j->result), "running");
	j->kill_by = deadline_in((int64_t)j->jb->timeout * 1000);
}

/* One that runs on past its time, or past our end. */
static void
end(struct jobrun *j)
{
	(void)kill(j->pid, j->signals++ == 0 ? SIGTERM : SIGKILL);
	j->kill_by = deadline_in(GRACE_MS);
}

void
jobs_tick(struct super *su)
{
	int64_t	now = clock_now();

	for (size_t i = 0; i < su->table.njob; i++) {
		struct jobrun	*j = &su->job[i];

		if (j->pid != 0 && deadline_over(j->kill_by))
			end(j);
		if (su->stopping || now < j->next)
			continue;
		/* one that still runs misses this turn */
		j->next = next_run(j->jb, now);
		if (j->pid == 0)
			run(su, j, now);
	}
}

void
jobs_stop(struct super *su)
{
	for (size_t i = 0; i < su->table.njob; i++)
		if (su->job[i].pid != 0 && su->job[i].signals == 0)
			end(&su->job[i]);
}

void
job_ended(struct jobrun *j, int status)
{
	struct log	l;

	status_text(status, j->result, sizeof(j->result));
	log_start(&l, "ran");
	log_cstr(&l, "job", j->jb->name);
	log_cstr(&l, "result", j->result);
	log_end(&l);
	j->pid = 0;
	j->kill_by = DEADLINE_NEVER;
}

struct deadline
jobs_deadline(const struct super *su)
{
	struct deadline	d = DEADLINE_NEVER;
	int64_t		now = clock_now();

	for (size_t i = 0; i < su->table.njob; i++) {
		int64_t	left = su->job[i].next - now;

		d = deadline_sooner(d, su->job[i].kill_by);
		/* not asleep for more than a minute: the clock may be set */
		if (!su->stopping)
			d = deadline_sooner(d, deadline_in(left <= 0 ? 0 : left > 60 ? 60000 : left * 1000));
	}
	return d;
}
