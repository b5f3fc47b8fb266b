/* What the files of dnsd share. */
#ifndef DNSD_DNSD_H
#define DNSD_DNSD_H

#include <unbound.h>

#include "base/arena.h"
#include "client/conf.h"
#include "sys/deadline.h"
#include "text.h"

/* --- settings.c: what is asked of whom */

struct settings {
	struct arena	arena;
	struct str	*root;		/* keys of the root, in place of those we know */
	size_t		 nroot;
	struct conf_dns	dns;		/* borrowed from the configuration, or in the arena */
	struct buf	print;		/* all of it in one text, files with their time and size: to see a change */
};

/* Options fill these; more than SETTINGS_MAX of a kind is misuse. */
enum { SETTINGS_MAX = 64 };

void	settings_add(struct settings *, struct str **list, size_t *n, const char *value);
void	settings_fingerprint(struct settings *);

/* The zone of a zone file; false with a log line. */
bool	settings_zone_of(struct str path, char zone_r[TEXT_NAME]) __attribute__((warn_unused_result));

/* --- resolver.c: libunbound, one context for each state of the settings */

enum source { SOURCE_DOOR, SOURCE_CLIENT, SOURCE_RESOLVER };

struct resolver {
	enum source	 source;
	struct ub_ctx	*ctx;
	size_t		 lookups;	/* that it works on */
	bool		 old;		/* of settings that are no more */
	struct resolver	*next;
};

/* A context for the settings, which validates from the root's keys too; NULL with a log line. */
struct resolver	*resolver_new(const struct settings *, bool root);
void		 resolver_free(struct resolver *);

/* special.c: names that libunbound answers by itself, of which a server of ours may know better */
int	special_open(struct ub_ctx *, const struct settings *) __attribute__((warn_unused_result));	/* an ub_ctx_err */
bool	special_lan(const struct settings *);

/* --- clients.c: the sockets */

struct client {
	enum source	 source;
	int		 fd;		/* -1: closed in this turn, freed at its end */
	struct asked	*asked;		/* what it waits for */
	size_t		 nasked;
	struct reply	*out, **out_end; /* what it did not take yet */
	size_t		 waiting;	/* bytes of these */
	unsigned	 events;	/* watched for */
	struct client	*prev, *next;
};

/* --- probe.c: do the forwarders pass on what proves the root's data? */

bool	probe_wanted(const struct settings *);
void	probe_start(const struct settings *, int wait_ms);	/* wait at most so long for the result */
void	probe_run(const struct settings *);	/* in each turn of the loop */
void	probe_close(void);

/* --- lookups.c: questions of clients and what is asked of libunbound for them */

struct asked;

void	lookups_resolver(struct resolver *);	/* from now on; the one before ends with its last lookup */
void	lookups_ask(struct client *, const struct question *);
void	lookups_forget(struct client *);
void	lookups_run(void);			/* those whose time is over */
int	lookups_next(void);			/* milliseconds until then, -1 for never */
void	lookups_close(void);

/* Answer one of its questions; body as of text_answer(). */
void	client_answer(struct client *, struct str id, struct str body);

/* --- main.c: the loop's */

int	loop_watch(void *of, int fd, unsigned events);	/* of begins with its enum source */
int	loop_change(void *of, int fd, unsigned events);
void	settings_look(void);	/* a question came: has the configuration changed? */

void	clients_open(int door);
void	clients_enter(void);			/* the door is ready */
void	client_ready(struct client *, unsigned events);
void	clients_sweep(void);			/* free those that were closed in this turn */
void	clients_close(void);

#endif
