/* heap: messages by the time of the next thing to do, the soonest first. */
#ifndef QUEUE_SEND_HEAP_H
#define QUEUE_SEND_HEAP_H

#include "queue-send.h"

/* Room for one more message than there are: heap_set() cannot fail then. */
bool	heap_reserve(struct queue *) __attribute__((warn_unused_result));

/* Look at it at that time; INT64_MAX: not at all. */
void	heap_set(struct queue *, struct message *, int64_t due);
void	heap_remove(struct queue *, struct message *);

#endif
