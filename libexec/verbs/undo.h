/*
 * undo: what a verb made, to be taken back, last first, when the program ends
 * before undo_done(), or a signal told it to. Paths are absolute. In children
 * nothing is taken back.
 */
#ifndef VERBS_UNDO_H
#define VERBS_UNDO_H

#include <sys/types.h>

void	undo_begin(void);
void	undo_done(void);

/* Ends the program when a signal came; between two steps. */
void	undo_check(void);

/* A file of ours; a directory of ours, with all that is in it; only what is in an empty one that was there. */
void	undo_file(const char *path);
void	undo_dir(const char *path);
void	undo_content(const char *path);

/* A user we made; owner and mode that a file had before. */
void	undo_user(const char *name);
void	undo_owner(const char *path, uid_t, gid_t, mode_t);

/* Run a program of the system and wait: its exit code, 127 when it is not there; it prints to standard error. */
int	undo_run(const char *const argv[]) __attribute__((warn_unused_result));

#endif
