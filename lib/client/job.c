#include "job.h"

#include "../base/attr.h"
#include "../base/limits.h"
#include "../base/num.h"

static const char *const	kinds[] = { "direct", "smarthost", "local" };
static const char *const	tls_modes[] = { "policy", "implicit", "starttls", "unverified", "off" };
static const char *const	bodies[] = { "7bit", "8bitmime", "binarymime" };
static const char *const	rets[] = { "unsaid", "full", "hdrs" };
static const char *const	gots[] = { "ok", "temp", "perm" };

#define COUNT(words)	(sizeof(words) / sizeof(words[0]))

/* The index of a word, or n. */
static unsigned
word_index(struct str s, const char *const *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (str_eq(s, str_c(words[i])))
			return i;
	return n;
}

static bool
flag_of(struct str rec, const char *name)
{
	return str_eq(attr_get(rec, name), STR("1"));
}

/* What is empty or false is not said. */
static void
add_text(struct buf *rec, const char *name, struct str value)
{
	if (value.n > 0)
		attr_add(rec, name, value);
}

static void
add_flag(struct buf *rec, const char *name, bool value)
{
	if (value)
		attr_adds(rec, name, "1");
}

/* --- a job */

static void
add_job_rcpt(struct buf *rec, const struct job_rcpt *r)
{
	attr_add(rec, "rcpt", r->address);
	if (r->notify != 0)
		attr_addu(rec, "notify", r->notify);
	add_text(rec, "orcpt", r->orcpt);
	add_text(rec, "account", r->account);
	add_text(rec, "mailbox", r->mailbox);
}

static void
add_route(struct buf *rec, const struct job *j)
{
	add_text(rec, "host", j->host);
	for (size_t i = 0; i < j->nport && i < JOB_PORTS; i++)
		attr_addu(rec, "port", j->port[i]);
	attr_adds(rec, "tls", tls_modes[j->tls]);
	add_text(rec, "ca-file", j->ca_file);
	add_text(rec, "user", j->user);
	add_text(rec, "password", j->password);
	add_text(rec, "mechanisms", j->mechanisms);
	add_flag(rec, "no-ipv4", j->no_ipv4);
	add_flag(rec, "no-ipv6", j->no_ipv6);
}

bool
job_encode(struct buf *rec, const struct job *j)
{
	if (j->nrcpt == 0 || j->nrcpt > JOB_RCPTS || j->dialed.n > LIMIT_JOB_DIALED)
		return false;
	attr_start(rec, "job", 1);
	attr_add(rec, "id", j->id);
	attr_adds(rec, "kind", kinds[j->kind]);
	attr_add(rec, "hostname", j->hostname);
	add_text(rec, "domain", j->domain);
	add_route(rec, j);
	attr_add(rec, "from", j->from);
	attr_adds(rec, "body", bodies[j->body]);
	add_flag(rec, "smtputf8", j->smtputf8);
	add_flag(rec, "require-tls", j->require_tls);
	add_flag(rec, "tls-no", j->tls_no);
	if (j->ret != SMTP_RET_UNSAID)
		attr_adds(rec, "ret", rets[j->ret]);
	add_text(rec, "envid", j->envid);
	attr_addu(rec, "attempt", j->attempt);
	add_text(rec, "dialed", j->dialed);
	attr_addu(rec, "content", j->content);
	attr_addu(rec, "size", j->size);
	for (size_t i = 0; i < j->nrcpt; i++)
		add_job_rcpt(rec, &j->rcpt[i]);
	return !buf_failed(rec) && rec->n <= LIMIT_RECORD;
}

/* The recipients with what is told of each. */
static bool
take_job_rcpts(struct str rec, struct arena *arena, struct job *j)
{
	struct str	 name, value;
	struct job_rcpt	*r = NULL;
	size_t		 at = 0;
	uint32_t	 notify;

	j->nrcpt = attr_count(rec, "rcpt");
	if (j->nrcpt == 0 || j->nrcpt > JOB_RCPTS)
		return false;
	j->rcpt = arena_array(arena, j->nrcpt, sizeof(j->rcpt[0]));
	if (j->rcpt == NULL)
		return false;
	while (attr_next(rec, &at, &name, &value)) {
		if (str_eq(name, STR("rcpt"))) {
			r = r == NULL ? j->rcpt : r + 1;
			*r = (struct job_rcpt){ .address = value };
		} else if (r == NULL)
			continue;
		else if (str_eq(name, STR("notify"))) {
			if (!num_u32(value, 15, &notify))
				return false;
			r->notify = notify;
		} else if (str_eq(name, STR("orcpt")))
			r->orcpt = value;
		else if (str_eq(name, STR("account")))
			r->account = value;
		else if (str_eq(name, STR("mailbox")))
			r->mailbox = value;
	}
	return true;
}

static bool
take_ports(struct str rec, struct job *j)
{
	struct str	name, value;
	size_t		at = 0;
	uint32_t	port;

	while (attr_next(rec, &at, &name, &value)) {
		if (!str_eq(name, STR("port")))
			continue;
		if (j->nport == JOB_PORTS || !num_u32(value, UINT16_MAX, &port) || port == 0)
			return false;
		j->port[j->nport++] = (uint16_t)port;
	}
	return true;
}

/* One of words; false when it is none. Absent: the first. */
static bool
take_word(struct str rec, const char *name, const char *const *words, unsigned n, unsigned *out_r)
{
	struct str	s = attr_get(rec, name);

	*out_r = s.p == NULL ? 0 : word_index(s, words, n);
	return *out_r < n;
}

static bool
take_words(struct str rec, struct job *j)
{
	unsigned	kind, tls, body, ret;

	if (!take_word(rec, "kind", kinds, COUNT(kinds), &kind) ||
	    !take_word(rec, "tls", tls_modes, COUNT(tls_modes), &tls) ||
	    !take_word(rec, "body", bodies, COUNT(bodies), &body) ||
	    !take_word(rec, "ret", rets, COUNT(rets), &ret))
		return false;
	j->kind = (enum job_kind)kind;
	j->tls = (enum job_tls)tls;
	j->body = (enum smtp_body)body;
	j->ret = (enum smtp_ret)ret;
	return true;
}

static bool
take_numbers(struct str rec, struct job *j)
{
	uint32_t	attempt;

	if (!num_u32(attr_get(rec, "attempt"), UINT32_MAX, &attempt) || attempt == 0 ||
	    !num_u64(attr_get(rec, "content"), INT64_MAX, &j->content) ||
	    !num_u64(attr_get(rec, "size"), INT64_MAX, &j->size))
		return false;
	j->attempt = attempt;
	return true;
}

/* Behind the smart host, or the domain, all has to be there that its kind needs. */
static bool
is_whole(struct str rec, const struct job *j)
{
	if (attr_get(rec, "kind").p == NULL || j->id.n == 0 || j->dialed.n > LIMIT_JOB_DIALED)
		return false;
	switch (j->kind) {
	case JOB_DIRECT:
		return j->domain.n > 0 && j->nport > 0;
	case JOB_SMARTHOST:
		return j->host.n > 0 && j->nport > 0;
	case JOB_LOCAL:
		return true;
	}
	return false;
}

bool
job_decode(struct str rec, struct arena *arena, struct job *j)
{
	*j = (struct job){ .nrcpt = 0 };
	if (!attr_is(rec, "job", 1) || !take_words(rec, j) || !take_numbers(rec, j) || !take_ports(rec, j))
		return false;
	j->id = attr_text(rec, "id");
	j->hostname = attr_text(rec, "hostname");
	j->domain = attr_text(rec, "domain");
	j->host = attr_text(rec, "host");
	j->ca_file = attr_text(rec, "ca-file");
	j->user = attr_text(rec, "user");
	j->password = attr_text(rec, "password");
	j->mechanisms = attr_text(rec, "mechanisms");
	j->no_ipv4 = flag_of(rec, "no-ipv4");
	j->no_ipv6 = flag_of(rec, "no-ipv6");
	j->from = attr_text(rec, "from");
	j->smtputf8 = flag_of(rec, "smtputf8");
	j->require_tls = flag_of(rec, "require-tls");
	j->tls_no = flag_of(rec, "tls-no");
	j->envid = attr_text(rec, "envid");
	j->dialed = attr_text(rec, "dialed");
	return is_whole(rec, j) && take_job_rcpts(rec, arena, j);
}

/* --- what came of it */

static bool
is_again(const struct job_result *a, const struct job_result *b)
{
	return a->got == b->got && a->code == b->code && a->dsn == b->dsn && a->local == b->local &&
	    str_eq(a->status, b->status) && str_eq(a->text, b->text) && str_eq(a->host, b->host) &&
	    str_eq(a->ip, b->ip) && str_eq(a->tls, b->tls);
}

/* A peer may have said anything, but NUL is what no record can hold. */
static void
add_peer_text(struct buf *rec, const char *name, struct str value, size_t most)
{
	value = str_head(value, most);
	add_text(rec, name, str_head(value, str_chr(value, '\0')));
}

enum {
	NAME_MOST	= 255,	/* a host's name */
	SHORT_MOST	= 45,	/* an address, an enhanced code, a TLS version */
};

static void
add_result(struct buf *rec, const struct job_result *r, size_t most)
{
	if (r->code != 0)
		attr_addu(rec, "code", r->code);
	add_peer_text(rec, "status", r->status, SHORT_MOST);
	add_peer_text(rec, "text", r->text, most);
	add_peer_text(rec, "host", r->host, NAME_MOST);
	add_peer_text(rec, "ip", r->ip, SHORT_MOST);
	add_peer_text(rec, "tls", r->tls, SHORT_MOST);
	add_flag(rec, "dsn", r->dsn);
	add_flag(rec, "local", r->local);
}

static bool
encode_done(struct buf *rec, const struct job_done *d, size_t most)
{
	attr_start(rec, "done", 1);
	if (d->dialed.n <= LIMIT_JOB_DIALED)
		add_text(rec, "dialed", d->dialed);
	add_flag(rec, "unreached", d->unreached);
	add_flag(rec, "more", d->more);
	for (size_t i = 0; i < d->nresult; i++) {
		const struct job_result	*r = &d->result[i];

		attr_adds(rec, "result", gots[r->got]);
		if (i > 0 && is_again(r, r - 1))
			attr_adds(rec, "again", "1");
		else
			add_result(rec, r, most);
	}
	return !buf_failed(rec) && rec->n <= LIMIT_RECORD;
}

_Static_assert(LIMIT_JOB_DIALED + JOB_RCPTS * (NAME_MOST + 3 * SHORT_MOST + 100) < LIMIT_RECORD,
    "without its texts a done fits");

bool
job_done_encode(struct buf *rec, const struct job_done *d)
{
	if (d->nresult == 0 || d->nresult > JOB_RCPTS)
		return false;
	for (size_t most = LIMIT_SMTP_REPLY; most > 0; most /= 2)
		if (encode_done(rec, d, most))
			return true;
	return encode_done(rec, d, 0);
}

static bool
take_result(struct job_result *r, const struct job_result *before, struct str name, struct str value)
{
	uint32_t	code;

	if (str_eq(name, STR("again"))) {
		if (before == NULL)
			return false;
		*r = *before;
	} else if (str_eq(name, STR("code"))) {
		if (!num_u32(value, 999, &code))
			return false;
		r->code = code;
	} else if (str_eq(name, STR("status")))
		r->status = value;
	else if (str_eq(name, STR("text")))
		r->text = value;
	else if (str_eq(name, STR("host")))
		r->host = value;
	else if (str_eq(name, STR("ip")))
		r->ip = value;
	else if (str_eq(name, STR("tls")))
		r->tls = value;
	else if (str_eq(name, STR("dsn")))
		r->dsn = str_eq(value, STR("1"));
	else if (str_eq(name, STR("local")))
		r->local = str_eq(value, STR("1"));
	return true;
}

static bool
take_results(struct str rec, struct job_done *d)
{
	struct job_result	*r = NULL;
	struct str		 name, value;
	size_t			 at = 0;
	unsigned		 got;

	while (attr_next(rec, &at, &name, &value)) {
		if (str_eq(name, STR("result"))) {
			got = word_index(value, gots, COUNT(gots));
			if (got == COUNT(gots))
				return false;
			r = r == NULL ? d->result : r + 1;
			r->got = (enum job_got)got;
		} else if (r != NULL && !take_result(r, r == d->result ? NULL : r - 1, name, value))
			return false;
	}
	return true;
}

bool
job_done_decode(struct str rec, struct arena *arena, struct job_done *d)
{
	*d = (struct job_done){ .nresult = 0 };
	if (!attr_is(rec, "done", 1))
		return false;
	d->dialed = attr_text(rec, "dialed");
	d->unreached = flag_of(rec, "unreached");
	d->more = flag_of(rec, "more");
	d->nresult = attr_count(rec, "result");
	if (d->nresult == 0 || d->nresult > JOB_RCPTS || d->dialed.n > LIMIT_JOB_DIALED)
		return false;
	d->result = arena_array(arena, d->nresult, sizeof(d->result[0]));
	return d->result != NULL && take_results(rec, d);
}
