/*
 * str: a borrowed run of bytes. Never assumed to end in NUL, may hold NUL.
 * Nothing here allocates; results point into the argument.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char	*p;
	size_t		 n;
};

/* A literal as a constant initialiser and as a value; printf's %.*s pair. */
#define STR_INIT(lit)	{ (lit), sizeof(lit) - 1 }
#define STR(lit)	((struct str){ (lit), sizeof(lit) - 1 })
#define STR_FMT		"%.*s"
#define STR_ARG(s)	(int)(s).n, (s).p

/* The bytes of a C string without its NUL; NULL gives the empty str. */
struct str	str_c(const char *);

/* n bytes at p. */
struct str	str_n(const void *p, size_t n);

/* Byte for byte, and with ASCII letters of either case equal. */
bool	str_eq(struct str, struct str);
bool	str_ieq(struct str, struct str);

/* As memcmp over the shorter, then by length: a total order. */
int	str_cmp(struct str, struct str);

bool	str_starts(struct str, struct str prefix);
bool	str_istarts(struct str, struct str prefix);
bool	str_ends(struct str, struct str suffix);
bool	str_iends(struct str, struct str suffix);

/* Offset of the first (last) byte c, or s.n when there is none. */
size_t	str_chr(struct str s, char c);
size_t	str_rchr(struct str s, char c);

/* Offset of the first occurrence of needle, or s.n. An empty one is at 0. */
size_t	str_find(struct str s, struct str needle);

/* s without its first n bytes, and its first n bytes; n is clamped. */
struct str	str_skip(struct str, size_t n);
struct str	str_head(struct str, size_t n);

/*
 * Cut *rest at the first c: what stood before it is put into *head_r and
 * *rest becomes what followed. Without c, *head_r is all of it, *rest becomes
 * empty and false is returned.
 */
bool	str_cut(struct str *rest, char c, struct str *head_r);

/* Without white space (space, tab, CR, LF) at both ends, or at the end. */
struct str	str_trim(struct str);
struct str	str_trim_end(struct str);

/* True when some byte is 0x80..0xff. */
bool	str_has_eightbit(struct str);

/* True when every byte is 0x01..0x7f, or when some byte is a control. */
bool	str_is_ascii(struct str);
bool	str_has_control(struct str);

/* True when s is well-formed UTF-8 (RFC 3629) without NUL. */
bool	str_is_utf8(struct str);

/*
 * Copy into a C string of size bytes. False, with dst an empty string, when it
 * does not fit or s holds a NUL. For the edge only: paths, exec.
 */
bool	str_copy(struct str, char *dst, size_t size) __attribute__((warn_unused_result));

/* ASCII classes and case on raw bytes; never locale, never ctype. */
static inline bool
byte_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
byte_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
byte_is_alnum(char c)
{
	return byte_is_digit(c) || byte_is_alpha(c);
}

static inline bool
byte_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool
byte_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static inline char
byte_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline char
byte_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

#endif
