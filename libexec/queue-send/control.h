/*
 * control: a command of posthorn queue, done a message at a time so that mail
 * goes on being sent. The protocol "queue" 1 is told in queue-send(8).
 */
#ifndef QUEUE_SEND_CONTROL_H
#define QUEUE_SEND_CONTROL_H

#include "queue-send.h"

struct command;

/* Begin; NULL when there is nothing to step through, and the answer is in out. rec is copied. */
struct command	*command_start(struct queue *, struct str rec, struct buf *out) __attribute__((warn_unused_result));

/* One message more; what is to be said is put into out, which is empty. False when it was the last. */
bool		 command_step(struct queue *, struct command *, struct buf *out);

void		 command_free(struct command *);

#endif
