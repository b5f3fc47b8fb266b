#include "log.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "../base/code.h"
#include "die.h"
#include "fd.h"

static char	always[256];

void
log_start(struct log *l, const char *event)
{
	l->line = (struct buf){ .p = l->text, .cap = sizeof(l->text), .max = sizeof(l->text) - 2 };
	buf_addf(&l->line, "%s[%ld] %s%s", prog_name(), (long)getpid(), event, always);
}

void
log_str(struct log *l, const char *key, struct str value)
{
	char		text[1024];
	struct buf	esc = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	bool		quote;

	code_escape(&esc, str_head(value, 200));
	quote = esc.n == 0 || str_chr(buf_str(&esc), ' ') != esc.n || str_chr(buf_str(&esc), '=') != esc.n;
	buf_addf(&l->line, quote ? " %s=\"" STR_FMT "\"" : " %s=" STR_FMT, key, STR_ARG(buf_str(&esc)));
}

void
log_cstr(struct log *l, const char *key, const char *value)
{
	log_str(l, key, str_c(value));
}

void
log_num(struct log *l, const char *key, int64_t value)
{
	buf_addf(&l->line, " %s=%" PRId64, key, value);
}

void
log_err(struct log *l, int err)
{
	log_cstr(l, "error", strerror(err));
}

void
log_end(struct log *l)
{
	/* what did not fit was not added; the line is told all the same */
	l->text[l->line.n] = '\n';
	if (write_all(STDERR_FILENO, str_n(l->text, l->line.n + 1)) == -1)
		return;	/* there is nowhere to say so */
}

void
log_always(const char *key, struct str value)
{
	struct log	l;
	size_t		head;

	log_start(&l, "");
	head = l.line.n - strlen(always);
	log_str(&l, key, value);
	if (!str_copy(str_skip(buf_str(&l.line), head), always, sizeof(always)))
		always[0] = '\0';
}

void
log_failure(const char *event, const char *what, int err)
{
	struct log	l;

	log_start(&l, event);
	log_cstr(&l, "what", what);
	log_err(&l, err);
	log_end(&l);
}
