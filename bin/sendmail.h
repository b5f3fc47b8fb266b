/*
 * sendmail: what its two parts have in common. All functions end the program
 * with a message and a code of sysexits.h when something is wrong.
 */
#ifndef BIN_SENDMAIL_H
#define BIN_SENDMAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

/* Whom a message is for: each as it was written but once. */
struct recipients {
	struct arena	 arena;
	struct str	 address[LIMIT_SMTP_RCPTS];
	size_t		 n;
};

/* The addresses of a list, as they stand in a header field or an argument. */
void	recipients_add(struct recipients *, struct str list);

/* How a message is to be read. */
struct reading {
	bool		 extract;	/* recipients are in the header */
	bool		 dots;		/* a dot alone on a line is a line like others */
	struct str	 from;		/* for a From field, when there is none */
};

struct message {
	int	fd;			/* of nobody but us */
	bool	eight_bit;		/* somewhere */
	bool	utf8_header;
};

/* Read a message from fd, with CRLF and without Bcc. */
void	message_read(int fd, const struct reading *, struct recipients *, struct message *out_r);

#endif
