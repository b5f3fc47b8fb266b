/* ask: what verbs read from standard input, a line at a time, and ask for on a terminal. */
#ifndef VERBS_ASK_H
#define VERBS_ASK_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * One line without its end, borrowed from b, which must be empty. The program
 * ends when it cannot be read, or is too long; the end of input is an empty line.
 */
struct str	ask_line(struct buf *b);

/* The same after a question on standard error, with an answer that is not shown. */
struct str	ask_secret(const char *question, struct buf *b);

/*
 * A secret to be set: a terminal is asked twice and the program ends when the
 * two differ; otherwise the first line. again is for the second.
 */
struct str	ask_new_secret(const char *question, struct buf *b, struct buf *again);

/* Overwrite and free a buf that held one. */
void		ask_forget(struct buf *b);

#endif
