/* conf_open: the inside of a struct conf, for the files conf*.c only. */
#ifndef CLIENT_CONF_OPEN_H
#define CLIENT_CONF_OPEN_H

#include "conf.h"
#include "conf_db.h"

enum { CONF_ARENA = 1 << 20 };	/* what one machine record can unfold to, with room */

struct conf {
	struct conf_db		 db;
	struct arena		 arena;		/* listeners */
	struct buf		 rec;		/* the machine record */
	struct conf_machine	 machine;
};

#endif
