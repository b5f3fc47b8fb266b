#include "conf_report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/code.h"

void
conf_error(struct conf_report *r, struct str file, unsigned line, const char *fmt, ...)
{
	struct buf	text = BUF_INIT(4096);
	va_list		ap;

	r->n++;
	buf_add(&r->text, file);
	if (line > 0)
		buf_addf(&r->text, ":%u", line);
	buf_adds(&r->text, ": ");
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	/* what a file holds goes to a terminal */
	for (struct str rest = buf_str(&text); rest.n > 0; rest = str_skip(rest, 1)) {
		if (byte_is_control(*rest.p))
			code_escape(&r->text, str_head(rest, 1));
		else
			buf_addc(&r->text, *rest.p);
	}
	buf_addc(&r->text, '\n');
	buf_free(&text);
}

void
conf_report_print(struct conf_report *r)
{
	struct str	text = buf_str(&r->text);

	fwrite(text.p, 1, text.n, stderr);
	fprintf(stderr, "%u error%s%s\n", r->n, r->n == 1 ? "" : "s",
	    buf_failed(&r->text) ? ", not all of them shown" : "");
}

void
conf_report_free(struct conf_report *r)
{
	buf_free(&r->text);
	r->n = 0;
}
