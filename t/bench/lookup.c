/*
 * lookup: how long it takes to look up a recipient in the config.tdb that
 * t/bench/config.sh built: lookup ACCOUNTS ADDRESSES-EACH. Prints two numbers,
 * microseconds a lookup with the database open, and with opening it for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/num.h"
#include "client/conf.h"
#include "sys/die.h"

enum { OPEN_ROUNDS = 200000, EACH_ROUNDS = 20000, REPEATS = 5 };

static uint32_t	accounts, each;

static double
now(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
look(struct conf *c, struct arena *a)
{
	char			local[64], domain[64];
	uint32_t		j = (uint32_t)random() % each;
	struct conf_rcpt	r;

	snprintf(local, sizeof(local), "u%u.%u", (unsigned)random() % accounts, j);
	snprintf(domain, sizeof(domain), "d%u.example", j % 10);
	arena_reset(a);
	conf_rcpt(c, str_c(local), str_c(domain), a, &r);
	if (r.kind != CONF_RCPT_ACCOUNT)
		diex(EXIT_PERM, "%s@%s is not there", local, domain);
}

static struct conf *
open_it(void)
{
	struct conf	*c = conf_open();

	if (c == NULL)
		die(EXIT_TEMP, "unable to open config.tdb");
	return c;
}

/* The best of some, as the machine has other things to do. */
static double
best(bool reopen, struct arena *a)
{
	int	rounds = reopen ? EACH_ROUNDS : OPEN_ROUNDS;
	double	least = 0;

	for (int k = 0; k < REPEATS; k++) {
		struct conf	*c = open_it();
		double		 t = now();

		for (int i = 0; i < rounds; i++) {
			if (reopen) {
				conf_close(c);
				c = open_it();
			}
			look(c, a);
		}
		t = (now() - t) / rounds;
		conf_close(c);
		if (k == 0 || t < least)
			least = t;
	}
	return least;
}

int
main(int argc, char *argv[])
{
	struct arena	a = ARENA_INIT(1 << 20);

	prog_init(argv[0]);
	if (argc != 3 || !num_u32(str_c(argv[1]), UINT32_MAX, &accounts) || !num_u32(str_c(argv[2]), UINT32_MAX, &each) ||
	    accounts == 0 || each == 0)
		diex(EXIT_PERM, "usage: lookup ACCOUNTS ADDRESSES-EACH");
	printf("%.2f ", best(false, &a));
	printf("%.2f\n", best(true, &a));
	arena_free(&a);
	return EXIT_OK;
}
