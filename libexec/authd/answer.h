/*
 * answer: what a dialogue tells its gate, and what is noted about it. Each
 * outcome but CONTINUE and a login takes the dialogue back to its beginning.
 */
#ifndef AUTHD_ANSWER_H
#define AUTHD_ANSWER_H

#include "dialogue.h"

/* One record; reason and text may be NULL. Nothing is noted. */
void	answer_result(struct dialogue *, const char *result, const char *reason, const char *text);

/* The hand-off is done: the gate gets its end of the connection to the queue. */
void	answer_queue(struct dialogue *);
void	answer_continue(struct dialogue *, struct str challenge);

/* A line in the log, and an attempt with this result in auth/attempts.tdb. */
void	answer_note(struct authd *, struct dialogue *, const char *result);

/* The outcomes, noted: cannot be told now; no, and it counts; what the engine says why; yes. */
void	answer_temporary(struct authd *, struct dialogue *);
void	answer_refuse(struct authd *, struct dialogue *, const char *result, const char *reason, const char *text);
void	answer_failed(struct authd *, struct dialogue *);
void	answer_proven(struct authd *, struct dialogue *);

#endif
