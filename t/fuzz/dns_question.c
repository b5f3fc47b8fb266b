/*
 * dns_question: what a client may send to dnsd, names and zone files as it reads
 * them, and records of any length as it writes them: the stub understands all of it.
 */
#include <stdlib.h>

#include "base/attr.h"
#include "client/dns.h"
#include "libexec/dnsd/text.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_name(struct str s)
{
	char	name[TEXT_NAME], again[TEXT_NAME];
	size_t	n;

	if (!text_name(s, name))
		return;
	n = strlen(name);
	if (n == 0 || name[n - 1] != '.' || str_has_control(str_c(name)) || !str_is_ascii(str_c(name)))
		abort();
	if (!text_name(str_c(name), again) || strcmp(name, again) != 0)
		abort();
	if (!text_below(str_c(name), str_c(name)) || !text_below(str_c(name), STR(".")))
		abort();
}

static void
check_question(struct str s)
{
	struct question	q;

	if (text_question(s, &q) != NULL)
		return;
	if (q.id.n > LIMIT_DNSD_ID || q.ms < 1 || q.ms > LIMIT_DNSD_MS || dns_type_name(q.type) == NULL)
		abort();
	check_name(q.name);
}

/* The input as records' data, cut by its own bytes. */
static void
check_answer(struct str s)
{
	struct arena		arena = ARENA_INIT(8 << 20);
	struct buf		body = BUF_INIT(LIMIT_RECORD), rec = BUF_INIT(LIMIT_RECORD);
	struct dns_answer	got;
	char			*data[65] = { NULL };
	int			 len[64];
	struct answer		 a = { .got = "ok", .canonical = STR("x.example."), .data = data, .len = len };

	for (size_t i = 0; i < 64 && s.n > 0; i++) {
		size_t	n = (unsigned char)s.p[0] * 40u;

		s = str_skip(s, 1);
		data[i] = (char *)(uintptr_t)s.p;
		len[i] = (int)str_head(s, n).n;
		s = str_skip(s, n);
	}
	text_answer(&body, &a);
	text_record(&rec, STR("0123456789abcdef0123456789abcdef"), buf_str(&body));
	if (buf_failed(&rec) || !attr_is(buf_str(&rec), "answer", 1))
		abort();
	(void)dns_answer_decode(buf_str(&rec), DNS_TXT, &arena, &got);
	if (got.got != DNS_OK && got.got != DNS_TEMP)
		abort();
	buf_free(&body);
	buf_free(&rec);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	s = str_n(data, size), zone;

	check_question(s);
	check_name(s);
	check_answer(s);
	if (text_zone_of(s, &zone) && (zone.n == 0 || zone.n > s.n))
		abort();
	return 0;
}
