/* smtp_special: recipient names with which a test system (localserve) fails as it is asked to. */
#ifndef PROTO_SMTP_SPECIAL_H
#define PROTO_SMTP_SPECIAL_H

#include "../base/str.h"

enum { SMTP_SPECIAL_HANG_MS = 3600 * 1000 };

/*
 * The code that a localpart asks for by its end: "temperror" 451, "permerror"
 * 550, "timeout" 451 after an hour (*hang_r), a number of 400 to 599 itself; 0 for others.
 */
int	smtp_special_code(struct str local, bool *hang_r);

#endif
