/* filename: what is parsed is written again as it was, when it was exact; and what is written parses. */
#include "store/file.h"

#include <stdlib.h>
#include <string.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	in = str_n(data, size);
	struct entry	e, again;
	struct flags	f;
	char		name[FILE_NAME_SIZE];
	int64_t		date;
	bool		exact;

	file_foreign(in, -5, &f, &date);
	if (date < 0 || f.keywords != 0)
		abort();
	if (!file_parse(in, &e, &exact))
		return 0;
	file_name(&e, name);
	if (exact != str_eq(in, str_c(name)))
		abort();
	if (!file_parse(str_c(name), &again, &exact) || !exact || memcmp(&e, &again, sizeof(e)) != 0)
		abort();
	return 0;
}
