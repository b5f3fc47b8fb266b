#include "certname.h"

#include <openssl/x509v3.h>

#include "base/limits.h"

bool
certname_fold(struct str name, char *to, size_t size, struct str *out_r)
{
	if (str_ends(name, STR(".")))
		name.n--;
	if (name.n == 0 || name.n > size)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char	ch = byte_lower(name.p[i]);
		bool	star = ch == '*' && i == 0 && name.n > 2 && name.p[1] == '.';

		if (!byte_is_alnum(ch) && ch != '-' && ch != '.' && ch != '_' && !star)
			return false;
		to[i] = ch;
	}
	*out_r = str_n(to, name.n);
	return true;
}

static void
one(const ASN1_STRING *s, void (*each)(void *, struct str), void *arg)
{
	char		text[LIMIT_DOMAIN];
	struct str	name;

	if (s != NULL && certname_fold(str_n(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)), text, sizeof(text), &name))
		each(arg, name);
}

static void
common_name(X509 *x, void (*each)(void *, struct str), void *arg)
{
	X509_NAME	*subject = X509_get_subject_name(x);
	int		 i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (i >= 0)
		one(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)), each, arg);
}

void
certname_each(X509 *x, void (*each)(void *, struct str), void *arg)
{
	GENERAL_NAMES	*names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	if (names == NULL) {
		common_name(x, each, arg);
		return;
	}
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME	*g = sk_GENERAL_NAME_value(names, i);

		if (g->type == GEN_DNS)
			one(g->d.dNSName, each, arg);
	}
	GENERAL_NAMES_free(names);
}
