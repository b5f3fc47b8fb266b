#include "quickstart.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/services.h"
#include "setup.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/priv.h"
#include "undo.h"

#define QUEUE_USER	"ph-queue"

static bool
is_known(const char *user)
{
	uid_t	uid;
	gid_t	gid;

	return priv_lookup(user, &uid, &gid) == 0;
}

static int
by_useradd(const char *user)
{
	const char *const	argv[] = { "useradd", "--system", "--user-group", "--home-dir", "/nonexistent", "--no-create-home",
				    "--shell", "/usr/sbin/nologin", user, NULL };

	return undo_run(argv);
}

/* Where there is no useradd, systemd may know how. */
static int
by_sysusers(const char *user)
{
	char			line[256];
	const char *const	argv[] = { "systemd-sysusers", "--inline", line, NULL };

	(void)snprintf(line, sizeof(line), "u %s - \"posthorn\"", user);
	return undo_run(argv);
}

static void
need(const char *user)
{
	int	ret;

	if (user == NULL || user[0] == '#' || user[0] == '-' || is_known(user))
		return;
	undo_check();
	ret = by_useradd(user);
	if (ret == 127)
		ret = by_sysusers(user);
	if (ret == 127)
		diex(EXIT_TEMP, "neither useradd nor systemd-sysusers is there: make the user %s", user);
	if (ret != 0 || !is_known(user))
		diex(EXIT_TEMP, "unable to make the user %s", user);
	undo_user(user);
}

void
quickstart_users(const struct quickstart *q)
{
	struct arena	 arena = ARENA_INIT(1024 * 1024);
	struct buf	 text = BUF_INIT(SERVICES_TEXT + 1), errors = BUF_INIT(65536);
	struct services	 t;
	char		 path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%.*s/services", (int)sizeof(path) - 16, q->etc);
	if (file_read(AT_FDCWD, path, &text) == -1)
		die(EXIT_TEMP, "unable to read %s", path);
	if (!services_parse(buf_str(&text), path, &arena, &t, &errors))
		diex(EXIT_PERM, "%.*s", STR_ARG(buf_str(&errors)));
	for (size_t i = 0; i < t.nservice; i++) {
		need(t.service[i].user);
		for (size_t k = 0; k < t.service[i].nsocket; k++)
			need(t.service[i].socket[k].owner);
	}
	for (size_t i = 0; i < t.njob; i++)
		need(t.job[i].user);
	for (size_t i = 0; i < t.ndirectory; i++)
		need(t.directory[i].user);
	buf_free(&text);
	buf_free(&errors);
	arena_free(&arena);
}

/* sendmail puts messages into the queue by it, whoever runs it. */
void
quickstart_queue_drop(void)
{
	char		path[PATH_MAX];
	struct stat	st;
	uid_t		uid;
	gid_t		gid;

	if (home_program("queue-drop", path, sizeof(path)) == -1 || priv_lookup(QUEUE_USER, &uid, &gid) == -1)
		return;
	if (stat(path, &st) == -1)
		die(EXIT_TEMP, "unable to look at %s", path);
	undo_owner(path, st.st_uid, st.st_gid, st.st_mode);
	if (chown(path, uid, gid) == -1 || chmod(path, 04755) == -1)
		die(EXIT_TEMP, "unable to give %s to " QUEUE_USER, path);
}
