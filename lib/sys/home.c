#include "home.h"

#include <stdlib.h>
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

int
home_enter(void)
{
	return chdir(from_env("POSTHORN_VAR", POSTHORN_VARDIR));
}
