#include "dsn_internal.h"

static const char	address[] = "Look whether the address is right to the letter, and send the message again to the right one.";
static const char	otherwise[] = "Ask the recipient in another way (by telephone, from another address) what the right address is or what is wrong there.";
static const char	smaller[] = "Send it with fewer or smaller attachments, or put the files where they can be fetched and send a link.";
static const char	later[] = "Send it again later, or reach the recipient in another way.";
static const char	postmaster[] = "Show this notice to whoever looks after your mail server.";
static const char	content[] = "Change what the other server takes offence at (its words above may tell), or reach the recipient in another way.";

/* What follows the class (RFC 3463, and IANA's registry of these codes). */
static const struct row {
	const char		*code;
	struct dsn_reason	 reason;
} rows[] = {
	{ "1.0", { "Something is wrong with the address.", address } },
	{ "1.1", { "There is no such mailbox: the recipient's server does not know the address.", address } },
	{ "1.2", { "There is no mail server for the part of the address behind the @.", address } },
	{ "1.3", { "The address is not written as an address can be.", address } },
	{ "1.4", { "The address fits more than one mailbox there.", otherwise } },
	{ "1.6", { "The recipient has moved, and there is no new address.", otherwise } },
	{ "1.7", { "The other server does not take your own address for one that can exist.", postmaster } },
	{ "1.8", { "The other server cannot find the domain of your own address.", postmaster } },
	{ "1.9", { "The message was passed on to a system that does not confirm deliveries.", otherwise } },
	{ "1.10", { "The recipient's domain says that it takes no mail.", address } },
	{ "2.0", { "Something is wrong with the recipient's mailbox.", otherwise } },
	{ "2.1", { "The mailbox is disabled: it takes no mail (for the time being).", otherwise } },
	{ "2.2", { "The recipient's mailbox is full.", later } },
	{ "2.3", { "The message is larger than this recipient accepts.", smaller } },
	{ "2.4", { "The address is a list, and the list could not be expanded.", otherwise } },
	{ "3.0", { "The recipient's mail system has trouble of its own.", later } },
	{ "3.1", { "The recipient's mail system has no space left.", later } },
	{ "3.2", { "The recipient's mail system takes no mail at this time.", later } },
	{ "3.3", { "The recipient's mail system lacks something that this message needs.", postmaster } },
	{ "3.4", { "The message is larger than the recipient's mail system accepts.", smaller } },
	{ "3.5", { "The recipient's mail system is not set up rightly.", otherwise } },
	{ "4.0", { "The other mail server could not be reached, or the way to it is disturbed.", later } },
	{ "4.1", { "The other mail server does not answer.", later } },
	{ "4.2", { "The connection to the other mail server broke off.", later } },
	{ "4.3", { "The other mail server could not be looked up.", later } },
	{ "4.4", { "No way to the other mail server is known.", address } },
	{ "4.5", { "The other mail server is overloaded.", later } },
	{ "4.6", { "The message ran in circles between servers.", postmaster } },
	{ "4.7", { "It took too long: the message could not be delivered in the time that it may take.", later } },
	{ "5.0", { "The servers did not understand each other.", postmaster } },
	{ "5.1", { "The servers did not understand each other.", postmaster } },
	{ "5.2", { "The servers did not understand each other.", postmaster } },
	{ "5.3", { "The message has more recipients than the other server takes at once.", "Send it to fewer recipients at a time." } },
	{ "5.4", { "The servers did not understand each other.", postmaster } },
	{ "5.5", { "The servers do not speak the same version of a protocol.", postmaster } },
	{ "6.0", { "The other server cannot handle the form or the content of the message.", content } },
	{ "6.1", { "The other server does not take messages with content of this kind.", content } },
	{ "6.2", { "The message would have to be converted on its way, which is not allowed.", content } },
	{ "6.3", { "The message would have to be converted on its way, which is not possible.", content } },
	{ "6.7", { "The other server cannot handle addresses with letters outside of ASCII.", "Use an address in plain ASCII letters, for yourself and for the recipient." } },
	{ "6.8", { "The other server cannot answer in letters outside of ASCII.", "Use an address in plain ASCII letters, for yourself and for the recipient." } },
	{ "6.9", { "The message would have to lose its letters outside of ASCII.", "Use an address in plain ASCII letters, for yourself and for the recipient." } },
	{ "7.0", { "The other server refuses the message by its rules, often as unwanted mail.", content } },
	{ "7.1", { "The other server does not accept this message, from you or for this recipient.", content } },
	{ "7.2", { "You are not allowed to write to this list.", "Ask the list's owner to let you." } },
	{ "7.3", { "The message would have to be converted, which its protection does not allow.", postmaster } },
	{ "7.4", { "The other server lacks a security feature that this message asks for.", postmaster } },
	{ "7.5", { "Encryption or authentication failed on the way.", postmaster } },
	{ "7.7", { "The message was damaged on its way.", later } },
	{ "7.8", { "Our server could not log in at the server that it sends through.", postmaster } },
	{ "7.9", { "Our server could not log in at the server that it sends through.", postmaster } },
	{ "7.10", { "The way to the other server cannot be encrypted as this message asks for.", postmaster } },
	{ "7.11", { "The other server wants an encrypted connection.", postmaster } },
	{ "7.13", { "The account is disabled.", postmaster } },
	{ "7.17", { "The address has changed hands since the time that the message is meant for.", otherwise } },
	{ "7.20", { "The other server found no signature (DKIM) that it accepts.", postmaster } },
	{ "7.21", { "The other server found no signature (DKIM) that it accepts.", postmaster } },
	{ "7.22", { "The other server found no signature (DKIM) of the author.", postmaster } },
	{ "7.23", { "By the records of your domain (SPF) this server may not send for it.", postmaster } },
	{ "7.24", { "The records of your domain (SPF) could not be read.", postmaster } },
	{ "7.25", { "The address of our server has no name that fits it.", postmaster } },
	{ "7.26", { "The message could not be proved to come from your domain.", postmaster } },
	{ "7.27", { "The domain of your own address says that it takes no mail.", postmaster } },
	{ "7.28", { "The other server takes no more mail from us for now, as it came too fast.", later } },
	{ "7.30", { "The other server cannot promise the encryption that this message asks for.", postmaster } },
};

const struct dsn_reason *
dsn_reason(struct str status)
{
	static const struct dsn_reason	any = { "No more is known of the reason than what is said here.", otherwise };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (status.n > 2 && str_eq(str_skip(status, 2), str_c(rows[i].code)))
			return &rows[i].reason;
	return &any;
}
