/* notice: the message that tells a sender, put into the queue for an account of ours. */
#ifndef QUEUE_SEND_NOTICE_H
#define QUEUE_SEND_NOTICE_H

#include "proto/dsn.h"
#include "queue-send.h"

enum notice_kind { NOTICE_FAILED, NOTICE_SUCCESS, NOTICE_DELAYED, NOTICE_POSTMASTER };

/*
 * Queue one about these recipients, under an id that follows from the message, the kind,
 * the attempt and the first recipient. 0; -1 with errno: not now. What can never be
 * told (there is nobody to tell) is logged, and 0.
 */
int	notice_put(struct queue *, struct message *, enum notice_kind, const uint32_t *rcpt, size_t n) __attribute__((warn_unused_result));

/* A notification that cannot be delivered: the same message, to the postmaster's account. */
int	notice_pass_on(struct queue *, struct message *, uint32_t rcpt) __attribute__((warn_unused_result));

#endif
