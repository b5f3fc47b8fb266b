#include "record.h"

#include <string.h>

#include "codec.h"

void
account_rec_encode(const struct account_rec *a, uint8_t out[ACCOUNT_REC_SIZE])
{
	memset(out, 0, ACCOUNT_REC_SIZE);
	put_le(out, a->version, 4);
	put_le(out + 8, a->modseq, 8);
	put_le(out + 16, a->bytes, 8);
	put_le(out + 24, a->count, 8);
	put_le(out + 32, a->epoch, 8);
	put_le(out + 40, a->tree, 8);
	memcpy(out + 48, a->boot, BOOT_ID_SIZE);
	put_le(out + ACCOUNT_REC_SIZE - 4, codec_sum(out, ACCOUNT_REC_SIZE - 4), 4);
}

bool
account_rec_decode(const uint8_t *in, size_t n, struct account_rec *a)
{
	*a = (struct account_rec){ .version = 0 };
	if (n != ACCOUNT_REC_SIZE || get_le(in + n - 4, 4) != codec_sum(in, n - 4))
		return false;
	a->version = (uint32_t)get_le(in, 4);
	a->modseq = get_le(in + 8, 8);
	a->bytes = get_le(in + 16, 8);
	a->count = get_le(in + 24, 8);
	a->epoch = get_le(in + 32, 8);
	a->tree = get_le(in + 40, 8);
	memcpy(a->boot, in + 48, BOOT_ID_SIZE);
	return a->version == INDEX_VERSION;
}

/* The numbers of a mailbox, in the order in which they stand in the record. */
enum { FIXED = 8 * 4 + 12 * 8 };

static void
put_numbers(const struct mailbox_rec *m, uint8_t *p)
{
	const uint32_t	small[8] = { m->uidvalidity, m->uidnext, m->uidmax, m->exists,
		m->unseen, m->deleted, m->recent, (uint32_t)m->special };
	const uint64_t	big[12] = { m->size, m->deleted_size, m->modseq, m->log_first,
		m->log_next, m->log_floor, (uint64_t)m->new.mtime, (uint64_t)m->new.noted,
		(uint64_t)m->cur.mtime, (uint64_t)m->cur.noted, (uint64_t)m->foreign, 0 };

	for (unsigned i = 0; i < 8; i++)
		put_le(p + 4 * i, small[i], 4);
	for (unsigned i = 0; i < 12; i++)
		put_le(p + 32 + 8 * i, big[i], 8);
}

static void
get_numbers(const uint8_t *p, struct mailbox_rec *m)
{
	uint32_t	*small[7] = { &m->uidvalidity, &m->uidnext, &m->uidmax, &m->exists,
		&m->unseen, &m->deleted, &m->recent };
	uint64_t	*big[6] = { &m->size, &m->deleted_size, &m->modseq, &m->log_first,
		&m->log_next, &m->log_floor };
	int64_t		*times[5] = { &m->new.mtime, &m->new.noted, &m->cur.mtime, &m->cur.noted,
		&m->foreign };

	for (unsigned i = 0; i < 7; i++)
		*small[i] = (uint32_t)get_le(p + 4 * i, 4);
	m->special = (enum special)get_le(p + 28, 4);
	for (unsigned i = 0; i < 6; i++)
		*big[i] = get_le(p + 32 + 8 * i, 8);
	for (unsigned i = 0; i < 5; i++)
		*times[i] = (int64_t)get_le(p + 80 + 8 * i, 8);
}

/* A length in two bytes, and the text. */
static uint8_t *
put_text(uint8_t *p, const char *s)
{
	size_t	n = strlen(s);

	put_le(p, n, 2);
	memcpy(p + 2, s, n);
	return p + 2 + n;
}

static bool
get_text(const uint8_t **p, const uint8_t *end, char *dst, size_t size)
{
	size_t	n;

	if (end - *p < 2)
		return false;
	n = (size_t)get_le(*p, 2);
	*p += 2;
	if (n >= size || (size_t)(end - *p) < n || memchr(*p, 0, n) != NULL)
		return false;
	memcpy(dst, *p, n);
	dst[n] = '\0';
	*p += n;
	return true;
}

_Static_assert(FIXED + 2 + LIMIT_MAILBOX_NAME + KEYWORD_MAX * (LIMIT_KEYWORD + 2) + 8 <=
    MAILBOX_REC_SIZE, "the largest mailbox record fits");

size_t
mailbox_rec_encode(const struct mailbox_rec *m, uint8_t out[MAILBOX_REC_SIZE])
{
	uint8_t	*p;
	size_t	 n;

	put_numbers(m, out);
	p = put_text(out + FIXED, m->name);
	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		p = put_text(p, m->keywords[i].name);
	/* the checksum works on groups of four */
	for (n = (size_t)(p - out); n % 4 != 0; n++)
		out[n] = 0;
	put_le(out + n, codec_sum(out, n), 4);
	return n + 4;
}

bool
mailbox_rec_decode(const uint8_t *in, size_t n, struct mailbox_rec *m)
{
	const uint8_t	*p, *end;

	*m = (struct mailbox_rec){ .uidvalidity = 0 };
	if (n < FIXED + 4 || n > MAILBOX_REC_SIZE || n % 4 != 0 ||
	    get_le(in + n - 4, 4) != codec_sum(in, n - 4))
		return false;
	get_numbers(in, m);
	p = in + FIXED;
	end = in + n - 4;
	if (m->special >= SPECIAL_COUNT || !get_text(&p, end, m->name, sizeof(m->name)))
		return false;
	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		if (!get_text(&p, end, m->keywords[i].name, sizeof(m->keywords[i].name)))
			return false;
	return true;
}

void
log_chunk_encode(const struct log_chunk *l, uint8_t out[LOG_SIZE])
{
	for (unsigned i = 0; i < LOG_ENTRIES; i++) {
		put_le(out + 12 * i, l->e[i].modseq, 8);
		put_le(out + 12 * i + 8, l->e[i].uid, 4);
	}
	put_le(out + LOG_SIZE - 8, codec_sum(out, LOG_SIZE - 8), 8);
}

bool
log_chunk_decode(const uint8_t *in, size_t n, struct log_chunk *l)
{
	if (n != LOG_SIZE || get_le(in + n - 8, 8) != codec_sum(in, n - 8))
		return false;
	for (unsigned i = 0; i < LOG_ENTRIES; i++) {
		l->e[i].modseq = get_le(in + 12 * i, 8);
		l->e[i].uid = (uint32_t)get_le(in + 12 * i + 8, 4);
	}
	return true;
}

uint32_t
keyword_mask(const struct keyword k[KEYWORD_MAX])
{
	uint32_t	mask = 0;

	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		if (k[i].name[0] != '\0')
			mask |= 1u << i;
	return mask;
}
