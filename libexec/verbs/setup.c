#include "setup.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "services_text.h"
#include "sys/child.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"

bool
setup_exists(const char *path)
{
	struct stat	st;

	return stat(path, &st) == 0;
}

void
setup_write(const char *path, struct buf *text)
{
	if (buf_failed(text))
		diex(EXIT_TEMP, "out of memory");
	if (file_replace(AT_FDCWD, path, buf_str(text), 0644) == -1)
		die(EXIT_TEMP, "unable to write %s", path);
}

pid_t
setup_child(void)
{
	pid_t	parent = getpid(), pid = fork();

	if (pid == -1)
		die(EXIT_TEMP, "unable to fork");
	if (pid == 0)
		child_follow(parent);
	return pid;
}

static noreturn void
run_verb(const char *path, char *const argv[], int input)
{
	/* what it prints is not for who waits for our lines */
	if (dup2(input, STDIN_FILENO) != -1 && dup2(STDERR_FILENO, STDOUT_FILENO) != -1)
		(void)execv(path, argv);
	warn("unable to run %s", path);
	_exit(EXIT_TEMP);	/* no handlers: they are our parent's */
}

void
setup_verb(char *const argv[], const char *input)
{
	char	path[PATH_MAX], name[64];
	int	feed[2], status;
	pid_t	pid;

	(void)snprintf(name, sizeof(name), "verbs/%s", argv[0]);
	if (home_program(name, path, sizeof(path)) == -1)
		die(EXIT_TEMP, "unable to run %s", argv[0]);
	/* small enough for the pipe to take at once */
	if (pipe2(feed, O_CLOEXEC) == -1 || write_all(feed[1], str_c(input)) == -1)
		die(EXIT_TEMP, "unable to make a pipe");
	(void)fd_close(&feed[1]);
	pid = setup_child();
	if (pid == 0)
		run_verb(path, argv, feed[0]);
	(void)fd_close(&feed[0]);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			die(EXIT_TEMP, "unable to wait");
	if (!WIFEXITED(status))
		diex(EXIT_TEMP, "posthorn %s died", argv[0]);
	if (WEXITSTATUS(status) != 0) {
		warnx("posthorn %s failed", argv[0]);
		exit(WEXITSTATUS(status));
	}
}

/* --- services */

/* A line that begins with a blank goes on with the line before. */
static bool
goes_on(struct str text)
{
	return text.n > 0 && (text.p[0] == '\t' || text.p[0] == ' ');
}

/* The next line and those that go on with it, with their ends; false at the end. */
static bool
next_entry(struct str *rest, struct str *entry_r)
{
	const char	*begin = rest->p;
	struct str	 line;

	if (rest->n == 0)
		return false;
	do
		(void)str_cut(rest, '\n', &line);
	while (goes_on(*rest));
	*entry_r = str_n(begin, (size_t)(rest->p - begin));
	return true;
}

static bool
is_service(struct str entry, const char *name)
{
	struct str	word;

	return str_cut(&entry, ' ', &word) && str_eq(word, STR("service")) &&
	    str_cut(&entry, ' ', &word) && str_eq(word, str_c(name));
}

void
setup_services(struct buf *b, bool dns)
{
	struct str	rest = str_c(services_text), entry;

	while (next_entry(&rest, &entry))
		if (dns || !is_service(entry, "dnsd"))
			buf_add(b, entry);
}

void
setup_service(struct buf *b, const char *name)
{
	struct str	rest = str_c(services_text), entry;

	while (next_entry(&rest, &entry))
		if (is_service(entry, name))
			buf_add(b, entry);
}
