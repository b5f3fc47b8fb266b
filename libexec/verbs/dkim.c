/*
 * dkim: keys that sign mail, and who signed a message. See posthorn-dkim(8).
 */
#include "dkim.h"

#include "sys/die.h"
#include "sys/verb.h"

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = {
		{ "gen", dkim_gen }, { "list", dkim_list }, { "retire", dkim_retire }, { "rotate", dkim_rotate },
		{ "sign", dkim_sign_message }, { "txt", dkim_txt }, { "verify", dkim_verify_message }, { NULL, NULL },
	};

	prog_init("posthorn dkim");
	verb_run(verbs, argc, argv);
	dkim_usage();
}

noreturn void
dkim_usage(void)
{
	diex(EXIT_PERM, "usage: posthorn dkim gen [-e] [-b bits] domain [selector] | list [domain] | "
	    "retire domain selector | rotate domain [selector] | "
	    "sign [-c canon] [-i address] [-k file] [-o] [-x seconds] domain selector | "
	    "txt domain selector | verify [--dns addr[@port]] [--json]");
}
