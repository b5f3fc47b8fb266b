#include "num.h"

#include <stdio.h>

bool
num_u64(struct str s, uint64_t max, uint64_t *out_r)
{
	uint64_t	v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t	d = (uint64_t)(s.p[i] - '0');

		if (!byte_is_digit(s.p[i]) || v > max / 10 || d > max - v * 10)
			return false;
		v = v * 10 + d;
	}
	*out_r = v;
	return true;
}

bool
num_u32(struct str s, uint32_t max, uint32_t *out_r)
{
	uint64_t	v;

	if (!num_u64(s, max, &v))
		return false;
	*out_r = (uint32_t)v;
	return true;
}

int
num_hex_digit(char c)
{
	if (byte_is_digit(c))
		return c - '0';
	c = byte_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
num_hex(struct str s, uint64_t *out_r)
{
	uint64_t	v = 0;

	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int	d = num_hex_digit(s.p[i]);

		if (d < 0)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	*out_r = v;
	return true;
}

struct unit {
	char		name;
	uint64_t	factor;
};

/* A number times the factor of the unit at its end, 1 when it has none. */
static bool
num_with_unit(struct str s, const struct unit *units, size_t n, uint64_t *out_r)
{
	uint64_t	factor = 1, v;

	for (size_t i = 0; s.n > 0 && i < n; i++)
		if (byte_lower(s.p[s.n - 1]) == units[i].name) {
			factor = units[i].factor;
			s.n--;
			break;
		}
	if (!num_u64(s, UINT64_MAX / factor, &v))
		return false;
	*out_r = v * factor;
	return true;
}

bool
num_bytes(struct str s, uint64_t *out_r)
{
	static const struct unit	units[] = {
		{ 'k', 1ULL << 10 }, { 'm', 1ULL << 20 },
		{ 'g', 1ULL << 30 }, { 't', 1ULL << 40 },
	};

	return num_with_unit(s, units, sizeof(units) / sizeof(units[0]), out_r);
}

bool
num_seconds(struct str s, uint64_t *out_r)
{
	static const struct unit	units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 },
		{ 'd', 86400 }, { 'w', 604800 },
	};

	return num_with_unit(s, units, sizeof(units) / sizeof(units[0]), out_r);
}

void
num_span(int64_t seconds, const char *between, char *text, size_t size)
{
	static const struct { int64_t s; char name; } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t	i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i < 3 && seconds < units[i].s)
		i++;
	if (i == 3)
		(void)snprintf(text, size, "%llds", (long long)seconds);
	else
		(void)snprintf(text, size, "%lld%c%s%lld%c", (long long)(seconds / units[i].s), units[i].name, between,
		    (long long)(seconds % units[i].s / units[i + 1].s), units[i + 1].name);
}
