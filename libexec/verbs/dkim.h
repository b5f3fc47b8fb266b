/* dkim: what the parts of posthorn dkim share. */
#ifndef VERBS_DKIM_H
#define VERBS_DKIM_H

#include "proto/dkim_crypt.h"
#include "sys/die.h"

/* The parts of the verb; each says what is wrong and ends the program. */
int	dkim_gen(int argc, char *argv[]);
int	dkim_txt(int argc, char *argv[]);
int	dkim_list(int argc, char *argv[]);
int	dkim_rotate(int argc, char *argv[]);
int	dkim_retire(int argc, char *argv[]);
int	dkim_sign_message(int argc, char *argv[]);
int	dkim_verify_message(int argc, char *argv[]);

noreturn void	dkim_usage(void);

/* --- keys: dkim_keys.c */

/* The private key of a selector that is not retired; ends the program without. As the keys' owner. */
EVP_PKEY	*dkim_key_of(const char *domain, const char *selector, enum dkim_alg *alg_r);

/* --- messages: dkim_message.c */

/* A message that comes on standard input: its header is in memory, what follows is read on. */
struct dkim_input {
	struct buf	text;		/* what was read so far; the header is in it unless it is too large */
	bool		lf;		/* its lines end in bare LF */
	bool		large;		/* the header is over LIMIT_DKIM_HEADER */
	bool		end;		/* all of it is in text */
};

void	dkim_input_open(struct dkim_input *);

/* Hand what stands behind the first `from` bytes to put, to the end. */
void	dkim_input_rest(struct dkim_input *, size_t from, void (*put)(void *, struct str), void *);

#endif
