/*
 * tap: the little a test in C needs. One ok() a fact; done_testing() at the
 * end of main gives the exit code.
 */
#ifndef T_TAP_H
#define T_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"

static int	tap_run, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	printf("%sok %d - ", good ? "" : "not ", ++tap_run);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	(void)fflush(stdout);
	return good;
}

__attribute__((unused)) static bool
tap_is(struct str got, struct str want, const char *file, int line, const char *name)
{
	bool	good = str_eq(got, want);

	(void)tap_ok(good, file, line, "%s", name);
	if (!good)
		printf("# got  \"" STR_FMT "\"\n# want \"" STR_FMT "\"\n", STR_ARG(got), STR_ARG(want));
	return good;
}

/* ok(condition, "name %d", …); is_str(got, want, "name"); is_num(got, want, "name") */
#define ok(cond, ...)		tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, name)	tap_is((got), (want), __FILE__, __LINE__, (name))
#define is_num(got, want, name)	do {						\
	long long g_ = (long long)(got), w_ = (long long)(want);		\
	if (!tap_ok(g_ == w_, __FILE__, __LINE__, "%s", (name)))		\
		printf("# got %lld, want %lld\n", g_, w_);			\
} while (0)

__attribute__((unused)) static int
done_testing(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed != 0;
}

#endif
