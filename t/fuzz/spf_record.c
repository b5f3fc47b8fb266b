/*
 * spf_record: a stranger's SPF record. What passes is gone through term by term,
 * as often as it was checked, and its domains are expanded: names of the DNS or none.
 */
#include "proto/spf_macro.h"
#include "proto/spf_record.h"

#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expand(struct str spec, const struct ip *ip)
{
	struct spf_macro	m = {
		.ip = *ip, .local = STR("a.-b"), .origin = STR("sender.example"), .domain = STR("d.example"),
		.helo = STR("h %e..lo"), .validated = STR("host.example"), .now = 1,
	};
	struct buf		b = BUF_INIT(16384), text = BUF_INIT(4 * SPF_NAME_MAX);

	if (spf_macro_domain(&b, spec, &m)) {
		if (!spf_name_is(buf_str(&b), 1))
			abort();
		spf_name_text(&text, buf_str(&b));
		if (buf_failed(&text))
			abort();
	}
	if (buf_failed(&b))
		abort();
	buf_free(&b);
	b = (struct buf)BUF_INIT(800);
	spf_macro_expand(&b, spec, &m);
	buf_free(&b);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ip	ips[2] = { { .len = 4, .b = { 192, 0, 2, 1 } }, { .len = 16, .b = { 0x20, 1, 0xd, 0xb8, [15] = 1 } } };
	struct str		txt = str_n(data, size), rest, bad;
	struct spf_record	r;
	struct spf_term		t;
	enum spf_term_got	got;
	const char		*why;
	size_t			n = 0;

	if (!spf_record_is(txt))
		return 0;
	why = spf_record_parse(txt, &r, &bad);
	if ((why == NULL) != (bad.n == 0))
		abort();
	if (why != NULL)
		return 0;
	for (rest = r.terms; (got = spf_term_next(&rest, &t, &why)) == SPF_TERM_OK; n++) {
		if (t.text.n == 0 || t.bits4 > 32 || t.bits6 > 128 || n > size)
			abort();
		if (t.kind == SPF_IP4 || t.kind == SPF_IP6)
			(void)(spf_term_has(&t, &ips[0]) || spf_term_has(&t, &ips[1]));
		else if (t.domain.n > 0 && t.kind != SPF_UNKNOWN)
			expand(t.domain, &ips[n & 1]);
	}
	if (got != SPF_TERM_END)	/* all of it was checked */
		abort();
	return 0;
}
