/* services: no table harms; what is taken holds what it promises. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/services.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct services	out;
	struct arena		a = ARENA_INIT(1 << 18);
	struct buf		errors = BUF_INIT(1 << 20);
	bool			good = services_parse(str_n(data, size), "f", &a, &out, &errors);

	if (good && errors.n > 0)
		abort();
	if (!good && errors.n == 0 && !buf_failed(&errors))
		abort();
	for (size_t i = 0; good && i < out.nservice; i++)
		if (out.service[i].argv[0] == NULL || out.service[i].user == NULL || out.service[i].name == NULL)
			abort();
	for (size_t i = 0; good && i < out.njob; i++)
		if (out.job[i].argv[0] == NULL || out.job[i].user == NULL)
			abort();
	for (size_t i = 0; good && i < out.ndirectory; i++)
		if (out.directory[i].path == NULL || out.directory[i].path[0] == '/')
			abort();
	arena_free(&a);
	buf_free(&errors);
	return 0;
}
