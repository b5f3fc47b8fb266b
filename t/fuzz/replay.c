/*
 * replay: runs a fuzz target over its corpus as an ordinary test. Linked with
 * t/fuzz/NAME.c into t/fuzz/NAME.t; reads $top_srcdir/t/fuzz/corpus/NAME. Each file
 * is given whole, and cut at a few places, because peers stop anywhere.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sys/fd.h"
#include "../tap.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* An exact heap copy, so that a read past the end is seen by the sanitizers. */
static void
give(struct str s)
{
	uint8_t	*copy = malloc(s.n + 1);

	if (copy == NULL)
		abort();
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy = realloc(copy, s.n == 0 ? 1 : s.n);
	(void)LLVMFuzzerTestOneInput(copy, s.n);
	free(copy);
}

static void
replay(struct str s)
{
	give(s);
	for (size_t n = 0; n < s.n; n += 1 + s.n / 16)
		give(str_head(s, n));
}

int
main(int argc, char *argv[])
{
	const char	*src = getenv("top_srcdir"), *base = strrchr(argv[0], '/');
	struct buf	 path = BUF_INIT(4096), content = BUF_INIT(1 << 24);
	struct str	 name = str_c(base == NULL ? argv[0] : base + 1);
	struct dirent	*e;
	size_t		 n = 0;
	DIR		*d;

	(void)argc;
	if (str_ends(name, STR(".t")))
		name.n -= 2;
	buf_addf(&path, "%s/t/fuzz/corpus/" STR_FMT, src == NULL ? "." : src, STR_ARG(name));
	d = opendir(buf_c(&path));
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		buf_reset(&content);
		if (file_read(dirfd(d), e->d_name, &content) == -1)
			continue;
		replay(buf_str(&content));
		n++;
	}
	ok(n > 0, "%zu inputs of the corpus " STR_FMT " replayed", n, STR_ARG(name));
	if (d != NULL)
		(void)closedir(d);
	buf_free(&path);
	buf_free(&content);
	return done_testing();
}
