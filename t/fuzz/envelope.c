/* envelope: spool files and logs from any bytes; what decodes encodes to what decodes the same. */
#include "store/spool.h"

#include <stdint.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
try_envelope(struct str in, struct arena *a)
{
	struct envelope	e, again;
	struct buf	b = BUF_INIT(LIMIT_ENVELOPE);

	if (!envelope_decode(in, a, &e))
		return;
	if (!envelope_encode(&b, &e) || !envelope_decode(buf_str(&b), a, &again) || e.nrcpt != again.nrcpt)
		abort();
	for (size_t i = 0; i < e.nrcpt; i++)
		if (!str_eq(e.rcpt[i].address, again.rcpt[i].address) || !str_eq(e.rcpt[i].domain, again.rcpt[i].domain) ||
		    e.rcpt[i].notify != again.rcpt[i].notify)
			abort();
	buf_free(&b);
}

static void
try_entry(struct str in)
{
	static uint32_t		rcpts[LIMIT_SMTP_RCPTS], more[LIMIT_SMTP_RCPTS];
	struct spool_entry	e, again;
	struct spool_rcpt	r = { .state = SPOOL_WAITING };
	struct buf		b = BUF_INIT(LIMIT_RECORD + 1);

	if (!spool_entry_decode(in, rcpts, &e))
		return;
	spool_apply(&r, &e);
	if (!spool_entry_encode(&b, &e) || !spool_entry_decode(buf_str(&b), more, &again))
		abort();
	if (e.event != again.event || e.nrcpt != again.nrcpt || memcmp(rcpts, more, e.nrcpt * sizeof(rcpts[0])) != 0)
		abort();
	buf_free(&b);
}

/* Entries whose sum is right, with any text. */
static void
try_summed(struct str in)
{
	static uint32_t		rcpt[1];
	struct spool_entry	e = { .rcpt = rcpt, .nrcpt = 1 };
	struct buf		b = BUF_INIT(LIMIT_RECORD + 1);

	if (in.n > 5) {
		e.event = (enum spool_event)((uint8_t)in.p[0] % (SPOOL_EV_DROP + 1));
		rcpt[0] = (uint8_t)in.p[1] * 4u;
		e.result.text = str_skip(in, 2);
		e.result.host = str_skip(in, in.n / 2);
		if (rcpt[0] < LIMIT_SMTP_RCPTS) {
			if (!spool_entry_encode(&b, &e))
				abort();
			try_entry(buf_str(&b));
			b.p[b.n / 2] ^= in.p[2];
			try_entry(buf_str(&b));
		}
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena	a = ARENA_INIT(2 * LIMIT_ENVELOPE_ARENA);
	struct str	in = str_n(data, size);

	try_envelope(in, &a);
	try_entry(in);
	try_summed(in);
	arena_free(&a);
	return 0;
}
