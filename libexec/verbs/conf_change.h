/* conf_change: a configuration file that changes together with the database. */
#ifndef VERBS_CONF_CHANGE_H
#define VERBS_CONF_CHANGE_H

#include "conf_source.h"

/* Put a change into place, with what was there kept as NAME.conf.old: 0, or -1 with errno. */
int	conf_change_do(const struct conf_change *) __attribute__((warn_unused_result));

/* Afterwards: forget what was (good), or go back to it. */
void	conf_change_end(const struct conf_change *, bool good);

#endif
