/*
 * file: the names of message files, TIME.ID.posthorn,S=SIZE,U=UID:2,FLAGS. A
 * name follows from the index entry and the entry (but for modseq and the time
 * of saving) from the name: nothing else needs to be kept.
 */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include "entry.h"

enum { FILE_NAME_SIZE = 160 };	/* with NUL; the longest is 20+1+16+10+23+13+3+32 */

/*
 * The name of a message. In cur/ it has the uid and always ":2,"; with uid 0
 * it is one for new/: no U=, and ":2," only when there are flags.
 */
void	file_name(const struct entry *, char out[FILE_NAME_SIZE]);

/*
 * Take such a name apart: date, id, size, uid (0 without U=) and flags; the
 * rest of the entry is 0. False when it is not one of ours. Flags may stand in any
 * order; *exact_r says whether file_name() would write just these bytes.
 */
bool	file_parse(struct str name, struct entry *out_r, bool *exact_r) __attribute__((warn_unused_result));

/*
 * What other programs' names tell: the flags behind ":2,", and the time in
 * front when it looks like one, else fallback.
 */
void	file_foreign(struct str name, int64_t fallback, struct flags *flags_r, int64_t *date_r);

#endif
