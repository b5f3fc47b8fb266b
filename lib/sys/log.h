/*
 * log: one line an event on stderr, "program[pid] event key=value key=value".
 * Values with a space or a byte to be escaped are quoted (base/code.h). The
 * line is written at once by log_end(). Ids (conn=, msg=) join lines of several programs.
 *
 *	struct log	l;
 *
 *	log_start(&l, "rejected");
 *	log_str(&l, "from", path);
 *	log_end(&l);
 */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include "../base/buf.h"

struct log {
	char		text[2048];
	struct buf	line;
};

/* An attribute that every later line of this process begins with. */
void	log_always(const char *key, struct str value);

void	log_start(struct log *, const char *event);
void	log_str(struct log *, const char *key, struct str value);
void	log_cstr(struct log *, const char *key, const char *value);
void	log_num(struct log *, const char *key, int64_t value);
void	log_err(struct log *, int err);		/* error="strerror" */
void	log_end(struct log *);

/* An event with nothing but a failed system call: what, and errno's text. */
void	log_failure(const char *event, const char *what, int err);

#endif
