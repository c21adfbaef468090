/*
 * Why a server's certificate is not accepted: libpq says no more than "certificate verify failed".
 */
#ifndef PS_SOURCES_POSTGRESQL_CERTIFICATE_H
#define PS_SOURCES_POSTGRESQL_CERTIFICATE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#define CERTIFICATE_REASON_SIZE 320

/*
 * Verifies what the server showed in a finished handshake against the authorities in the file.
 * False: nothing is found wrong, or nothing can be said. `ret_advice` gets a static sentence.
 */
bool certificate_judge(SSL *handshake, const char *roots_path,
                       char ret_reason[CERTIFICATE_REASON_SIZE], const char **ret_advice);

#endif
