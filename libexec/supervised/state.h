/* state: what a service can be, what can happen to it, and what is then done: one table. */
#ifndef SUPERVISED_STATE_H
#define SUPERVISED_STATE_H

enum state {
	STATE_DOWN,		/* no process, and none wanted */
	STATE_STARTING,		/* a process that has not said that it is ready */
	STATE_READY,
	STATE_STOPPING,		/* told to end; stays down */
	STATE_RESTARTING,	/* told to end; to be started then */
	STATE_BACKOFF,		/* ended by itself; waits to be started again */
	STATES
};

enum event {
	EVENT_START,		/* wanted up */
	EVENT_READY,		/* the process said so */
	EVENT_EXIT,		/* the process ended */
	EVENT_TIMER,		/* the timer of the state went off */
	EVENT_STOP,		/* wanted down */
	EVENT_RESTART,		/* wanted anew */
	EVENTS
};

enum action {
	ACTION_NONE,
	ACTION_START,		/* run it; timer: how long it may take to be ready */
	ACTION_WELCOME,		/* it is ready; timer: until it counts as calm */
	ACTION_CALM,		/* forget its failures */
	ACTION_TERM,		/* SIGTERM; timer: its grace */
	ACTION_KILL,		/* SIGKILL */
	ACTION_WAIT,		/* timer: the back-off */
	ACTION_REST,		/* no timer */
};

struct step {
	enum action	action;
	enum state	next;
};

struct step	state_step(enum state, enum event);
const char	*state_name(enum state);

#endif
