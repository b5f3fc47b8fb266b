#include "text.h"

#include "base/attr.h"
#include "base/code.h"
#include "base/num.h"
#include "proto/idn.h"

enum { LABEL_MAX = 63, WIRE_MAX = 255, NUMBER = 3 };

/* --- names */

/* One byte of a label: as it stands, or what an escape means. -1: neither. */
static int
next_byte(struct str *s)
{
	uint32_t	v;
	int		c = (unsigned char)s->p[0];

	*s = str_skip(*s, 1);
	if (c != '\\')
		return c;
	if (s->n >= NUMBER && byte_is_digit(s->p[0])) {
		bool	good = num_u32(str_head(*s, NUMBER), 255, &v);

		*s = str_skip(*s, NUMBER);
		return good ? (int)v : -1;
	}
	if (s->n == 0 || byte_is_digit(s->p[0]))
		return -1;
	c = (unsigned char)s->p[0];
	*s = str_skip(*s, 1);
	return c;
}

static void
put_byte(struct buf *b, int c)
{
	bool	plain = byte_is_alnum((char)c) || c == '-' || c == '_' || c == '*' || c == '/' || c == '=' || c == '+';

	if (plain && c < 0x80)
		buf_addc(b, byte_lower((char)c));
	else
		buf_addf(b, "\\%03d", c);
}

/* *s is at a label; on success behind its dot. Its length, 0 for none. */
static size_t
put_label(struct buf *b, struct str *s)
{
	size_t	n = 0;

	while (s->n > 0 && s->p[0] != '.') {
		int	c = next_byte(s);

		if (c == -1 || ++n > LABEL_MAX)
			return 0;
		put_byte(b, c);
	}
	*s = str_skip(*s, 1);
	buf_addc(b, '.');
	return n;
}

static bool
put_name(struct buf *b, struct str s)
{
	size_t	wire = 1, n;

	if (s.n == 1 && s.p[0] == '.') {
		buf_addc(b, '.');
		return true;
	}
	do {
		n = put_label(b, &s);
		wire += n + 1;
	} while (n > 0 && s.n > 0);
	return n > 0 && wire <= WIRE_MAX;
}

bool
text_name(struct str s, char out_r[TEXT_NAME])
{
	struct buf	ascii = BUF_INIT(4 * LIMIT_DOMAIN);
	struct buf	out = { .p = out_r, .cap = TEXT_NAME, .max = TEXT_NAME - 1 };
	bool		good = true;

	if (!str_is_ascii(s)) {
		good = idn_to_ascii(s, &ascii);
		s = buf_str(&ascii);
	}
	good = good && put_name(&out, s) && buf_c(&out) != NULL;
	buf_free(&ascii);
	return good;
}

bool
text_below(struct str a, struct str b)
{
	if (str_eq(b, STR(".")))
		return true;
	return str_ends(a, b) && (a.n == b.n || a.p[a.n - b.n - 1] == '.');
}

/* --- records */

const char *
text_question(struct str rec, struct question *out_r)
{
	if (!attr_is(rec, "dns", 1))
		return "not a question";
	out_r->id = attr_get(rec, "id");
	out_r->name = attr_get(rec, "name");
	out_r->ms = (int64_t)attr_getu(rec, "ms", LIMIT_DNSD_MS_DEFAULT);
	if (out_r->ms <= 0)
		out_r->ms = 1;
	if (out_r->ms > LIMIT_DNSD_MS)
		out_r->ms = LIMIT_DNSD_MS;
	if (out_r->id.n > LIMIT_DNSD_ID)
		return "its id is too long";
	if (!dns_type_parse(attr_get(rec, "type"), &out_r->type))
		return "its type is not known";
	return NULL;
}

static void
put_all(struct buf *body, const struct answer *a)
{
	struct str	canonical = a->canonical;
	struct buf	text = BUF_INIT(LIMIT_RECORD);

	if (canonical.n > 0 && canonical.p[canonical.n - 1] == '.')
		canonical.n--;
	attr_adds(body, "got", a->got);
	if (a->secure)
		attr_adds(body, "secure", "1");
	attr_add(body, "canonical", canonical);
	attr_addu(body, "ttl", a->ttl);
	if (a->why.n > 0)
		attr_add(body, "why", str_head(a->why, 1024));
	for (size_t i = 0; a->data != NULL && a->data[i] != NULL && !buf_failed(body); i++) {
		buf_reset(&text);
		code_b64(&text, str_n(a->data[i], a->len[i] > 0 ? (size_t)a->len[i] : 0));
		if (buf_failed(&text))
			body->failed = true;
		attr_add(body, "rr", buf_str(&text));
	}
	buf_free(&text);
}

void
text_answer(struct buf *body, const struct answer *a)
{
	struct answer	big = { .got = "temp", .canonical = a->canonical, .why = STR("the answer is larger than a record may be") };

	/* the first attributes must still fit */
	buf_reset(body);
	body->max = LIMIT_RECORD - LIMIT_DNSD_ID - 16;
	put_all(body, a);
	if (!buf_failed(body))
		return;
	buf_reset(body);
	put_all(body, &big);
}

void
text_record(struct buf *rec, struct str id, struct str body)
{
	buf_reset(rec);
	attr_start(rec, "answer", 1);
	attr_add(rec, "id", id);
	buf_add(rec, body);
}

/* --- zone files */

static struct str
next_word(struct str *s)
{
	size_t	n = 0;

	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = str_skip(*s, 1);
	while (n < s->n && !byte_is_space(s->p[n]) && s->p[n] != ';')
		n++;
	*s = str_skip(*s, n);
	return str_n(s->p - n, n);
}

bool
text_zone_of(struct str file, struct str *zone_r)
{
	struct str	line, word;
	bool		more = true;

	while (more) {
		more = str_cut(&file, '\n', &line);
		/* a line that begins with a space has the owner of the one before */
		if (line.n == 0 || line.p[0] == ' ' || line.p[0] == '\t' || line.p[0] == ';' || line.p[0] == '\r')
			continue;
		word = next_word(&line);
		if (str_ieq(word, STR("$ORIGIN")))
			word = next_word(&line);
		else if (word.p[0] == '$')
			continue;
		*zone_r = word;
		return str_ends(word, STR("."));
	}
	return false;
}
