/*
 * buf: an owned, growing run of bytes with a maximum. Going over the maximum
 * (or running out of memory) is sticky: what does not fit is not added, later
 * adds are ignored, and buf_failed() tells once at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdint.h>

#include "str.h"

struct buf {
	char	*p;		/* NULL until the first add */
	size_t	 n;		/* bytes held */
	size_t	 cap;		/* bytes allocated */
	size_t	 max;		/* never holds more than this */
	bool	 failed;
};

#define BUF_INIT(limit)	{ .max = (limit) }

void	buf_init(struct buf *, size_t max);
void	buf_free(struct buf *);

/* Forget the content and the failure; the memory stays for reuse. */
void	buf_reset(struct buf *);

bool	buf_failed(const struct buf *);

/* What is held. Valid until the next call that changes the buf. */
struct str	buf_str(const struct buf *);

void	buf_add(struct buf *, struct str);
void	buf_addc(struct buf *, char);
void	buf_adds(struct buf *, const char *);
void	buf_addu(struct buf *, uint64_t);	/* in decimal */
void	buf_addf(struct buf *, const char *, ...) __attribute__((format(printf, 2, 3)));
void	buf_vaddf(struct buf *, const char *, va_list) __attribute__((format(printf, 2, 0)));

/* Drop the first n bytes; n is clamped. */
void	buf_consume(struct buf *, size_t n);

/* Keep only the first n bytes. */
void	buf_truncate(struct buf *, size_t n);

/*
 * Room to write up to n bytes at the end (less near the maximum; NULL and 0
 * when full or failed); buf_grew() tells how many were written.
 */
char	*buf_room(struct buf *, size_t n, size_t *room_r);
void	 buf_grew(struct buf *, size_t n);

/*
 * The content as a C string, ended by a NUL that is not counted. NULL when
 * the buf failed. Valid as buf_str() is. Content with a NUL inside is cut there.
 */
const char	*buf_c(struct buf *);

#endif
