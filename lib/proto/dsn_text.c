#include "dsn_internal.h"

#include "../base/limits.h"
#include "header.h"
#include "words.h"

enum {
	SUBJECT		= 200,		/* bytes of the original's that are said again */
	ADDRESS		= 400,		/* bytes of an address */
	ADVICE		= 32,		/* different sentences of it */
};

static struct str
heading(enum dsn_action a)
{
	switch (a) {
	case DSN_FAILED:
		return STR("could not be delivered to:");
	case DSN_DELAYED:
		return STR("has not been delivered yet to:");
	case DSN_DELIVERED:
		return STR("was delivered to:");
	case DSN_RELAYED:
		return STR("was handed to a server that does not tell of deliveries, for:");
	case DSN_EXPANDED:
		return STR("was delivered to a list, which passes it on:");
	}
	return STR("");
}

/* The most serious of what is told. */
static const struct dsn_rcpt *
gravest(const struct dsn *d)
{
	const struct dsn_rcpt	*r = NULL;

	for (size_t i = 0; i < d->nrcpt; i++)
		if (r == NULL || d->rcpt[i].action < r->action)
			r = &d->rcpt[i];
	return r;
}

/* The original's Subject, as it is meant; empty without. */
static void
add_original_subject(struct buf *b, const struct dsn *d)
{
	struct header_field	f;
	struct buf		text = BUF_INIT(LIMIT_RECORD);

	if (header_find(d->original, STR("Subject"), &f)) {
		words_decode(&text, str_head(f.value, LIMIT_ENCODED_WORD), NULL);
		dsn_clean(b, str_trim(buf_str(&text)), SUBJECT, true);
	}
	buf_free(&text);
}

void
dsn_subject(struct buf *b, const struct dsn *d)
{
	static const char *const	word[] = {
		[DSN_FAILED]	= "Undelivered: ",
		[DSN_DELAYED]	= "Delayed: ",
		[DSN_DELIVERED]	= "Delivered: ",
		[DSN_RELAYED]	= "Passed on: ",
		[DSN_EXPANDED]	= "Delivered: ",
	};
	const struct dsn_rcpt	*r = gravest(d);
	size_t			 begun;

	buf_adds(b, r == NULL ? "Notice: " : word[r->action]);
	begun = b->n;
	add_original_subject(b, d);
	if (b->n > begun)
		return;
	buf_adds(b, "message to ");
	if (r != NULL)
		dsn_clean(b, r->address, SUBJECT, true);
}

/* "about 3 days" */
static void
add_span(struct buf *b, int64_t seconds)
{
	static const struct {
		int64_t		 seconds;
		const char	*name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		int64_t	n = (seconds + units[i].seconds / 2) / units[i].seconds;

		/* a day and a half are better told in hours */
		if (seconds < 2 * units[i].seconds && i + 1 < sizeof(units) / sizeof(units[0]))
			continue;
		buf_addf(b, "about %lld %s%s", (long long)n, units[i].name, n == 1 ? "" : "s");
		return;
	}
}

static void
add_time(struct buf *b, const char *before, struct date d)
{
	if (d.time <= 0)
		return;
	buf_adds(b, before);
	date_write(b, d);
}

/* A sentence in its own lines. */
static void
add_sentence(struct buf *b, const char *indent, struct str text)
{
	struct buf	clean = BUF_INIT(LIMIT_SMTP_REPLY);

	dsn_clean(&clean, text, LIMIT_SMTP_REPLY, true);
	buf_adds(b, indent);
	dsn_fold(b, strlen(indent), indent, buf_str(&clean));
	buf_free(&clean);
}

/* What the other side said, line for line. */
static void
add_words(struct buf *b, const struct dsn *d, const struct dsn_rcpt *r)
{
	struct str	name = dsn_remote(d, r), ip = dsn_remote_ip(d, r), rest, line;

	rest = str_trim(str_head(r->diagnostic, LIMIT_SMTP_REPLY));
	if (rest.n == 0)
		return;
	if (!r->smtp || dsn_is_ours(d, r))
		buf_adds(b, "    This server's own words:\r\n");
	else if (name.n > 0)
		buf_addf(b, ip.n > 0 ? "    " STR_FMT " [" STR_FMT "] said:\r\n" : "    " STR_FMT " said:\r\n",
		    STR_ARG(name), STR_ARG(ip));
	else
		buf_addf(b, ip.n > 0 ? "    The server [" STR_FMT "] said:\r\n" : "    The other server said:\r\n", STR_ARG(ip));
	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		line = str_trim_end(line);
		if (line.n > 0)
			add_sentence(b, "        ", line);
	}
}

/* Where it went, and when; nothing when neither is known. */
static void
add_done(struct buf *b, const struct dsn *d, const struct dsn_rcpt *r)
{
	struct str	name = dsn_remote(d, r);

	if (name.n == 0 && r->last_attempt.time <= 0)
		return;
	buf_adds(b, r->action == DSN_RELAYED ? "Handed over" : "Delivered");
	if (name.n > 0) {
		buf_adds(b, " to ");
		buf_add(b, name);
	}
	add_time(b, " on ", r->last_attempt);
}

static void
add_times(struct buf *b, const struct dsn *d, const struct dsn_rcpt *r)
{
	struct buf	text = BUF_INIT(LIMIT_SMTP_REPLY);

	if (r->action == DSN_DELAYED) {
		add_time(&text, "Last tried on ", r->last_attempt);
		add_time(&text, text.n > 0 ? "; tried again and again until " : "Tried again and again until ", r->retry_until);
		if (r->retry_until.time > d->date.time && d->date.time > 0) {
			buf_adds(&text, " (in ");
			add_span(&text, r->retry_until.time - d->date.time);
			buf_addc(&text, ')');
		}
	} else if (r->action == DSN_FAILED && dsn_status(r).p[0] == '4') {
		add_time(&text, "Tried again and again from ", d->arrival);
		add_time(&text, text.n > 0 ? " to " : "Last tried on ", r->last_attempt);
		buf_adds(&text, text.n > 0 ? ", and given up now" : "Given up now, after trying again and again");
	} else if (r->action == DSN_FAILED)
		add_time(&text, "Tried on ", r->last_attempt);
	else
		add_done(&text, d, r);
	if (text.n > 0) {
		buf_addc(&text, '.');
		add_sentence(b, "    ", buf_str(&text));
	}
	buf_free(&text);
}

static void
add_rcpt(struct buf *b, const struct dsn *d, const struct dsn_rcpt *r)
{
	struct str	status = dsn_status(r);

	buf_adds(b, "\r\n  <");
	dsn_clean(b, r->address, ADDRESS, true);
	buf_adds(b, ">\r\n");
	if (r->action <= DSN_DELAYED) {
		struct buf	why = BUF_INIT(LIMIT_SMTP_REPLY);

		buf_addf(&why, "%s (" STR_FMT ")", dsn_reason(status)->why, STR_ARG(status));
		add_sentence(b, "    ", buf_str(&why));
		buf_free(&why);
		add_words(b, d, r);
	}
	add_times(b, d, r);
}

/* What was sent, and when. */
static void
add_opening(struct buf *b, const struct dsn *d)
{
	struct buf	subject = BUF_INIT(SUBJECT + 16);

	buf_adds(b, "This is the mail server ");
	buf_add(b, dsn_hostname(d));
	buf_adds(b, ".\r\n\r\nYour message");
	add_time(b, " of ", d->arrival);
	buf_adds(b, "\r\n");
	add_original_subject(&subject, d);
	if (subject.n > 0) {
		buf_adds(b, "\r\n    Subject: ");
		dsn_fold(b, strlen("    Subject: "), "    ", buf_str(&subject));
		buf_adds(b, "\r\n");
	}
	buf_free(&subject);
}

static void
add_next(struct buf *b, bool failed, bool delayed)
{
	if (!failed && !delayed)
		return;
	buf_adds(b, "\r\nWhat happens next\r\n\r\n");
	if (failed)
		add_sentence(b, "  ", delayed ? STR("For those who could not be reached: nothing. The message is not sent to them again.") :
		    STR("Nothing. The message is not sent again."));
	if (delayed)
		add_sentence(b, "  ", STR("The server keeps trying until the time told above, and tells you if "
		    "it has to give up. You need not send the message again."));
}

static void
add_advice(struct buf *b, const struct dsn *d, bool failed, bool delayed)
{
	const char	*told[ADVICE];
	size_t		 n = 0;

	if (!failed && !delayed)
		return;
	buf_adds(b, "\r\nWhat you can do\r\n\r\n");
	if (delayed && !failed)
		add_sentence(b, "  ", STR("Wait. If it is urgent, reach the recipient in another way."));
	for (size_t i = 0; i < d->nrcpt; i++) {
		const char	*todo = dsn_reason(dsn_status(&d->rcpt[i]))->todo;
		size_t		 k = 0;

		if (d->rcpt[i].action != DSN_FAILED)
			continue;
		while (k < n && told[k] != todo)
			k++;
		if (k < n || n == ADVICE)
			continue;
		told[n++] = todo;
		add_sentence(b, "  ", str_c(todo));
	}
}

void
dsn_text(struct buf *b, const struct dsn *d)
{
	bool	failed = false, delayed = false, any = false;

	add_opening(b, d);
	for (enum dsn_action a = DSN_FAILED; a <= DSN_EXPANDED; a++) {
		bool	begun = false;

		for (size_t i = 0; i < d->nrcpt; i++) {
			if (d->rcpt[i].action != a)
				continue;
			if (!begun) {
				buf_adds(b, any ? "\r\nand " : "");
				buf_add(b, heading(a));
				buf_adds(b, "\r\n");
			}
			begun = any = true;
			add_rcpt(b, d, &d->rcpt[i]);
		}
		failed = failed || (begun && a == DSN_FAILED);
		delayed = delayed || (begun && a == DSN_DELAYED);
	}
	add_next(b, failed, delayed);
	add_advice(b, d, failed, delayed);
	buf_adds(b, "\r\nBelow, for those who look after mail servers, are the details, and then\r\n");
	buf_adds(b, d->full ? "your message.\r\n" : "the header of your message, by which you can recognise it.\r\n");
}
