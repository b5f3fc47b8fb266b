/* search: the first line is a key, the rest a message; what is in a plain body is found. */
#include "proto/search.h"

#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str		text = str_n(data, size), word, body;
	struct arena		a = ARENA_INIT(MIME_ARENA);
	struct search_key	k;
	struct mime		m;
	int32_t			day;

	(void)str_cut(&text, '\n', &word);
	if (!search_key(&k, STR("utf-8"), word, NULL, &a) || !mime_parse(&m, text, &a))
		goto out;
	(void)search_header(text, STR("Subject"), &k, NULL);
	(void)search_sent(text, &day);
	body = mime_body(&m, &m.parts[0]);
	if (!search_text(&m, &k, NULL) && m.n == 1 && mime_is(&m.parts[0], "text", "plain") &&
	    m.parts[0].encoding == TRANSFER_PLAIN && m.parts[0].params.n == 0 &&
	    str_is_ascii(word) && str_is_ascii(body) && str_find(body, word) < body.n)
		abort();
out:
	arena_free(&a);
	return 0;
}
