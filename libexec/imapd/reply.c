/* reply: everything that goes to the client passes here. */
#include <sys/mman.h>

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "command.h"
#include "sys/log.h"

enum {
	OUT_WRITE	= 65536,	/* gathered before it is written */
	OUT_KEEP	= 8192,		/* memory kept between commands */
};

struct buf *
out(struct session *s)
{
	return &s->io.out;
}

void
out_flush(struct session *s)
{
	if (!s->gone && buf_failed(&s->io.out)) {
		log_failure("write-failed", "response", ENOMEM);
		s->gone = true;
	}
	if (!s->gone && stream_flush(&s->io) == -1)
		s->gone = true;
	if (s->gone)
		buf_reset(&s->io.out);
	if (s->io.out.cap > OUT_KEEP && s->io.out.n == 0 && s->command == NULL)
		buf_free(&s->io.out);
}

/* The pages of the stack that deep calls of the past have touched: nothing below us is in use. */
static void
shrink_stack(void)
{
#if defined(__linux__) && !defined(POSTHORN_SANITIZE)
	enum { DEPTH = 256 * 1024, RED_ZONE = 4096 };
	uintptr_t	page = (uintptr_t)sysconf(_SC_PAGESIZE), here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t	top = (here - RED_ZONE) & ~(page - 1);

	/* what of the range is no stack yet is passed over, with an error that does not matter */
	(void)madvise((void *)(top - DEPTH), DEPTH, MADV_DONTNEED);
#endif
}

void
out_shrink(struct session *s)
{
	buf_free(&s->io.out);
	if (s->io.in.n == 0)
		buf_free(&s->io.in);
#if defined(__GLIBC__)
	(void)malloc_trim(0);
#endif
	shrink_stack();
}

void
out_more(struct session *s)
{
	if (s->io.out.n >= OUT_WRITE || s->gone)
		out_flush(s);
}

void
untagged(struct session *s, const char *fmt, ...)
{
	va_list	ap;

	buf_adds(out(s), "* ");
	va_start(ap, fmt);
	buf_vaddf(out(s), fmt, ap);
	va_end(ap);
	buf_adds(out(s), "\r\n");
	out_more(s);
}

void
reply_str(struct session *s, enum cond cond, struct str code, const char *text)
{
	static const char *const	names[] = { "OK ", "NO ", "BAD " };

	buf_reset(&s->reply);
	buf_adds(&s->reply, names[cond]);
	if (code.n > 0) {
		buf_addc(&s->reply, '[');
		buf_add(&s->reply, code);
		buf_adds(&s->reply, "] ");
	}
	buf_adds(&s->reply, text);
}

void
reply(struct session *s, enum cond cond, const char *code, const char *text)
{
	reply_str(s, cond, str_c(code), text);
}

/* RFC 5530 and the extensions' own codes. */
static const struct {
	int		 err;
	const char	*code, *text;
} failures[] = {
	{ ENOENT,	"NONEXISTENT",		"No such mailbox" },
	{ EEXIST,	"ALREADYEXISTS",	"There is one already" },
	{ EINVAL,	"CANNOT",		"That is not possible" },
	{ ENAMETOOLONG,	"CANNOT",		"The name is too long" },
	{ ENOTEMPTY,	"HASCHILDREN",		"It has mailboxes below it" },
	{ EPERM,	"CANNOT",		"Not with INBOX" },
	{ EDQUOT,	"OVERQUOTA",		"Over quota" },
	{ EOVERFLOW,	"LIMIT",		"Too many different keywords in this mailbox" },
	{ ESTALE,	"NONEXISTENT",		"The mailbox was deleted" },
	{ ETIMEDOUT,	"INUSE",		"Try again later" },
	{ ENOSPC,	"UNAVAILABLE",		"No space left on the server" },
};

void
reply_errno(struct session *s, int err)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].err == err) {
			reply(s, NO, failures[i].code, failures[i].text);
			return;
		}
	log_failure("command-failed", s->command != NULL ? s->command->name : "", err);
	reply(s, NO, "SERVERBUG", "Something went wrong on the server, try again later");
}

void
reply_syntax(struct session *s, const struct imap_cur *c)
{
	reply(s, BAD, NULL, c->err != NULL ? c->err : "syntax error");
}

bool
parsed(struct session *s, struct imap_cur *c)
{
	if (imap_end(c))
		return true;
	reply_syntax(s, c);
	return false;
}

void
reply_write(struct session *s)
{
	if (s->reply.n == 0)	/* the session ended in the middle of it */
		return;
	buf_add(out(s), s->tag);
	buf_addc(out(s), ' ');
	if (buf_failed(&s->reply))	/* a code of absurd length: the answer without it */
		reply(s, OK, NULL, "Done");
	buf_add(out(s), buf_str(&s->reply));
	buf_adds(out(s), "\r\n");
	buf_reset(&s->reply);
	if (s->reply.cap > OUT_KEEP)
		buf_free(&s->reply);
}
