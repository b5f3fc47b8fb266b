#include "home.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef POSTHORN_ETCDIR
#define POSTHORN_ETCDIR "/usr/local/etc/posthorn"
#endif
#ifndef POSTHORN_VARDIR
#define POSTHORN_VARDIR "/usr/local/var/posthorn"
#endif
#ifndef POSTHORN_LIBEXECDIR
#define POSTHORN_LIBEXECDIR "/usr/local/libexec/posthorn"
#endif

static const char *
from_env(const char *name, const char *fallback)
{
	const char	*value = getenv(name);

	return value == NULL || value[0] == '\0' ? fallback : value;
}

const char *
home_etc(void)
{
	return from_env("POSTHORN_ETC", POSTHORN_ETCDIR);
}

const char *
home_libexec(void)
{
	return from_env("POSTHORN_LIBEXEC", POSTHORN_LIBEXECDIR);
}

/* Cut the last part off a path; false when there is none. */
static bool
up(char *path)
{
	char	*slash = strrchr(path, '/');

	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

int
home_find(void)
{
	static const char *const	below[] = { "/libexec", "/libexec/posthorn" };
	char				path[PATH_MAX], probe[PATH_MAX];

	if (realpath("/proc/self/exe", path) != NULL && up(path) && up(path))
		for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
			if (snprintf(probe, sizeof(probe), "%s%s/supervised", path, below[i]) < (int)sizeof(probe) &&
			    access(probe, X_OK) == 0 && up(probe))
				return setenv("POSTHORN_LIBEXEC", probe, 1);
	return setenv("POSTHORN_LIBEXEC", home_libexec(), 1);
}

int
home_program(const char *name, char *path, size_t size)
{
	const char	*base = strrchr(name, '/') == NULL ? name : strrchr(name, '/') + 1;
	struct stat	 st;
	int		 n;

	if (name[0] == '/')
		n = snprintf(path, size, "%s", name);
	else
		n = snprintf(path, size, "%s/%s", home_libexec(), name);
	if (n >= 0 && (size_t)n < size && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		n = snprintf(path, size, "%s/%s/%s", home_libexec(), name, base);
	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return access(path, X_OK);
}

int
home_place(const char *dir)
{
	static const struct { const char *name, *below; } vars[] = {
		{ "POSTHORN_DIR", "" }, { "POSTHORN_ETC", "/etc" }, { "POSTHORN_VAR", "/var" },
	};
	char	path[PATH_MAX];

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		if (snprintf(path, sizeof(path), "%s%s", dir, vars[i].below) >= (int)sizeof(path)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (setenv(vars[i].name, path, 1) == -1)
			return -1;
	}
	return 0;
}

int
home_enter(void)
{
	return chdir(from_env("POSTHORN_VAR", POSTHORN_VARDIR));
}
