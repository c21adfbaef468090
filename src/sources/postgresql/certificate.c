/* Verifying a certificate once more, for the sake of the reason: see certificate.h. */
#include "sources/postgresql/certificate.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <time.h>

#define NAME_SIZE 96

/* The common name, which strangers wrote: nothing but what can be printed. */
static void name_of(const X509_NAME *name, char ret_text[NAME_SIZE])
{
    if (X509_NAME_get_text_by_NID(name, NID_commonName, ret_text, NAME_SIZE) <= 0) {
        (void)snprintf(ret_text, NAME_SIZE, "(no common name)");
    }
    for (char *byte = ret_text; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < ' ' || *byte == 0x7f || *byte == '"') {
            *byte = '?';
        }
    }
}

/* "2026-01-31" */
static void day_of(const ASN1_TIME *moment, char ret_text[16])
{
    struct tm parts;
    if (ASN1_TIME_to_tm(moment, &parts) != 1 || strftime(ret_text, 16, "%Y-%m-%d", &parts) == 0) {
        (void)snprintf(ret_text, 16, "(unknown)");
    }
}

static void explain(X509_STORE_CTX *verification, X509 *leaf,
                    char ret_reason[CERTIFICATE_REASON_SIZE], const char **ret_advice)
{
    int code = X509_STORE_CTX_get_error(verification);
    const X509 *found = X509_STORE_CTX_get_current_cert(verification);
    const X509 *at = found != NULL ? found : leaf;
    const char *whose = X509_STORE_CTX_get_error_depth(verification) == 0
                            ? "the server's certificate"
                            : "a certificate of the authority that signed the server's";
    char name[NAME_SIZE], issuer[NAME_SIZE], day[16];
    name_of(X509_get_subject_name(at), name);
    name_of(X509_get_issuer_name(at), issuer);
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        day_of(X509_get0_notAfter(at), day);
        (void)snprintf(ret_reason, CERTIFICATE_REASON_SIZE, "%s (\"%s\") expired on %s", whose,
                       name, day);
        *ret_advice = "Have it renewed at the server";
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        day_of(X509_get0_notBefore(at), day);
        (void)snprintf(ret_reason, CERTIFICATE_REASON_SIZE, "%s (\"%s\") is not valid before %s",
                       whose, name, day);
        *ret_advice = "Check the clock of this machine, and the certificate";
        return;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        (void)snprintf(ret_reason, CERTIFICATE_REASON_SIZE,
                       "the server's certificate (\"%s\") is self-signed and not one to trust",
                       name);
        *ret_advice = "Set `sslrootcert` to that certificate, if it is the server's own";
        return;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        (void)snprintf(ret_reason, CERTIFICATE_REASON_SIZE,
                       "%s (\"%s\") was signed by \"%s\", which is not one of the authorities to "
                       "trust",
                       whose, name, issuer);
        *ret_advice = "Set `sslrootcert` to the certificate of that authority";
        return;
    default:
        (void)snprintf(ret_reason, CERTIFICATE_REASON_SIZE, "%s (\"%s\"): %s", whose, name,
                       X509_verify_cert_error_string(code));
        *ret_advice = "Check the server's certificate and `sslrootcert`";
    }
}

bool certificate_judge(SSL *handshake, const char *roots_path,
                       char ret_reason[CERTIFICATE_REASON_SIZE], const char **ret_advice)
{
    bool judged = false;
    X509 *leaf = SSL_get1_peer_certificate(handshake);
    X509_STORE *roots = X509_STORE_new();
    X509_STORE_CTX *verification = X509_STORE_CTX_new();
    if (leaf != NULL && roots != NULL && verification != NULL &&
        X509_STORE_load_file(roots, roots_path) == 1 &&
        X509_STORE_CTX_init(verification, roots, leaf, SSL_get_peer_cert_chain(handshake)) == 1 &&
        X509_STORE_CTX_set_default(verification, "ssl_server") == 1 &&
        X509_verify_cert(verification) != 1) {
        explain(verification, leaf, ret_reason, ret_advice);
        judged = true;
    }
    X509_STORE_CTX_free(verification);
    X509_STORE_free(roots);
    X509_free(leaf);
    /* libpq reads the queue of errors; nothing of ours may be left in it. */
    ERR_clear_error();
    return judged;
}
