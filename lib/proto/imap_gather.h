/*
 * imap_gather: one command of an IMAP client with its literals, from bytes as
 * they come; sans I/O. The text that comes out is what imap_parse.h reads: as
 * on the wire, each literal behind its announcement, without the last CRLF.
 *
 *	while (g says IMAP_GOT_MORE) read more
 *	IMAP_GOT_LITERAL: imap_gather_literal(); when it was true and g->literal.sync
 *		write "+ …"; when it was false answer [TOOBIG] and, unless sync, BYE
 *	IMAP_GOT_COMMAND: parse buf_str(&g->text), then imap_gather_reset()
 */
#ifndef PROTO_IMAP_GATHER_H
#define PROTO_IMAP_GATHER_H

#include <stdint.h>

#include "../base/buf.h"

enum imap_got {
	IMAP_GOT_MORE,		/* all input is taken, the command is not whole */
	IMAP_GOT_COMMAND,
	IMAP_GOT_LITERAL,	/* announced in .literal, its bytes are next */
	IMAP_GOT_TOOLONG,	/* a line over LIMIT_IMAP_LINE, skipped; the text is its beginning */
};

struct imap_literal {
	uint64_t	size;
	bool		sync;		/* the client waits for "+" */
	bool		binary;		/* literal8, "~{" (RFC 3516) */
};

struct imap_gather {
	struct buf		text;
	size_t			line;		/* where this line begins in text */
	size_t			lines;		/* bytes of lines so far */
	uint64_t		left;		/* of a literal being gathered */
	size_t			count, bytes;	/* of literals so far */
	struct imap_literal	literal;
	bool			toolong;
	bool			desync;		/* a line too long announced a literal: only BYE is left */
	char			before;		/* last byte of a line that is skipped */
};

void	imap_gather_init(struct imap_gather *);
void	imap_gather_free(struct imap_gather *);

/* Begin the next command; the memory of a large one is given back. */
void	imap_gather_reset(struct imap_gather *);

/* Take bytes from *in, which is advanced, up to the next thing to be told. */
enum imap_got	imap_gather_feed(struct imap_gather *, struct str *in);

/* After IMAP_GOT_LITERAL: gather it into the text. False: over a limit. */
bool	imap_gather_literal(struct imap_gather *) __attribute__((warn_unused_result));

/*
 * After IMAP_GOT_LITERAL: the caller takes the bytes elsewhere (the message of
 * APPEND). The text is forgotten; what follows the literal is gathered as a new one.
 */
void	imap_gather_pass(struct imap_gather *);

/* True when nothing of a command has come. */
bool	imap_gather_is_empty(const struct imap_gather *);

#endif
