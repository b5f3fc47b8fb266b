#include "imap_pattern.h"

static bool
is_inbox(struct str name)
{
	return str_istarts(name, STR("INBOX")) && (name.n == 5 || name.p[5] == '/');
}

static bool
is_wild(char p)
{
	return p == '*' || p == '%';
}

/* May the byte c of the name stand where the pattern has p. */
static bool
same(char p, char c, bool any_case)
{
	return p == c || (any_case && byte_upper(p) == byte_upper(c));
}

/*
 * at[j]: having read the name so far, the pattern can be before its byte j.
 * All places are kept at once, so that nothing is tried twice.
 */
bool
imap_pattern_matches(struct str pattern, struct str name)
{
	unsigned char	at[IMAP_PATTERN_MAX + 1] = { 1 };
	bool		inbox = is_inbox(name);

	if (pattern.n > IMAP_PATTERN_MAX)
		return false;
	for (size_t k = 0; k <= name.n; k++) {
		bool	skipped = false;	/* a wildcard that takes nothing leads here */
		bool	taken = false;		/* the byte before took name.p[k] */

		for (size_t j = 0; j <= pattern.n; j++) {
			char	p = j < pattern.n ? pattern.p[j] : '\0';
			bool	here = at[j] != 0 || skipped;

			skipped = here && is_wild(p);
			if (k == name.n) {
				at[j] = here;
				continue;
			}
			at[j] = taken || (here && (p == '*' || (p == '%' && name.p[k] != '/')));
			taken = here && j < pattern.n && !is_wild(p) && same(p, name.p[k], inbox && k < 5);
		}
	}
	return at[pattern.n] != 0;
}
