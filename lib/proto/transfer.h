/*
 * transfer: content transfer encodings (RFC 2045 section 6), decoded as they
 * come. Tolerant: base64 skips bytes outside its alphabet and goes on behind
 * padding; quoted-printable lets a "=" that is none stand.
 */
#ifndef PROTO_TRANSFER_H
#define PROTO_TRANSFER_H

#include "../base/buf.h"

enum transfer {
	TRANSFER_PLAIN,		/* 7bit, 8bit, binary, and what we do not know */
	TRANSFER_BASE64,
	TRANSFER_QP,
};

/* Of an encoding's name; unknown ones are TRANSFER_PLAIN. */
enum transfer	transfer_named(struct str name);

struct transfer_state {
	enum transfer	kind;
	unsigned	bits;		/* base64: bits held */
	unsigned	nbits;
	char		held[128];	/* quoted-printable: white space or a cut escape, not yet decided */
	size_t		n_held;
};

void	transfer_start(struct transfer_state *, enum transfer);

/*
 * Decode in, appending to out; what is given is at most in.n + 128 bytes.
 * Feeding in pieces gives the same as all at once.
 */
void	transfer_feed(struct transfer_state *, struct str in, struct buf *out);
void	transfer_end(struct transfer_state *, struct buf *out);

#endif
