/*
 * tool_confine: a command that reads a stranger's message does so in a child that has a
 * connection to a resolver, the standard descriptors, and nothing else.
 */
#ifndef VERBS_TOOL_CONFINE_H
#define VERBS_TOOL_CONFINE_H

#include "client/held.h"

/*
 * Returns in the child. We stay outside, for landlock keeps signals in: to end the
 * resolver (tool_dns_close()) and to exit as the child did.
 */
void	tool_confine(struct held *dns);

#endif
