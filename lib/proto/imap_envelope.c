/* imap_envelope: ENVELOPE of imap_mime.h. */
#include "imap_mime.h"

#include "../base/limits.h"
#include "addrlist.h"
#include "header.h"
#include "imap_text.h"

enum field {
	DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, MESSAGE_ID, FIELDS
};

static const char *const	names[FIELDS] = {
	"Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID",
};

void
imap_put_text(struct buf *out, struct str value)
{
	struct buf	b = BUF_INIT(value.n + 1);

	if (value.p == NULL) {
		buf_adds(out, "NIL");
		return;
	}
	header_unfold(&b, value);
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\0')
			b.p[i] = '?';
	imap_put_string(out, buf_str(&b));
	buf_free(&b);
}

static void
put_address(struct buf *out, const struct addrlist_item *i)
{
	buf_addc(out, '(');
	switch (i->kind) {
	case ADDRLIST_GROUP:
		buf_adds(out, "NIL NIL ");
		/* a group without a name is still no end of one */
		imap_put_text(out, i->name.p == NULL ? STR("") : i->name);
		buf_adds(out, " NIL");
		break;
	case ADDRLIST_GROUP_END:
		buf_adds(out, "NIL NIL NIL NIL");
		break;
	case ADDRLIST_MAILBOX:
		imap_put_text(out, i->name);
		buf_addc(out, ' ');
		imap_put_text(out, i->route);
		buf_addc(out, ' ');
		imap_put_text(out, i->local);
		buf_addc(out, ' ');
		imap_put_text(out, i->domain);
		break;
	}
	buf_addc(out, ')');
}

/* A list of addresses of every field of that name in the header, or NIL. */
static bool
put_addresses(struct buf *out, struct str header, const char *name, struct arena *a)
{
	struct header		h;
	struct header_field	f;
	struct addrlist		l;
	struct addrlist_item	i;
	bool			any = false;
	size_t			n = 0;

	header_open(&h, header);
	while (header_next_named(&h, str_c(name), &f)) {
		addrlist_open(&l, f.value, a);
		while (n < LIMIT_ADDRLIST && addrlist_next(&l, &i)) {
			if (!any)
				buf_addc(out, '(');
			any = true;
			n++;
			put_address(out, &i);
		}
	}
	if (any)
		buf_addc(out, ')');
	return any;
}

void
imap_put_envelope(struct buf *out, struct str header)
{
	struct arena	a = ARENA_INIT(MIME_ARENA);
	struct header_field	f;

	buf_addc(out, '(');
	for (int i = 0; i < FIELDS; i++) {
		if (i > 0)
			buf_addc(out, ' ');
		if (i < FROM || i > BCC) {
			if (header_find(header, str_c(names[i]), &f))
				imap_put_text(out, f.value);
			else
				buf_adds(out, "NIL");
		} else if (!put_addresses(out, header, names[i], &a) &&
		    ((i != SENDER && i != REPLY_TO) || !put_addresses(out, header, names[FROM], &a)))
			buf_adds(out, "NIL");
		arena_reset(&a);
	}
	buf_addc(out, ')');
	arena_free(&a);
}
