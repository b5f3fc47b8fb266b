/*
 * plainloop: what the disk allows. Processes that each create, write, fsync,
 * rename and fsync the directory, as fast as they can; the yardstick for
 * durable accepts. plainloop DIR PROCESSES MESSAGES SIZE prints seconds.
 */
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"

static size_t
number(const char *s)
{
	uint64_t	v;

	if (!num_u64(str_c(s), 1 << 30, &v))
		diex(EXIT_PERM, "not a number: %s", s);
	return (size_t)v;
}

static void
one(int dir, struct str body, size_t process, size_t i)
{
	char	tmp[64], name[64];
	int	fd;

	(void)snprintf(tmp, sizeof(tmp), "t%zu.%zu", process, i);
	(void)snprintf(name, sizeof(name), "m%zu.%zu", process, i);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || write_all(fd, body) == -1 || fsync(fd) == -1 || fd_close(&fd) == -1)
		die(EXIT_TEMP, "unable to write %s", tmp);
	if (renameat(dir, tmp, dir, name) == -1 || fsync(dir) == -1)
		die(EXIT_TEMP, "unable to rename %s", tmp);
}

int
main(int argc, char *argv[])
{
	size_t		processes, messages, size;
	struct str	body;
	int64_t		begin;
	int		dir;

	prog_init(argv[0]);
	if (argc != 5)
		diex(EXIT_PERM, "usage: plainloop DIR PROCESSES MESSAGES SIZE");
	processes = number(argv[2]);
	messages = number(argv[3]);
	size = number(argv[4]);
	body = str_n(calloc(1, size), size);
	dir = dir_open(AT_FDCWD, argv[1]);
	if (dir == -1 || body.p == NULL)
		die(EXIT_TEMP, "unable to start in %s", argv[1]);
	begin = clock_ms();
	for (size_t p = 0; p < processes; p++)
		if (fork() == 0) {
			for (size_t i = 0; i < messages / processes; i++)
				one(dir, body, p, i);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	printf("%.3f\n", (double)(clock_ms() - begin) / 1000);
	return 0;
}
