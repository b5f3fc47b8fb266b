/*
 * services: the table of what the supervisor runs, as services(5) describes
 * it: text in, a table out, and every error with its line.
 *
 *	same-user
 *	directory PATH user=USER mode=OCTAL
 *	service NAME user=USER [WORD ...] run PROGRAM [ARGUMENT ...]
 *	job NAME user=USER every=TIME|daily=HH:MM [timeout=TIME] run PROGRAM [ARGUMENT ...]
 */
#ifndef PROTO_SERVICES_H
#define PROTO_SERVICES_H

#include <stdint.h>

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/ip.h"

enum {
	SERVICES_MAX	= 32,	/* of each kind */
	SERVICE_SOCKETS	= 8,
	SERVICE_ARGS	= 24,
	SERVICES_TEXT	= 65536,	/* bytes of a table */
};

/* A unix socket that is bound and passed on under name. */
struct service_socket {
	const char	*path, *name;
	const char	*owner;		/* NULL: stays the supervisor's */
	uint32_t	 mode;
};

/* A TCP socket named in the table itself; most come from posthorn.conf. */
struct service_tcp {
	const char	*name;
	struct ip	 address;
	uint16_t	 port;
};

struct service {
	const char	*name, *user;
	struct service_socket socket[SERVICE_SOCKETS];
	size_t		 nsocket;
	struct service_tcp tcp[SERVICE_SOCKETS];
	size_t		 ntcp;
	bool		 listeners;	/* gets the TCP sockets of posthorn.conf */
	bool		 seal;		/* gets the key of seals (lib/sys/seal.h) */
	bool		 notifies;	/* ready when it says so; else when started */
	bool		 reloads;	/* gets a SIGHUP that the supervisor gets */
	uint32_t	 stop;		/* lower ones are stopped first */
	uint32_t	 grace;		/* seconds from SIGTERM to SIGKILL */
	uint64_t	 nofile, as, nproc;	/* limits; 0: as they are */
	char		*argv[SERVICE_ARGS + 1];
	unsigned	 line;
};

struct job {
	const char	*name, *user;
	uint32_t	 every;		/* seconds; 0: daily */
	uint32_t	 daily;		/* minute of the day, local time */
	uint32_t	 timeout;	/* seconds */
	char		*argv[SERVICE_ARGS + 1];
	unsigned	 line;
};

struct directory {
	const char	*path, *user;
	uint32_t	 mode;
};

struct services {
	bool		 same_user;	/* users and owners below are not to be used */
	struct service	 service[SERVICES_MAX];
	size_t		 nservice;
	struct job	 job[SERVICES_MAX];
	size_t		 njob;
	struct directory directory[SERVICES_MAX];
	size_t		 ndirectory;
};

/*
 * Text is kept in the arena. Each error is one line "FILE:LINE: text\n" in
 * errors, all of them; true when there are none.
 */
bool	services_parse(struct str text, const char *file, struct arena *, struct services *out_r, struct buf *errors);

#endif
