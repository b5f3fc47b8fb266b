/*
 * tool_dns: whom a command that looks names up asks: the running system's dnsd, or,
 * when a server is named, a dnsd of its own that asks only this server, with no
 * configuration and nothing that runs.
 */
#ifndef VERBS_TOOL_DNS_H
#define VERBS_TOOL_DNS_H

#include "client/held.h"

/*
 * server: ADDRESS or ADDRESS@PORT; NULL: the system's, for which the var directory is
 * entered. Ends the program when the server is none (100), or what is needed cannot be had (111).
 */
void	tool_dns_open(struct held *, const char *server);

/* Close, and end the resolver that was started. */
void	tool_dns_close(struct held *);

#endif
