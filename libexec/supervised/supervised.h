/*
 * supervised: what its files share. main.c is the story and the loop;
 * state.c the table of states; units.c runs services, jobs.c the timetable;
 * sockets.c binds; control.c talks to posthorn(1) and hears who is ready.
 */
#ifndef SUPERVISED_H
#define SUPERVISED_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/limits.h"
#include "proto/services.h"
#include "state.h"
#include "sys/deadline.h"

/* --- sockets.c */

struct bound {
	char	name[96];	/* in LISTEN_FDNAMES */
	char	address[96];	/* a path, or ADDRESS port PORT, to tell what is what */
	int	fd;
	bool	wanted;		/* while listeners are read again */
};

struct bound_set {
	struct bound	*v;
	size_t		 n;
};

/* Bind what a line of the table names into set; -1 after telling why. */
int	sockets_bind_service(struct bound_set *, const struct service *, bool same_user);

/*
 * Make set hold the TCP sockets of config.tdb: keep, bind anew, close. -1
 * after telling why; what could be bound is there then, and all is as it was
 * when there is no configuration to read.
 */
int	sockets_bind_listeners(struct bound_set *, bool *changed_r);

/* Add the key of seals, made at the first call; -1 after telling why. */
int	sockets_add_seal(struct bound_set *);

void	sockets_unlink(const struct service *);

/* --- units.c */

struct super;

struct unit {
	const struct service	*sv;
	struct super		*super;
	enum state		 state;
	pid_t			 pid;		/* 0: no process */
	struct deadline		 timer;
	int64_t			 since;		/* of the state, seconds of 1970 */
	uint64_t		 starts;
	unsigned		 failures;	/* without a calm time between */
	bool			 calm_timer;	/* READY's timer has not yet gone off */
	char			 text[64];	/* how it last ended */
	struct bound_set	 sockets;
};

/* Let an event happen to a unit. */
void	unit_event(struct unit *, enum event);

/* A process of ours ended. */
void	unit_ended(struct unit *, int status);

/* How a process ended, in words. */
void	status_text(int status, char *text, size_t size);

/*
 * The new process's side of a start, for jobs too: never comes back. fds may
 * be NULL. What fails is logged.
 */
struct launch {
	const char	*user;
	char *const	*argv;
	const struct bound_set *own, *listeners;	/* may be NULL */
	const struct service *limits;			/* may be NULL */
	bool		 notify;
	bool		 same_user;
};

pid_t	launch(const struct launch *);

/* --- jobs.c */

struct jobrun {
	const struct job	*jb;
	pid_t			 pid;
	int64_t			 next, last;	/* seconds of 1970; 0: none */
	struct deadline		 kill_by;
	unsigned		 signals;	/* how many it got to end it */
	char			 result[64];
};

void	jobs_begin(struct super *);
void	jobs_tick(struct super *);		/* start what is due, end what takes too long */
void	jobs_stop(struct super *);
void	job_ended(struct jobrun *, int status);
struct deadline	jobs_deadline(const struct super *);

/* --- control.c */

enum { CLIENTS = 8 };

struct client {
	int		fd;		/* -1: free */
	struct deadline	by;
	bool		stopper;	/* asked for stop: kept until we are gone */
};

int	control_open(struct super *);
void	control_unlink(void);
void	control_accept(struct super *);
void	control_client(struct super *, struct client *);
void	notify_take(struct super *);

/* --- main.c */

struct super {
	struct arena	 arena;
	struct services	 table;
	struct unit	 unit[SERVICES_MAX];
	struct jobrun	 job[SERVICES_MAX];
	struct bound_set listeners;
	int		 lock_fd, notify_fd, ctl_fd, signal_fd;
	struct client	 client[CLIENTS];
	bool		 stopping;
	bool		 told_ready;
};

void	super_stop(struct super *);
bool	super_reload(struct super *);	/* false: not all listeners could be bound */

#endif
