#include "transfer.h"

#include "../base/num.h"

enum transfer
transfer_named(struct str name)
{
	if (str_ieq(name, STR("base64")))
		return TRANSFER_BASE64;
	if (str_ieq(name, STR("quoted-printable")))
		return TRANSFER_QP;
	return TRANSFER_PLAIN;
}

void
transfer_start(struct transfer_state *t, enum transfer kind)
{
	*t = (struct transfer_state){ .kind = kind };
}

/* 0 to 63; 64 for what is skipped; 65 for "=". */
static const unsigned char	b64_values[256] = {
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 65, 64, 64,
	64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
	64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
};

static void
b64_feed(struct transfer_state *t, struct str in, struct buf *out)
{
	size_t	room;
	char	*p = buf_room(out, in.n, &room);
	size_t	n = 0;

	for (size_t i = 0; i < in.n; i++) {
		unsigned	v = b64_values[(unsigned char)in.p[i]];

		if (v == 65)
			t->nbits = t->bits = 0;	/* padding: what is left are no whole byte's bits */
		if (v >= 64)
			continue;
		t->bits = (t->bits << 6 | v) & 0xffff;
		t->nbits += 6;
		if (t->nbits < 8)
			continue;
		t->nbits -= 8;
		if (n < room)
			p[n++] = (char)(t->bits >> t->nbits & 0xff);
		else
			out->failed = true;
	}
	if (n > 0)
		buf_grew(out, n);
}

static void
qp_flush(struct transfer_state *t, struct buf *out)
{
	buf_add(out, (struct str){ t->held, t->n_held });
	t->n_held = 0;
}

/* held begins with "=": decide with one byte more. True when c was taken. */
static bool
qp_escape(struct transfer_state *t, char c, struct buf *out)
{
	bool	blank = t->n_held > 1 && byte_is_space(t->held[1]);

	if (c == '\n') {		/* soft line break, perhaps with padding */
		if (t->n_held == 1 || blank) {
			t->n_held = 0;
			return true;
		}
	} else if (byte_is_space(c) && (t->n_held == 1 || blank) && t->n_held < sizeof(t->held)) {
		t->held[t->n_held++] = c;
		return true;
	} else if (num_hex_digit(c) >= 0 && t->n_held == 1) {
		t->held[t->n_held++] = c;
		return true;
	} else if (num_hex_digit(c) >= 0 && t->n_held == 2 && !blank) {
		buf_addc(out, (char)(num_hex_digit(t->held[1]) << 4 | num_hex_digit(c)));
		t->n_held = 0;
		return true;
	}
	qp_flush(t, out);
	return false;
}

/* White space at a line's end is none of the text (RFC 2045 6.7 rule 3). */
static void
qp_byte(struct transfer_state *t, char c, struct buf *out)
{
	if (t->n_held > 0 && t->held[0] == '=' && qp_escape(t, c, out))
		return;
	if (c == '=') {
		qp_flush(t, out);
		t->held[t->n_held++] = c;
	} else if (c == ' ' || c == '\t' || c == '\r') {
		if (t->n_held == sizeof(t->held))
			qp_flush(t, out);
		t->held[t->n_held++] = c;
	} else if (c == '\n') {
		bool	cr = t->n_held > 0 && t->held[t->n_held - 1] == '\r';

		t->n_held = 0;
		buf_add(out, cr ? STR("\r\n") : STR("\n"));
	} else {
		qp_flush(t, out);
		buf_addc(out, c);
	}
}

static void
qp_feed(struct transfer_state *t, struct str in, struct buf *out)
{
	size_t	from = 0, i = 0;

	while (i < in.n) {
		/* a run of plain bytes goes in one piece */
		for (from = i; t->n_held == 0 && i < in.n; i++)
			if (in.p[i] == '=' || byte_is_space(in.p[i]))
				break;
		buf_add(out, (struct str){ in.p + from, i - from });
		if (i < in.n)
			qp_byte(t, in.p[i++], out);
	}
}

void
transfer_feed(struct transfer_state *t, struct str in, struct buf *out)
{
	switch (t->kind) {
	case TRANSFER_PLAIN:
		buf_add(out, in);
		break;
	case TRANSFER_BASE64:
		b64_feed(t, in, out);
		break;
	case TRANSFER_QP:
		qp_feed(t, in, out);
		break;
	}
}

void
transfer_end(struct transfer_state *t, struct buf *out)
{
	/* at the very end: padding of the last line, or a cut escape as it stands */
	if (t->kind == TRANSFER_QP && t->n_held > 0 && t->held[0] == '=' &&
	    (t->n_held == 1 || byte_is_space(t->held[1])))
		t->n_held = 0;
	if (t->kind == TRANSFER_QP && t->n_held > 0 && t->held[0] == '=')
		qp_flush(t, out);
	t->n_held = 0;
}
