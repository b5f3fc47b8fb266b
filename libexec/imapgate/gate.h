/*
 * gate: one IMAP session until login, and what the parts of imapgate call of
 * each other. A peer that does not read, or is gone, ends the process.
 */
#ifndef IMAPGATE_GATE_H
#define IMAPGATE_GATE_H

#include "client/authd.h"
#include "proto/imap_parse.h"
#include "sys/stream.h"

#define NOT_IMAP	"please try again speaking imap"

struct gate {
	struct stream		 io;
	struct imap_gather	 gather;
	struct arena		 arena;
	struct peer		 peer;
	struct authd_dialogue	 auth;
	struct str		 tag;		/* of the command at hand */
	unsigned		 failures;
	bool			 slow;
	bool			 spoken;	/* a command made sense */
	bool			 over;		/* close after what is written */
	char			 agent[256];
};

/* --- io.c: text to the client; reply puts the tag before it and bye "* BYE", and ends the session */
void	put(struct gate *, struct str);
void	say(struct gate *, const char *);
void	reply(struct gate *, const char *text);
void	bye(struct gate *, const char *text);
void	flush(struct gate *);
void	pause_ms(const struct gate *, long ms);

/* One whole line with its literals into gather.text; false when the session is over. */
bool	read_command(struct gate *);

/* --- command.c */

/*
 * Read tag and name of the command that is, or begins, in gather.text. Its place in the
 * table, or -1. The first one known tells that somebody speaks IMAP.
 */
int	begin_command(struct gate *, struct imap_cur *);

/* Do the command in gather.text. */
void	command(struct gate *);

/* The arguments are read; BAD when they are not what they should be. */
bool	args_end(struct gate *, struct imap_cur *);

void	put_capabilities(struct gate *);

/* May a password come in clear? Over TLS, and from peers the administrator trusts. */
bool	is_private(const struct gate *);

/* --- login.c */
void	cmd_authenticate(struct gate *, struct imap_cur *);
void	cmd_login(struct gate *, struct imap_cur *);

/* A client that has shown its key over TLS: hand it over, or leave it to log in; false when it may not. */
bool	login_by_key(struct gate *);

#endif
