/*
 * conf_edit: changes to the text of a configuration file. Only the bytes that
 * must change do; comments and layout stay. Pure: the scan tells where things
 * are, the new text goes to out (reset first) and is to be scanned again
 * before the next change.
 */
#ifndef VERBS_CONF_EDIT_H
#define VERBS_CONF_EDIT_H

#include "conf_scan.h"

/* A value as it must be written: a word as it is, all else in double quotes. */
void	conf_edit_quote(struct buf *, struct str value);

/* Give the option of the section (or CONF_TOP) this value, in place or as a new line at the end. */
void	conf_edit_set(const struct conf_scan *, int section, const char *name, struct str value, struct buf *out);

/* Take a node away, with its line when it has that for itself. */
void	conf_edit_remove(const struct conf_scan *, int node, struct buf *out);

/* Add "name title { }" behind all else; body (may be empty) is put between the braces as it is. */
void	conf_edit_add_section(const struct conf_scan *, const char *name, struct str title, struct str body, struct buf *out);

/* Add a value to the list at the node, or take its i-th away. */
void	conf_edit_list_add(const struct conf_scan *, int node, struct str value, struct buf *out);
void	conf_edit_list_remove(const struct conf_scan *, int node, size_t i, struct buf *out);

#endif
