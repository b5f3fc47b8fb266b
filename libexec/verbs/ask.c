#include "ask.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sys/die.h"
#include "sys/fd.h"

struct str
ask_line(struct buf *b)
{
	struct str	line;

	/* byte by byte: what follows the line is for whoever reads next */
	while (str_chr(buf_str(b), '\n') == b->n) {
		ssize_t	n = read_some(STDIN_FILENO, b, 1);

		if (n == -1)
			die(EXIT_TEMP, "unable to read standard input");
		if (n == 0)
			break;
	}
	line = str_head(buf_str(b), str_chr(buf_str(b), '\n'));
	if (str_ends(line, STR("\r")))
		line.n--;
	return line;
}

struct str
ask_secret(const char *question, struct buf *b)
{
	struct termios	old, quiet;
	struct str	line;

	if (tcgetattr(STDIN_FILENO, &old) == -1)
		die(EXIT_TEMP, "unable to use the terminal");
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == -1)
		die(EXIT_TEMP, "unable to use the terminal");
	/* after the echo is off: what is typed at the prompt is neither shown nor flushed away */
	(void)fprintf(stderr, "%s: ", question);
	(void)fflush(stderr);
	line = ask_line(b);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	(void)fprintf(stderr, "\n");
	return line;
}

struct str
ask_new_secret(const char *question, struct buf *b, struct buf *again)
{
	struct str	first;

	if (!isatty(STDIN_FILENO))
		return ask_line(b);
	first = ask_secret(question, b);
	if (!str_eq(first, ask_secret("The same again", again)))
		diex(EXIT_PERM, "the two were not the same; nothing was changed");
	return first;
}

void
ask_forget(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}
