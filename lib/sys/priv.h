/*
 * priv: giving up root, for good. Every function returns 0, or -1 with errno;
 * after -1 the caller must end, it may be half way.
 */
#ifndef SYS_PRIV_H
#define SYS_PRIV_H

#include <sys/types.h>

/*
 * The ids of a user: a name of the password file, or "#UID" (the group has
 * the same number then). "-" is the caller. ENOENT for an unknown name.
 */
int	priv_lookup(const char *user, uid_t *uid_r, gid_t *gid_r) __attribute__((warn_unused_result));

/*
 * Become user: supplementary groups, group, user, in this order, and a check
 * that there is no way back. Nothing is done for "-" or when we are not root.
 */
int	priv_drop(const char *user) __attribute__((warn_unused_result));

/*
 * For verbs that root runs: become the owner of path, so that what is made
 * below it does not end up root's. Nothing is done when we are not root.
 */
int	priv_become_owner(const char *path) __attribute__((warn_unused_result));

#endif
