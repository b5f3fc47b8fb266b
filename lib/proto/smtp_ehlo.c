#include "smtp_ehlo.h"

#include "../base/num.h"
#include "addr.h"
#include "sasl.h"

static struct str
word(struct str *rest)
{
	struct str	w;

	(void)str_cut(rest, ' ', &w);
	*rest = str_trim(*rest);
	return w;
}

struct str
smtp_ehlo_name(struct str text)
{
	struct str	line, name;

	(void)str_cut(&text, '\n', &line);
	line = str_trim(line);
	name = word(&line);
	return name.n <= LIMIT_DOMAIN && addr_is_helo(name) ? name : STR("");
}

static void
take_size(struct smtp_ehlo *e, struct str arg)
{
	if (!num_u64(word(&arg), UINT64_MAX, &e->max_size))
		e->max_size = 0;
}

static void
take_auth(struct smtp_ehlo *e, struct str arg)
{
	e->auth = true;
	while (arg.n > 0) {
		enum sasl_mech	m = sasl_mech_of(word(&arg));

		if (m != SASL_NONE)
			e->mechanisms |= 1u << m;
	}
}

/* RFC 9422 section 4: NAME=VALUE; names not known, and values that are none, are skipped. */
static void
take_limits(struct smtp_ehlo *e, struct str arg)
{
	while (arg.n > 0) {
		struct str	value = word(&arg), name;
		uint32_t	n;

		if (!str_cut(&value, '=', &name) || value.n > 6 || !num_u32(value, 999999, &n) || n == 0)
			continue;
		if (str_ieq(name, STR("MAILMAX")))
			e->mail_max = n;
		else if (str_ieq(name, STR("RCPTMAX")))
			e->rcpt_max = n;
		else if (str_ieq(name, STR("RCPTDOMAINMAX")))
			e->rcpt_domain_max = n;
	}
}

static void
take_line(struct smtp_ehlo *e, struct str line)
{
	const struct {
		struct str	 name;
		bool		*set;
	} plain[] = {
		{ STR("PIPELINING"), &e->pipelining }, { STR("STARTTLS"), &e->starttls },
		{ STR("8BITMIME"), &e->eightbit }, { STR("BINARYMIME"), &e->binarymime },
		{ STR("CHUNKING"), &e->chunking }, { STR("SMTPUTF8"), &e->smtputf8 },
		{ STR("DSN"), &e->dsn }, { STR("REQUIRETLS"), &e->requiretls },
		{ STR("ENHANCEDSTATUSCODES"), &e->enhanced }, { STR("SIZE"), &e->size },
	};
	struct str	name;

	line = str_trim(line);
	/* "AUTH=LOGIN" is how servers said it before there was an RFC */
	if (str_istarts(line, STR("AUTH="))) {
		take_auth(e, str_trim(str_skip(line, 5)));
		return;
	}
	name = word(&line);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (str_ieq(name, plain[i].name))
			*plain[i].set = true;
	if (str_ieq(name, STR("SIZE")))
		take_size(e, line);
	else if (str_ieq(name, STR("AUTH")))
		take_auth(e, line);
	else if (str_ieq(name, STR("LIMITS")))
		take_limits(e, line);
}

void
smtp_ehlo_parse(struct str text, struct smtp_ehlo *out_r)
{
	struct str	line;

	*out_r = (struct smtp_ehlo){ .max_size = 0 };
	if (!str_copy(smtp_ehlo_name(text), out_r->name, sizeof(out_r->name)))
		out_r->name[0] = '\0';
	(void)str_cut(&text, '\n', &line);
	while (text.n > 0) {
		(void)str_cut(&text, '\n', &line);
		take_line(out_r, line);
	}
}
