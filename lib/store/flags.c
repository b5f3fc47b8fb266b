#include "flags.h"

static const struct {
	struct str	imap;
	char		letter;
} names[FLAG_COUNT] = {
	{ STR_INIT("\\Draft"), 'D' },
	{ STR_INIT("\\Flagged"), 'F' },
	{ STR_INIT("$Forwarded"), 'P' },
	{ STR_INIT("\\Answered"), 'R' },
	{ STR_INIT("\\Seen"), 'S' },
	{ STR_INIT("\\Deleted"), 'T' },
};

uint32_t
flag_from_imap(struct str name)
{
	for (unsigned i = 0; i < FLAG_COUNT; i++)
		if (str_ieq(name, names[i].imap))
			return 1u << i;
	return 0;
}

struct str
flag_imap(unsigned i)
{
	return i < FLAG_COUNT ? names[i].imap : STR("");
}

char
flag_letter(unsigned i)
{
	return i < FLAG_COUNT ? names[i].letter : '\0';
}

uint32_t
flag_from_letter(char c)
{
	for (unsigned i = 0; i < FLAG_COUNT; i++)
		if (names[i].letter == c)
			return 1u << i;
	return 0;
}
