/* conf_fill: options of a parsed file into a record. For conf_record.c and conf_outgoing.c. */
#ifndef VERBS_CONF_FILL_H
#define VERBS_CONF_FILL_H

#include "conf_file.h"

/* Each adds the option NAME of the section (or CONF_TOP) as an attribute. */
void	conf_fill_bool(struct buf *rec, const struct conf_file *, int section, const char *name, bool fallback);
void	conf_fill_number(struct buf *rec, const struct conf_file *, int section, const char *name, uint64_t fallback);

/* Nothing where the option is not there; a list gives an attribute for each value. */
void	conf_fill_text(struct buf *rec, const struct conf_file *, int section, const char *name, const char *attr);
void	conf_fill_list(struct buf *rec, const struct conf_file *, int section, const char *name, const char *attr);

/* Paths made absolute from the etc directory; one that is not there is an error. */
void	conf_fill_paths(struct buf *rec, const struct conf_file *, int section, const char *name, const char *attr, struct conf_report *);

#endif
