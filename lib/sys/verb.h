/*
 * verb: a program with verbs of its own, as posthorn domain add has them.
 */
#ifndef SYS_VERB_H
#define SYS_VERB_H

struct verb {
	const char	*name;
	int		(*run)(int argc, char *argv[]);
};

/*
 * Run the one that argv[1] names and exit with what it returns. Its argv begins
 * with its name, so that getopt works in it as in main. verbs ends with a name of
 * NULL. Returns when there is none of that name.
 */
void	verb_run(const struct verb *verbs, int argc, char *argv[]);

#endif
