#include "smtp_internal.h"

#include "date.h"

enum { WRAP_FROM = 400 };	/* a space behind this ends a long reply line */

/* One line of a reply; more follow when more is true. */
static void
add_line(struct smtp_session *s, int code, const char *enhanced, struct str text, bool more)
{
	buf_addf(&s->out, "%03d%c", code, more ? '-' : ' ');
	if (enhanced != NULL)
		buf_addf(&s->out, "%s ", enhanced);
	buf_add(&s->out, text);
	buf_adds(&s->out, "\r\n");
}

/* Cut from *rest what fits on one line: to a LF, else to a space, else bluntly. */
static struct str
cut_line(struct str *rest, size_t max)
{
	size_t		lf = str_chr(*rest, '\n');
	struct str	line;

	if (lf <= max) {
		line = str_head(*rest, lf);
		*rest = str_skip(*rest, lf + 1);
		return line;
	}
	line = str_head(*rest, max);
	for (size_t i = WRAP_FROM; i < max; i++)
		if (line.p[i] == ' ') {
			line.n = i;
			*rest = str_skip(*rest, i + 1);
			return line;
		}
	/* not between the bytes of a character */
	while (line.n > 1 && ((unsigned char)line.p[line.n] & 0xc0) == 0x80)
		line.n--;
	*rest = str_skip(*rest, line.n);
	return line;
}

void
smtp_reply(struct smtp_session *s, int code, const char *enhanced, struct str text)
{
	struct buf	b = BUF_INIT(LIMIT_SMTP_REPLY);
	struct str	rest, line;
	size_t		max = LIMIT_SMTP_REPLY_LINE - 4;

	if (enhanced != NULL)
		max -= strlen(enhanced) + 1;
	buf_add(&b, str_head(text, LIMIT_SMTP_REPLY - 200));
	if (code >= 400) {
		buf_adds(&b, " (");
		buf_add(&b, s->msg.n > 0 ? s->msg : s->conf->id);
		buf_addc(&b, ')');
	}
	rest = buf_str(&b);
	do {
		line = cut_line(&rest, max);
		add_line(s, code, enhanced, line, rest.n > 0);
	} while (rest.n > 0);
	buf_free(&b);
}

void
smtp_say(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
	smtp_reply(s, code, enhanced, str_c(text));
}

void
smtp_say_close(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
	smtp_say(s, code, enhanced, text);
	s->want = SMTP_WANT_CLOSE;
}

void
smtp_say_hello(struct smtp_session *s)
{
	bool	offer = s->conf->starttls && !s->tls;

	add_line(s, 250, NULL, s->conf->hostname, true);
	add_line(s, 250, NULL, STR("PIPELINING"), true);
	buf_adds(&s->out, "250-SIZE ");
	buf_addu(&s->out, s->conf->max_size);
	buf_adds(&s->out, "\r\n");
	if (offer)
		add_line(s, 250, NULL, STR("STARTTLS"), true);
	else if (s->tls)
		add_line(s, 250, NULL, STR("REQUIRETLS"), true);
	if (s->conf->submission && !s->conf->known)
		smtp_auth_names(s);
	if (s->conf->submission) {
		buf_addf(&s->out, "250-FUTURERELEASE %d ", LIMIT_SUBMISSION_HOLD);
		date_write_3339(&s->out, s->now + LIMIT_SUBMISSION_HOLD);
		buf_adds(&s->out, "\r\n");
	}
	add_line(s, 250, NULL, STR("ENHANCEDSTATUSCODES"), true);
	add_line(s, 250, NULL, STR("8BITMIME"), true);
	buf_addf(&s->out, "250-LIMITS RCPTMAX=%d\r\n", LIMIT_SMTP_RCPTS);
	add_line(s, 250, NULL, STR("SMTPUTF8"), true);
	add_line(s, 250, NULL, STR("CHUNKING"), true);
	add_line(s, 250, NULL, STR("BINARYMIME"), true);
	add_line(s, 250, NULL, STR("DSN"), false);
}
