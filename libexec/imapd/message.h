/*
 * message: one message's file, opened, read and parsed only as far as
 * somebody asks (FETCH, SEARCH).
 */
#ifndef IMAPD_MESSAGE_H
#define IMAPD_MESSAGE_H

#include "base/arena.h"
#include "proto/mime.h"
#include "store/message.h"

struct message {
	int		 fd;
	size_t		 size;		/* of the file */
	const char	*text;		/* NULL until it is needed: read if it is small, else mapped */
	bool		 mapped;
	struct buf	 small;
	struct mime	 mime;
	bool		 parsed;
	struct arena	 arena;		/* of mime */
};

enum { MESSAGE_SMALL = 65536 };

#define MESSAGE_INIT	{ .fd = -1, .small = BUF_INIT(MESSAGE_SMALL), .arena = ARENA_INIT(MIME_ARENA) }

/* -1 with errno: ENOENT when it is gone. The struct may be used again and again. */
int	message_load(struct message *, struct mailbox *, const struct entry *) __attribute__((warn_unused_result));

/* Give back the file and the map; keep a little memory for the next. */
void	message_unload(struct message *);
void	message_free(struct message *);

/* All of it; empty when it cannot be read. */
struct str	message_text(struct message *);

/* Its parts; NULL when memory ran out. */
const struct mime	*message_mime(struct message *);

#endif
