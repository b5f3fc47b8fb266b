/* Every limit of the tree, each with its reason. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* A record between programs: one packet that the kernel takes whole. */
#define LIMIT_RECORD		65536

/* Descriptors beside one record: data, control, and one to spare. */
#define LIMIT_RECORD_FDS	4

/* SMTP (RFC 5321 4.5.3.1; behaviour floor for the rest). */
#define LIMIT_SMTP_LINE		2048	/* a command line with its CRLF */
#define LIMIT_SMTP_REPLY_LINE	510	/* a reply line without CRLF */
#define LIMIT_SMTP_RCPTS	1000	/* recipients of one transaction */
#define LIMIT_LOCALPART		128	/* RFC says 64; senders in the wild say more */
#define LIMIT_DOMAIN		255
#define LIMIT_PATH		256
#define LIMIT_RECEIVED		100	/* Received fields before it is a loop */
#define LIMIT_MESSAGE_SIZE	(100u * 1024 * 1024)	/* default; configurable */

/* IMAP before and after login. */
#define LIMIT_IMAP_LINE		16384
#define LIMIT_IMAP_LITERAL	102400	/* one literal that is not a message */
#define LIMIT_IMAP_LITERALS	1024000	/* all of a command's literals */
#define LIMIT_IMAP_LITERAL_COUNT 1000
#define LIMIT_IMAP_LINES	65536	/* all lines of one command, literals apart */
#define LIMIT_IMAP_COMMAND	(LIMIT_IMAP_LITERALS + LIMIT_IMAP_LINES)
#define LIMIT_IMAP_ARENA	(4u * 1024 * 1024)	/* what one command's parsed form may take */
#define LIMIT_IMAP_DEPTH	50	/* parentheses, NOT and OR inside each other */

/* MIME: what hostile mail may cost us. */
#define LIMIT_MIME_DEPTH	100
#define LIMIT_MIME_PARTS	10000
#define LIMIT_MIME_PARAMS	100

/* Addresses of one header field: above any list that people write by hand. */
#define LIMIT_ADDRLIST		10000

/* Mailbox names, in bytes of UTF-8: a path below the account must fit. */
#define LIMIT_MAILBOX_NAME	1000
#define LIMIT_MAILBOX_DEPTH	50

_Static_assert(LIMIT_LOCALPART < LIMIT_PATH, "a localpart fits into a path");
_Static_assert(LIMIT_SMTP_LINE > 2 * LIMIT_PATH, "MAIL with parameters fits into a line");
_Static_assert(LIMIT_IMAP_LINE < LIMIT_RECORD / 2, "a pipelined line fits encoded into a record");

#endif
