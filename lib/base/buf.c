#include "buf.h"

#include <stdio.h>
#include <stdlib.h>

/* Make room for n more bytes and a NUL behind them; false and failed if not. */
static bool
buf_reserve(struct buf *b, size_t n)
{
	size_t	 cap = b->cap;
	char	*p;

	if (b->failed || n > b->max - b->n) {
		b->failed = true;
		return false;
	}
	if (n < cap - b->n && cap > b->n)
		return true;
	if (cap < 64)
		cap = 64;
	while (cap - b->n <= n)
		cap = cap > SIZE_MAX / 2 ? b->n + n + 1 : cap * 2;
	p = realloc(b->p, cap);
	if (p == NULL) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void
buf_free(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

bool
buf_failed(const struct buf *b)
{
	return b->failed;
}

struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->p == NULL ? "" : b->p, b->n };
}

void
buf_add(struct buf *b, struct str s)
{
	if (s.n == 0 || !buf_reserve(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, (struct str){ &c, 1 });
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, str_c(s));
}

void
buf_addu(struct buf *b, uint64_t v)
{
	char	digits[20];
	size_t	at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	buf_add(b, (struct str){ digits + at, sizeof(digits) - at });
}

void
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list	again;
	int	n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		b->failed = true;
	else if (n > 0 && buf_reserve(b, (size_t)n)) {
		(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void
buf_truncate(struct buf *b, size_t n)
{
	if (n < b->n)
		b->n = n;
}

char *
buf_room(struct buf *b, size_t n, size_t *room_r)
{
	size_t	left = b->max - b->n;

	*room_r = n < left ? n : left;
	if (*room_r == 0 || !buf_reserve(b, *room_r)) {
		*room_r = 0;
		return NULL;
	}
	return b->p + b->n;
}

void
buf_grew(struct buf *b, size_t n)
{
	b->n += n;
}

const char *
buf_c(struct buf *b)
{
	if (!buf_reserve(b, 0))
		return NULL;
	b->p[b->n] = '\0';
	return b->p;
}
