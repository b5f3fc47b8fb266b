/*
 * name: mailbox names and the directories that hold them. The one place that
 * makes a path from a name. See posthorn-store(5).
 */
#ifndef STORE_NAME_H
#define STORE_NAME_H

#include "../base/buf.h"
#include "../base/limits.h"

/*
 * The name as it is kept: INBOX in capitals when it is the first element in
 * any case. Refused: empty, over LIMIT_MAILBOX_NAME bytes or LIMIT_MAILBOX_DEPTH
 * elements, not UTF-8, a control character (C0, DEL, C1, U+2028, U+2029), an empty, "." or
 * ".." element, a leading "#", an element too long for a file name. 0, or -1
 * with EINVAL or ENAMETOOLONG; out is reset first and ends in no NUL.
 */
int	name_canon(struct str name, struct buf *out) __attribute__((warn_unused_result));

/*
 * Append the path below mail/ of a name as kept. Encoded as %XX: "%", a
 * leading ".", and the first byte of tmp, new, cur and what starts with "posthorn.".
 */
void	name_path(struct str name, struct buf *out);

/*
 * Append the element that a directory entry stands for. False when no name is
 * encoded so: then the entry is not a mailbox of ours.
 */
bool	name_element(struct str entry, struct buf *out) __attribute__((warn_unused_result));

/* The name without its last element; empty at the top. */
struct str	name_parent(struct str name);

/* True when name lies below parent ("a/b/c" below "a"). */
bool	name_below(struct str name, struct str parent);

bool	name_is_inbox(struct str name);

#endif
