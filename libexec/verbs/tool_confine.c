#include "tool_confine.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "sys/child.h"
#include "sys/die.h"
#include "sys/sandbox.h"
#include "tool_dns.h"

void
tool_confine(struct held *dns)
{
	pid_t	self = getpid(), pid;
	int	status;
	EVP_MD	*md;

	/* what libcrypto opens when it is first used */
	md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_free(md);
	pid = fork();
	if (pid == 0) {
		child_follow(self);
		sandbox_enter(SANDBOX_SESSION);
		return;
	}
	while (pid != -1 && waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			pid = -1;
	tool_dns_close(dns);
	if (pid == -1 || !WIFEXITED(status))
		diex(EXIT_TEMP, "unable to look at the message");
	exit(WEXITSTATUS(status));
}
