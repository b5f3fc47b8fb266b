/* What the files of queue-local share. */
#ifndef QUEUE_LOCAL_H
#define QUEUE_LOCAL_H

#include "base/limits.h"
#include "client/conf.h"
#include "client/held.h"
#include "client/job.h"

struct worker {
	int64_t		 idle_ms;	/* how long to wait for another job */
	int64_t		 service_ms;	/* for an answer of deliverd */
	struct conf	*conf;
	struct held	 deliver;
	struct arena	 arena;		/* of one job */
};

/*
 * Deliver to each recipient of the job; one result each. file is the
 * descriptor that came with it. d's text is the arena's and memory's.
 */
void	deliver_job(struct worker *, const struct job *, int file, struct job_done *d, struct buf *memory);

#endif
