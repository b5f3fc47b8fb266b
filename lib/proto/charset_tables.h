/* charset_tables: data of charset.c. */
#ifndef PROTO_CHARSET_TABLES_H
#define PROTO_CHARSET_TABLES_H

#include <stddef.h>
#include <stdint.h>

struct charset_table {
	/* lower case, letters and digits only, parted by spaces; in place, as a pointer would make
	   the loader write to the tables, and each process have pages of its own */
	char		 names[88];
	uint16_t	 upper[128];	/* of bytes 0x80 to 0xff */
};

extern const struct charset_table	charset_tables[];
extern const size_t			charset_tables_n;

#endif
