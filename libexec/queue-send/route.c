#include "base/limits.h"
#include "queue-send.h"

enum { FAIL_CODE = 554 };

static void
copy(char *dst, size_t size, struct str s)
{
	/* too long: as much as there is room for */
	if (!str_copy(str_head(s, size - 1), dst, size))
		dst[0] = '\0';
}

static void
refuse(struct route *r, bool perm, unsigned code, const char *status, struct str text)
{
	r->to = ROUTE_REFUSE;
	r->verdict = (struct verdict){ .perm = perm, .code = code };
	copy(r->verdict.status, sizeof(r->verdict.status), str_c(status));
	copy(r->verdict.text, sizeof(r->verdict.text), text);
}

/* Ours, whoever it is there: queue-local finds out. */
static bool
is_ours(struct queue *q, const struct rcpt *r, bool *error_r)
{
	struct conf_rcpt	who;

	*error_r = false;
	if (r->account || conf_machine(q->conf)->localserve)
		return true;
	/* which localpart it is makes no difference, but for the postmaster's */
	conf_rcpt(q->conf, r->postmaster ? STR("postmaster") : STR("x"), name_str(r->domain), &q->arena, &who);
	*error_r = who.kind == CONF_RCPT_ERROR;
	return who.kind != CONF_RCPT_NO_DOMAIN || r->domain->n == 0;
}

/* The sender's domain may be disabled since: its mail waits. */
static enum conf_got
find_sender(struct queue *q, const struct message *m, struct conf_domain *d)
{
	if (m->from_domain->n == 0)
		return CONF_NONE;
	return conf_domain(q->conf, name_str(m->from_domain), &q->arena, d);
}

static void
take_transport(struct route *r)
{
	const struct conf_transport	*t = &r->transport;

	switch (t->kind) {
	case CONF_TRANSPORT_DIRECT:
		r->to = ROUTE_DIRECT;
		break;
	case CONF_TRANSPORT_SUBMISSIONS:
	case CONF_TRANSPORT_SUBMISSION:
	case CONF_TRANSPORT_SMTP:
		r->to = ROUTE_SMARTHOST;
		break;
	case CONF_TRANSPORT_FAIL:
		refuse(r, t->code == 0 || t->code >= 500, t->code == 0 ? FAIL_CODE : t->code,
		    t->code == 0 || t->code >= 500 ? "5.7.0" : "4.7.0",
		    t->text.n > 0 ? t->text : STR("mail to this destination is not sent"));
		break;
	}
}

void
route_find(struct queue *q, const struct message *m, const struct rcpt *r, struct route *out)
{
	struct conf_domain	sender;
	enum conf_got		got;
	bool			error;

	*out = (struct route){ .to = ROUTE_LATER };
	got = find_sender(q, m, &sender);
	if (got == CONF_ERROR)
		return;
	if (got == CONF_OK && sender.disabled) {
		refuse(out, false, 0, "4.2.1", STR("the sender's domain is disabled"));
		return;
	}
	if (is_ours(q, r, &error)) {
		out->to = error ? ROUTE_LATER : ROUTE_LOCAL;
		return;
	}
	got = conf_route(q->conf, name_str(m->account), name_str(m->from_domain), name_str(r->domain), r->attempts,
	    &q->arena, &out->transport);
	if (got == CONF_NONE)
		out->to = ROUTE_DIRECT;
	else if (got == CONF_OK)
		take_transport(out);
}

/*
 * What no domain can be begins with a control character. Messages that one
 * transport takes share its connections; direct ones of a domain share theirs.
 */
static void
add_key(struct buf *b, const struct route *r, const struct rcpt *rc)
{
	switch (r->to) {
	case ROUTE_DIRECT:
		if (r->transport.name.n > 0) {
			buf_adds(b, "\001");
			buf_add(b, r->transport.name);
			buf_adds(b, "\001");
		}
		buf_add(b, name_str(rc->domain));
		break;
	case ROUTE_SMARTHOST:
		buf_adds(b, "\002");
		buf_add(b, r->transport.name);
		break;
	case ROUTE_LOCAL:
	case ROUTE_LATER:
		buf_adds(b, "\003");
		break;
	case ROUTE_REFUSE:
		buf_addf(b, "\004%u %s %s", r->verdict.code, r->verdict.status, r->verdict.text);
		break;
	}
}

struct name *
route_key(struct queue *q, const struct route *r, const struct rcpt *rc)
{
	char		text[1024];
	struct buf	b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	add_key(&b, r, rc);
	return name_hold(&q->names, buf_str(&b));
}
