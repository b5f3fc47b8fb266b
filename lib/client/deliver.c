#include "deliver.h"

#include <errno.h>

#include "../base/attr.h"

struct deliver_result
deliver_message(struct held *h, const struct deliver_request *q, struct deadline dl)
{
	struct deliver_result	r = { .got = DELIVER_TEMP, .status = STR("4.3.0"),
	    .text = STR("delivery is not possible now"), .id = STR("") };
	struct str		rec, result;

	attr_start(&h->rec, "deliver", 1);
	attr_add(&h->rec, "account", q->account);
	attr_add(&h->rec, "rcpt", q->rcpt);
	attr_add(&h->rec, "mailbox", q->mailbox);
	attr_add(&h->rec, "mailfrom", q->mailfrom);
	attr_add(&h->rec, "prefix", q->prefix);
	attr_add(&h->rec, "conn", q->conn);
	if (q->offset > 0)
		attr_addu(&h->rec, "offset", q->offset);
	if (q->size > 0)
		attr_addu(&h->rec, "size", q->size);
	if (held_call(h, q->message, dl) == -1) {
		r.lost = errno;
		return r;
	}
	rec = buf_str(&h->rec);
	result = attr_get(rec, "result");
	if (!attr_is(rec, "delivered", 1)) {
		held_close(h);
		r.lost = EPROTO;
		return r;
	}
	if (str_eq(result, STR("ok")))
		r.got = DELIVER_OK;
	else if (str_eq(result, STR("perm")))
		r.got = DELIVER_PERM;
	r.status = attr_get(rec, "status");
	r.text = attr_get(rec, "text");
	r.id = attr_get(rec, "id");
	return r;
}
