#include "die.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char	*name = "posthorn";

void
prog_init(const char *argv0)
{
	const char	*slash = argv0 == NULL ? NULL : strrchr(argv0, '/');

	if (argv0 != NULL && argv0[0] != '\0')
		name = slash == NULL ? argv0 : slash + 1;
}

const char *
prog_name(void)
{
	return name;
}

/* One write a line, so that lines of several processes do not mix. */
static __attribute__((format(printf, 1, 0))) void
complain(const char *fmt, va_list ap, int err)
{
	char	text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (err == 0)
		(void)fprintf(stderr, "%s: %s\n", name, text);
	else
		(void)fprintf(stderr, "%s: %s: %s\n", name, text, strerror(err));
}

void
die(int code, const char *fmt, ...)
{
	int	err = errno;
	va_list	ap;

	va_start(ap, fmt);
	complain(fmt, ap, err);
	va_end(ap);
	exit(code);
}

void
diex(int code, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	complain(fmt, ap, 0);
	va_end(ap);
	exit(code);
}

void
warn(const char *fmt, ...)
{
	int	err = errno;
	va_list	ap;

	va_start(ap, fmt);
	complain(fmt, ap, err);
	va_end(ap);
	errno = err;
}

void
warnx(const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	complain(fmt, ap, 0);
	va_end(ap);
}
