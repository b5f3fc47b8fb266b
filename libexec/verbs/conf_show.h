/* conf_show: the parts of posthorn-config(8) that only look. */
#ifndef VERBS_CONF_SHOW_H
#define VERBS_CONF_SHOW_H

#include "admin.h"

/* All after admin_enter(). Print all settings (what NULL), one setting, a domain, or what an address resolves to: an exit code. */
int	conf_show(struct admin *, const char *what);

/* Print every record, sorted. */
int	conf_dump(void);

/* Print every option that configuration files may have: file, name, type. */
int	conf_keys(void);

#endif
