/*
 * dkim_canon: header fields and bodies in the form that is hashed (RFC 6376
 * 3.4). Bodies come in pieces of any size and are never kept: what is pending
 * (line ends, white space) is counted. A bare CR is a byte like others.
 */
#ifndef PROTO_DKIM_CANON_H
#define PROTO_DKIM_CANON_H

#include "dkim_sig.h"

/*
 * Append a field, given with its line endings or without the last. A bare LF is taken
 * for a line end, as header.h does. ended: with CRLF behind it.
 */
void	dkim_canon_field(struct buf *, enum dkim_canon, struct str raw, bool ended);

struct dkim_body {
	enum dkim_canon	 canon;
	bool		 lf;		/* a bare LF ends lines too: a file of this system, not what came by SMTP */
	void		(*put)(void *, struct str);
	void		*arg;
	uint64_t	 lines;		/* empty lines that are dropped at the end */
	bool		 cr;		/* the last byte was a CR */
	bool		 space;		/* white space, perhaps at the end of the line */
	bool		 inside;	/* of a line that is not empty */
	bool		 any;		/* anything was put */
	size_t		 n;
	char		 out[4096];
};

/* put gets pieces of the canonical form. */
void	dkim_body_init(struct dkim_body *, enum dkim_canon, bool lf, void (*put)(void *, struct str), void *arg);
void	dkim_body_feed(struct dkim_body *, struct str);
void	dkim_body_end(struct dkim_body *);

#endif
