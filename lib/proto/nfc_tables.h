/* nfc_tables: what nfc.c looks up. */
#ifndef PROTO_NFC_TABLES_H
#define PROTO_NFC_TABLES_H

#include <stddef.h>
#include <stdint.h>

struct nfc_range {
	uint32_t	first, last;
	uint8_t		value;
};

struct nfc_pair {
	uint32_t	first, second;
};

/* Code points that NFC never has (NFC_Quick_Check=No). */
extern const struct nfc_range	nfc_never[];
extern const size_t		nfc_nnever;

/* Canonical combining classes that are not 0. */
extern const struct nfc_range	nfc_classes[];
extern const size_t		nfc_nclasses;

/* What composes to one code point, Hangul apart. */
extern const struct nfc_pair	nfc_pairs[];
extern const size_t		nfc_npairs;

#endif
