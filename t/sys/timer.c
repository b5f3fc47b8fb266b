/* listend's timers: each kind in its order, those started anew, those that stop. */
#include "../../libexec/listend/timer.h"

#include "../tap.h"

enum { N = 4 };

static struct timer	timers[N];
static int		order[16], n_order;

static void
over(void *of)
{
	order[n_order++] = (int)((struct timer *)of - timers);
}

static void
at(int64_t now)
{
	timers_turn(now);
	timers_run();
}

static void
reset(void)
{
	for (int i = 0; i < N; i++) {
		timer_set(&timers[i], TIMER_NONE);
		timers[i] = (struct timer){ .over = over, .of = &timers[i] };
	}
	n_order = 0;
}

int
main(void)
{
	timers_lasts(TIMER_IDLE, 100);
	timers_lasts(TIMER_STALL, 10);
	timers_turn(1000);
	reset();
	is_num(timers_next(5000), 5000, "nothing to wait for");
	timer_set(&timers[0], TIMER_IDLE);
	at(1010);
	timer_set(&timers[1], TIMER_IDLE);
	timer_set(&timers[2], TIMER_STALL);
	is_num(timers_next(5000), 10, "the nearest of all kinds");
	at(1019);
	is_num(n_order, 0, "none too early");
	at(1020);
	ok(n_order == 1 && order[0] == 2, "the short one first");
	is_num(timers_next(5000), 80, "then the next");
	at(1200);
	ok(n_order == 3 && order[1] == 0 && order[2] == 1, "the others in their order");
	is_num(timers_next(50), 50, "and no more");

	reset();
	timer_set(&timers[0], TIMER_IDLE);
	timer_set(&timers[1], TIMER_IDLE);
	at(1250);
	timer_set(&timers[0], TIMER_IDLE);
	at(1300);
	ok(n_order == 1 && order[0] == 1, "one that was started anew has more time");
	at(1349);
	is_num(n_order, 1, "all that it was given");
	at(1450);
	ok(n_order == 2 && order[1] == 0, "and no more than twice as much");

	reset();
	timer_set(&timers[0], TIMER_IDLE);
	timer_set(&timers[1], TIMER_IDLE);
	timer_set(&timers[2], TIMER_IDLE);
	timer_set(&timers[1], TIMER_NONE);
	timer_set(&timers[0], TIMER_STALL);
	at(1470);
	ok(n_order == 1 && order[0] == 0, "one that changed its kind goes by that");
	at(1600);
	ok(n_order == 2 && order[1] == 2, "one that was stopped is not heard of");
	return done_testing();
}
