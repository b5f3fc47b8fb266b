#include "names.h"

#include <stdlib.h>

enum { BUCKETS = 256 };

uint32_t
hash_str(uint32_t hash, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (uint8_t)s.p[i]) * 0x01000193;
	return hash;
}

struct str
name_str(const struct name *n)
{
	return str_n(n->text, n->n);
}

/* Twice the buckets, or the first ones. On no memory the chains get longer. */
static void
grow(struct names *ns)
{
	size_t		  n = ns->buckets == 0 ? BUCKETS : ns->buckets * 2;
	struct name	**b = calloc(n, sizeof(b[0]));

	if (b == NULL)
		return;
	for (size_t i = 0; i < ns->buckets; i++)
		while (ns->bucket[i] != NULL) {
			struct name	*one = ns->bucket[i];

			ns->bucket[i] = one->chain;
			one->chain = b[one->hash & (n - 1)];
			b[one->hash & (n - 1)] = one;
		}
	free(ns->bucket);
	ns->bucket = b;
	ns->buckets = n;
}

struct name *
name_hold(struct names *ns, struct str s)
{
	uint32_t	 hash = hash_str(HASH_START, s);
	struct name	*one;

	if (ns->count >= ns->buckets)
		grow(ns);
	if (ns->buckets == 0)
		return NULL;
	for (one = ns->bucket[hash & (ns->buckets - 1)]; one != NULL; one = one->chain)
		if (one->hash == hash && str_eq(name_str(one), s))
			return name_again(one);
	one = calloc(1, sizeof(*one) + s.n);
	if (one == NULL)
		return NULL;
	one->refs = 1;
	one->hash = hash;
	one->n = (uint32_t)s.n;
	if (s.n > 0)
		memcpy(one->text, s.p, s.n);
	one->chain = ns->bucket[hash & (ns->buckets - 1)];
	ns->bucket[hash & (ns->buckets - 1)] = one;
	ns->count++;
	return one;
}

struct name *
name_again(struct name *n)
{
	n->refs++;
	return n;
}

void
name_drop(struct names *ns, struct name *n)
{
	struct name	**at;

	if (n == NULL || --n->refs > 0)
		return;
	at = &ns->bucket[n->hash & (ns->buckets - 1)];
	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	ns->count--;
	free(n);
}
