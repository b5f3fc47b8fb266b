/*
 * smtp_cmd: one SMTP command line, without its line end, as verb and
 * parameters: RFC 5321 4.1.1 with SIZE (1870), 8BITMIME (6152), CHUNKING and
 * BINARYMIME (3030), DSN (3461), SMTPUTF8 (6531), REQUIRETLS (8689), AUTH= (4954),
 * HOLDFOR and HOLDUNTIL (4865).
 * Whether a command may come now is the session's affair.
 */
#ifndef PROTO_SMTP_CMD_H
#define PROTO_SMTP_CMD_H

#include <stdint.h>

#include "addr.h"

enum smtp_verb {
	SMTP_HELO, SMTP_EHLO, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BDAT, SMTP_RSET,
	SMTP_NOOP, SMTP_QUIT, SMTP_VRFY, SMTP_EXPN, SMTP_HELP, SMTP_STARTTLS, SMTP_AUTH,
	SMTP_OTHER,		/* none that we know */
};

enum smtp_body {
	SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME,
};

enum smtp_ret {
	SMTP_RET_UNSAID, SMTP_RET_FULL, SMTP_RET_HDRS,
};

enum {
	SMTP_NOTIFY_NEVER	= 1,
	SMTP_NOTIFY_SUCCESS	= 2,
	SMTP_NOTIFY_FAILURE	= 4,
	SMTP_NOTIFY_DELAY	= 8,
};

struct smtp_cmd {
	enum smtp_verb	verb;
	struct str	arg;		/* all that follows the verb, trimmed at its start */
	struct addr	path;		/* MAIL, RCPT */
	/* MAIL */
	bool		has_size;
	uint64_t	size;		/* UINT64_MAX when it does not fit */
	enum smtp_body	body;
	bool		smtputf8, requiretls;
	enum smtp_ret	ret;
	struct str	envid;		/* xtext as it came; empty when absent */
	struct str	holdfor, holduntil;	/* as they came, one at most; empty when absent */
	uint32_t	hold_seconds;	/* of HOLDFOR */
	int64_t		hold_time;	/* of HOLDUNTIL: seconds since 1970 */
	/* RCPT */
	unsigned	notify;		/* SMTP_NOTIFY_*, 0 when absent */
	struct str	orcpt;		/* "type;xtext" as it came; empty when absent */
	/* BDAT */
	uint64_t	chunk;
	bool		last;
};

/* What is wrong with a line; smtp_cmd_reply() has its code. */
enum smtp_cmd_err {
	SMTP_CMD_OK,
	SMTP_CMD_UNKNOWN,	/* 500 5.5.1 */
	SMTP_CMD_SYNTAX,	/* 501 5.5.2 */
	SMTP_CMD_PATH,		/* 501 5.5.2, the address */
	SMTP_CMD_PATH_LONG,	/* 501 5.5.2, its length */
	SMTP_CMD_PARAM_UNKNOWN,	/* 555 5.3.3 */
	SMTP_CMD_PARAM_TWICE,	/* 501 5.5.4 */
	SMTP_CMD_PARAM_VALUE,	/* 501 5.5.4 */
	SMTP_CMD_BODY,		/* 555 5.5.4 */
};

struct smtp_code {
	int		 code;
	const char	*enhanced;	/* RFC 3463 */
	const char	*text;
};

/* out borrows from line; its verb is set even when the rest is wrong. */
enum smtp_cmd_err	smtp_cmd_parse(struct str line, struct smtp_cmd *out_r) __attribute__((warn_unused_result));

struct smtp_code	smtp_cmd_reply(enum smtp_cmd_err);

/*
 * RFC 3461 section 4: append what s encodes. False when s is not xtext (hex
 * digits must be capitals) or what it encodes is not printable ASCII.
 */
bool	smtp_unxtext(struct buf *, struct str s) __attribute__((warn_unused_result));

#endif
