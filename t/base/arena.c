/* arena: the maximum, alignment, reuse. */
#include "base/arena.h"

#include <stdint.h>

#include "../tap.h"

int
main(void)
{
	struct arena	a = ARENA_INIT(10000);
	struct str	copy;
	char		*p;

	p = arena_alloc(&a, 3);
	ok(p != NULL && (uintptr_t)p % 16 == 0 && p[0] == 0 && p[2] == 0, "aligned and zeroed");
	ok(arena_dup(&a, STR("hello"), &copy) && str_eq(copy, STR("hello")), "a copy");
	ok(arena_alloc(&a, 9000) != NULL, "larger than a block");
	ok(arena_alloc(&a, 2000) == NULL, "over the maximum");
	ok(arena_array(&a, SIZE_MAX, 2) == NULL, "a multiplication that overflows");
	arena_reset(&a);
	ok(arena_alloc(&a, 9000) != NULL, "all of it again after a reset");
	arena_free(&a);
	is_num(a.used, 0, "freed");
	return done_testing();
}
