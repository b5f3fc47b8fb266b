/* num: strict numbers. No sign, no white space, no locale, no overflow. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdint.h>

#include "str.h"

/* All of s must be decimal digits and the value at most max. */
bool	num_u64(struct str, uint64_t max, uint64_t *out_r) __attribute__((warn_unused_result));
bool	num_u32(struct str, uint32_t max, uint32_t *out_r) __attribute__((warn_unused_result));

/* All of s must be hexadecimal digits of either case, 1 to 16 of them. */
bool	num_hex(struct str, uint64_t *out_r) __attribute__((warn_unused_result));

/* A number that may carry K, M, G or T (1024 based), as in "25M". */
bool	num_bytes(struct str, uint64_t *out_r) __attribute__((warn_unused_result));

/* Seconds from a number that may carry s, m, h, d or w, as in "12h". */
bool	num_seconds(struct str, uint64_t *out_r) __attribute__((warn_unused_result));

/*
 * The other way round, for people: two units with between between them, "3d4h",
 * "12m5s", "7s". What is negative is 0. text holds NUM_SPAN bytes and what between has.
 */
enum { NUM_SPAN = 32 };
void	num_span(int64_t seconds, const char *between, char *text, size_t size);

/* The value of one hexadecimal digit, or -1. */
int	num_hex_digit(char);

#endif
