/*
 * sasl: a dialogue. The first byte picks the mechanism and what is at hand; the
 * rest is what the client says, message by message, cut at newlines. Nobody logs in who
 * did not know the password, and nothing is said after the end.
 */
#include <stdlib.h>

#include "proto/sasl.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static enum sasl_want
fulfil(struct sasl *s, enum sasl_want w, struct buf *out)
{
	struct sasl_secrets	sec = { .known = true };

	if (w == SASL_WANT_PASSWORD) {
		if (s->user.n == 0 || s->password.n == 0)
			abort();
		return sasl_verdict(s, false);
	}
	if (w == SASL_WANT_KEY)
		return sasl_verdict(s, false);
	if (w != SASL_WANT_SECRETS)
		return w;
	if (s->user.n == 0)
		abort();
	/* keys that nobody knows the password of */
	sec.sha1 = (struct scram_keys){ .hash = SCRAM_SHA_1, .iterations = 1, .salt_n = 4, .stored = { 1 } };
	sec.sha256 = (struct scram_keys){ .hash = SCRAM_SHA_256, .iterations = 1, .salt_n = 4, .stored = { 1 } };
	return sasl_secrets(s, &sec, out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str		rest = str_n(data, size), line;
	struct buf		out = BUF_INIT(32768);
	struct sasl_facts	f = { .nonce = STR("nonce"), .challenge = STR("<1.2@h>") };
	struct sasl		s;
	enum sasl_want		w = SASL_WANT_STEP;

	if (size == 0)
		return 0;
	if (data[0] & 0x10)
		f.channel = (struct scram_channel){ STR("exporter"), STR("endpoint") };
	sasl_init(&s, (enum sasl_mech)(data[0] % (SASL_EXTERNAL + 1)), &f);
	if (data[0] & 0x20)
		w = sasl_begin(&s, &out);
	rest = str_skip(rest, 1);
	while (w == SASL_WANT_STEP && rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		w = fulfil(&s, sasl_feed(&s, line, &out), &out);
		if (w == SASL_WANT_SECRETS || w == SASL_WANT_PASSWORD || w == SASL_WANT_KEY || w == SASL_DONE)
			abort();
	}
	sasl_free(&s);
	buf_free(&out);
	return 0;
}
