/* work: a batch as the job of a worker, and back. */
#ifndef QUEUE_SEND_WORK_H
#define QUEUE_SEND_WORK_H

#include "queue-send.h"

enum work_got {
	WORK_GIVEN,
	WORK_NOT,	/* the batch was dealt with otherwise */
	WORK_DEAD,	/* the worker is gone; the batch is noted as tried and still w's */
};

/* Hand w->batch to the worker. */
enum work_got	work_give(struct queue *, struct worker *) __attribute__((warn_unused_result));

/* The worker's answer; or one for it. */
void		work_done(struct queue *, struct worker *, const struct job_done *);
void		work_failed(struct queue *, struct worker *, const struct job_result *);

#endif
