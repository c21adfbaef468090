// Stands in for OpenLDAP, to which Debian's static libpq refers: libpq would look up the parameters
// of a service there when a pg_service.conf names an ldap:// URL. Not supported here: ldap_init has
// no answer, upon which libpq reports "could not create LDAP structure" and calls none of the
// others. Not for any other caller. The prototypes are those of ldap.h. See docs/dependencies.md.

#include <stddef.h>
#include <sys/time.h>

typedef struct ldap LDAP;
typedef struct ldapmsg LDAPMessage;
struct berval;

#define LDAP_NOT_SUPPORTED (-12)

LDAP *ldap_init(const char *host, int port);
int ldap_set_option(LDAP *ld, int option, const void *value);
int ldap_simple_bind(LDAP *ld, const char *who, const char *password);
int ldap_search_st(LDAP *ld, const char *base, int scope, const char *filter, char **attributes,
                   int attributes_only, struct timeval *timeout, LDAPMessage **ret_result);
int ldap_result(LDAP *ld, int id, int all, struct timeval *timeout, LDAPMessage **ret_result);
int ldap_count_entries(LDAP *ld, LDAPMessage *result);
LDAPMessage *ldap_first_entry(LDAP *ld, LDAPMessage *result);
struct berval **ldap_get_values_len(LDAP *ld, LDAPMessage *entry, const char *attribute);
void ldap_value_free_len(struct berval **values);
int ldap_msgfree(LDAPMessage *message);
int ldap_unbind(LDAP *ld);
char *ldap_err2string(int error);

LDAP *ldap_init(const char *host, int port)
{
    (void)host;
    (void)port;
    return NULL;
}

int ldap_set_option(LDAP *ld, int option, const void *value)
{
    (void)ld;
    (void)option;
    (void)value;
    return LDAP_NOT_SUPPORTED;
}

int ldap_simple_bind(LDAP *ld, const char *who, const char *password)
{
    (void)ld;
    (void)who;
    (void)password;
    return -1;
}

int ldap_search_st(LDAP *ld, const char *base, int scope, const char *filter, char **attributes,
                   int attributes_only, struct timeval *timeout, LDAPMessage **ret_result)
{
    (void)ld;
    (void)base;
    (void)scope;
    (void)filter;
    (void)attributes;
    (void)attributes_only;
    (void)timeout;
    *ret_result = NULL;
    return LDAP_NOT_SUPPORTED;
}

int ldap_result(LDAP *ld, int id, int all, struct timeval *timeout, LDAPMessage **ret_result)
{
    (void)ld;
    (void)id;
    (void)all;
    (void)timeout;
    *ret_result = NULL;
    return -1;
}

int ldap_count_entries(LDAP *ld, LDAPMessage *result)
{
    (void)ld;
    (void)result;
    return -1;
}

LDAPMessage *ldap_first_entry(LDAP *ld, LDAPMessage *result)
{
    (void)ld;
    (void)result;
    return NULL;
}

struct berval **ldap_get_values_len(LDAP *ld, LDAPMessage *entry, const char *attribute)
{
    (void)ld;
    (void)entry;
    (void)attribute;
    return NULL;
}

void ldap_value_free_len(struct berval **values)
{
    (void)values;
}

int ldap_msgfree(LDAPMessage *message)
{
    (void)message;
    return 0;
}

int ldap_unbind(LDAP *ld)
{
    (void)ld;
    return LDAP_NOT_SUPPORTED;
}

char *ldap_err2string(int error)
{
    static char text[] = "LDAP is not supported";
    (void)error;
    return text;
}
