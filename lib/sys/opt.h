/* opt: values of a program's options. What is none ends it with EXIT_PERM and says so. */
#ifndef SYS_OPT_H
#define SYS_OPT_H

#include <stdint.h>

/* Milliseconds, 1 to a day, as the option (a letter) has them in text. */
int64_t	opt_ms(int option, const char *text);

#endif
