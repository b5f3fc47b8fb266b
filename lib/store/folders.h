/* folders: what making, moving and removing mailboxes share. Under the account's lock. For lib/store only. */
#ifndef STORE_FOLDERS_H
#define STORE_FOLDERS_H

#include "index.h"

/* False with errno ENOENT when it does not exist. */
bool	folder_exists(struct account *, struct str name);

/* Make it and its missing parents, subscribed. The name is canonical. */
int	folder_make(struct account *, struct str name, enum special, unsigned *made_r) __attribute__((warn_unused_result));

/* Names that lie below it, in the index. */
int	folder_has_children(struct account *, struct str name, bool *has_r) __attribute__((warn_unused_result));

#endif
