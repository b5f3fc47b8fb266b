/* stores: the accounts that a verb of the store is for. */
#ifndef VERBS_STORES_H
#define VERBS_STORES_H

/*
 * Become the owner of accounts/ and call for each account: those named, or all
 * that there are when names is empty. The path is accounts/NAME. Ends the
 * program with 100 for a name that cannot be one. The worst of what the calls gave: 0, 100, 111.
 */
int	stores_each(char *const *names, int n, int (*call)(void *arg, const char *name, const char *path), void *arg);

#endif
