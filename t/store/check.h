/* check: the end of every test of the store: index and files agree. */
#ifndef T_STORE_CHECK_H
#define T_STORE_CHECK_H

#include <stdio.h>

#include "store/check.h"

__attribute__((unused)) static void
check_print(void *arg, const char *where, const char *what)
{
	(void)arg;
	printf("# %s: %s\n", where, what);
}

#define check_clean(path, name)	do {							\
	uint64_t p_ = 99;								\
	int n_ = account_check((path), check_print, NULL, &p_);				\
	ok(n_ == 0 && p_ == 0, "%s: index and files agree", (name));			\
} while (0)

#endif
