/*
 * message: a message on its way in, in an unnamed file: memory while it is
 * small, a file below var/tmp when it grows. Nothing of it is left after a crash.
 */
#ifndef SMTPD_MESSAGE_H
#define SMTPD_MESSAGE_H

#include <stdint.h>

#include "base/str.h"

struct message {
	int		memory;		/* kept from message to message; -1 before the first */
	int		disk;		/* opened before the sandbox closes; -1: none */
	uint64_t	size;
	bool		on_disk;
	void		*map;
	size_t		map_size;
};

/* disk is -1 when there is none: then large messages stay in memory. */
void	message_init(struct message *, int disk);

/* Forget the content. -1 with errno: the session must end, as bytes of the last message may be left. */
int	message_reset(struct message *) __attribute__((warn_unused_result));

/* Add to the end. -1 with errno (ENOSPC, EDQUOT: the disk is full). */
int	message_append(struct message *, struct str) __attribute__((warn_unused_result));

/* The descriptor that holds it; -1 for an empty message that has none yet. */
int	message_fd(struct message *) __attribute__((warn_unused_result));

/* All of it, for reading, until message_reset(). False with errno. */
bool	message_text(struct message *, struct str *out_r) __attribute__((warn_unused_result));

#endif
