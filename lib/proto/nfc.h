/*
 * nfc: is text in Unicode's normal form C (UAX 15)? Only the question, so that
 * a program that makes mailboxes need not link a library for it.
 */
#ifndef PROTO_NFC_H
#define PROTO_NFC_H

#include "../base/str.h"

/* False also for what is not UTF-8. */
bool	nfc_is(struct str utf8);

#endif
