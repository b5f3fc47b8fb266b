#include "put.h"

#include <errno.h>

#include "../base/attr.h"
#include "../base/limits.h"
#include "../base/num.h"
#include "../sys/ipc.h"

static const char *const	body_words[] = {
	[SMTP_BODY_7BIT] = "7bit", [SMTP_BODY_8BITMIME] = "8bitmime", [SMTP_BODY_BINARYMIME] = "binarymime",
};

static void
start(struct put *p, const char *cmd)
{
	p->rec.max = LIMIT_RECORD;
	attr_start(&p->rec, "put", 1);
	attr_adds(&p->rec, "cmd", cmd);
}

static void
add(struct put *p, const char *name, struct str value)
{
	if (value.n > 0)
		attr_add(&p->rec, name, value);
}

static int
put_send(struct put *p, const struct ipc_fds *fds, struct deadline dl)
{
	if (buf_failed(&p->rec)) {
		errno = EMSGSIZE;
		return -1;
	}
	return ipc_send(p->sock, buf_str(&p->rec), fds, dl);
}

int
put_mail(struct put *p, const struct put_mail *m, struct deadline dl)
{
	start(p, "mail");
	attr_add(&p->rec, "from", m->from);
	attr_adds(&p->rec, "body", body_words[m->body]);
	if (m->smtputf8)
		attr_adds(&p->rec, "smtputf8", "1");
	if (m->requiretls)
		attr_adds(&p->rec, "requiretls", "1");
	if (m->ret != SMTP_RET_UNSAID)
		attr_adds(&p->rec, "ret", m->ret == SMTP_RET_FULL ? "full" : "hdrs");
	add(p, "envid", m->envid);
	add(p, "holdfor", m->holdfor);
	add(p, "holduntil", m->holduntil);
	return put_send(p, NULL, dl);
}

int
put_rcpt(struct put *p, const struct put_rcpt *r, struct deadline dl)
{
	start(p, "rcpt");
	attr_add(&p->rec, "rcpt", r->rcpt);
	if (r->notify != 0)
		attr_addu(&p->rec, "notify", r->notify);
	add(p, "orcpt", r->orcpt);
	return put_send(p, NULL, dl);
}

static struct put_result
lost(int err)
{
	return (struct put_result){ .code = 451, .status = STR("4.3.0"),
	    .text = STR("the queue does not answer"), .id = STR(""), .lost = err };
}

/* An answer in which class, code and status do not agree is none. */
static bool
is_consistent(const struct put_result *r, struct str result)
{
	static const char *const	of_class[] = { "", "", "ok", "", "temp", "perm" };
	unsigned			class = (unsigned)r->code / 100;

	return (class == 2 || class == 4 || class == 5) && str_eq(result, str_c(of_class[class])) &&
	    r->status.n >= 5 && r->status.p[0] == (char)('0' + class) && r->status.p[1] == '.';
}

struct put_result
put_data(struct put *p, int message, struct deadline dl)
{
	struct ipc_fds		fds = { .fd = { message }, .n = 1 };
	struct put_result	r = { .code = 0 };
	struct str		rec;
	uint32_t		code;

	start(p, "data");
	if (put_send(p, &fds, dl) == -1 || ipc_recv(p->sock, &p->rec, NULL, dl) == -1)
		return lost(errno);
	rec = buf_str(&p->rec);
	if (!attr_is(rec, "put", 1) || !num_u32(attr_get(rec, "code"), 599, &code))
		return lost(EPROTO);
	r.code = (int)code;
	r.status = attr_get(rec, "status");
	r.text = attr_get(rec, "text");
	r.id = attr_get(rec, "id");
	return is_consistent(&r, attr_get(rec, "result")) ? r : lost(EPROTO);
}
