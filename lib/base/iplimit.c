#include "iplimit.h"

#include <stdlib.h>

/* Open addressing, linear probing; an entry with count 0 is free. */
struct iplimit_entry {
	struct ip	net;
	uint8_t		class;
	uint32_t	count;
};

enum { IPLIMIT_FIRST_SIZE = 64 };

static const uint8_t	bits4[IPLIMIT_CLASSES] = { 32, 26, 21 };
static const uint8_t	bits6[IPLIMIT_CLASSES] = { 64, 48, 32 };

void
iplimit_init(struct iplimit *l, const uint32_t max[IPLIMIT_CLASSES], int64_t window_s, size_t max_entries, uint64_t seed)
{
	*l = (struct iplimit){ .window_s = window_s, .max_entries = max_entries, .seed = seed };
	memcpy(l->max, max, sizeof(l->max));
}

void
iplimit_free(struct iplimit *l)
{
	free(l->entries);
	l->entries = NULL;
	l->n = l->size = 0;
}

static struct iplimit_entry
key_of(const struct ip *ip, int class)
{
	unsigned	bits = ip->len == 4 ? bits4[class] : bits6[class];

	return (struct iplimit_entry){ .net = ip_mask(ip, bits), .class = (uint8_t)class };
}

static bool
same(const struct iplimit_entry *a, const struct iplimit_entry *b)
{
	return a->class == b->class && ip_eq(&a->net, &b->net);
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15U;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93U;
	return h ^ h >> 32;
}

static size_t
home_of(const struct iplimit *l, const struct iplimit_entry *key)
{
	uint64_t	half[2], h = l->seed;

	memcpy(half, key->net.b, sizeof(half));
	h = mix(h, half[0]);
	h = mix(h ^ l->seed, half[1]);
	h = mix(h, (uint64_t)key->class << 8 | key->net.len);
	return (size_t)h & (l->size - 1);
}

/* Where key is, or the free entry where it would go. There is always a free one. */
static struct iplimit_entry *
find(const struct iplimit *l, const struct iplimit_entry *key)
{
	size_t	i = home_of(l, key);

	while (l->entries[i].count != 0 && !same(&l->entries[i], key))
		i = (i + 1) & (l->size - 1);
	return &l->entries[i];
}

static uint32_t
count(const struct iplimit *l, const struct iplimit_entry *key)
{
	return l->size == 0 ? 0 : find(l, key)->count;
}

/* Room for one more with at least a quarter free; false at the maximum or without memory. */
static bool
make_room(struct iplimit *l)
{
	struct iplimit	old = *l;

	if (l->n >= l->max_entries)
		return false;
	if (l->size - l->size / 4 > l->n)
		return true;
	l->size = old.size == 0 ? IPLIMIT_FIRST_SIZE : old.size * 2;
	l->entries = calloc(l->size, sizeof(*l->entries));
	if (l->entries == NULL) {
		*l = old;
		return false;
	}
	for (size_t i = 0; i < old.size; i++)
		if (old.entries[i].count != 0)
			*find(l, &old.entries[i]) = old.entries[i];
	free(old.entries);
	return true;
}

static void
turn(struct iplimit *l, int64_t now)
{
	int64_t	window = l->window_s == 0 ? 0 : now / l->window_s;

	if (window == l->window)
		return;
	l->window = window;
	iplimit_free(l);	/* a flood's memory goes with its window */
}

bool
iplimit_add(struct iplimit *l, const struct ip *ip, int64_t now, uint32_t n)
{
	struct iplimit_entry	key;

	turn(l, now);
	if (n == 0)
		return true;
	for (int c = 0; c < IPLIMIT_CLASSES; c++) {
		uint32_t	have;

		key = key_of(ip, c);
		have = count(l, &key);
		if (have > l->max[c] || n > l->max[c] - have)
			return false;
	}
	for (int c = 0; c < IPLIMIT_CLASSES; c++) {
		struct iplimit_entry	*e;

		key = key_of(ip, c);
		if (count(l, &key) == 0) {
			if (!make_room(l))
				continue;
			l->n++;
		}
		e = find(l, &key);
		key.count = e->count + n;
		*e = key;
	}
	return true;
}

uint32_t
iplimit_count(const struct iplimit *l, const struct ip *ip, int64_t now)
{
	struct iplimit_entry	key = key_of(ip, 0);

	if (l->window_s != 0 && now / l->window_s != l->window)
		return 0;
	return count(l, &key);
}

/* Free entry i, and move back those behind it that a search would not reach any more. */
static void
forget(struct iplimit *l, size_t i)
{
	size_t	mask = l->size - 1, j = i;

	for (;;) {
		size_t	home;

		l->entries[i].count = 0;
		do {
			j = (j + 1) & mask;
			if (l->entries[j].count == 0) {
				l->n--;
				return;
			}
			home = home_of(l, &l->entries[j]);
		} while (((j - home) & mask) < ((j - i) & mask));
		l->entries[i] = l->entries[j];
		i = j;
	}
}

void
iplimit_sub(struct iplimit *l, const struct ip *ip, int64_t now, uint32_t n)
{
	turn(l, now);
	for (int c = 0; l->size != 0 && c < IPLIMIT_CLASSES; c++) {
		struct iplimit_entry	key = key_of(ip, c), *e = find(l, &key);

		if (e->count > n)
			e->count -= n;
		else if (e->count != 0)
			forget(l, (size_t)(e - l->entries));
	}
}
