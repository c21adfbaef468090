/* The options of the two sources, which differ in the port alone: see include/penstock/config.h. */
#include "sources/postgresql/source.h"

static const char *const sslmodes[] = {"disable",   "allow",       "prefer", "require",
                                       "verify-ca", "verify-full", NULL};
static const char *const bindings[] = {"disable", "prefer", "require", NULL};
static const char *const encryptions[] = {"disable", "prefer", "require", NULL};
static const char *const session_attributes[] = {
    "any", "read-write", "read-only", "primary", "standby", "prefer-standby", NULL};

#define OPTIONS(default_port)                                                                      \
    {                                                                                              \
        {.name = "host",                                                                           \
         .label = "Host",                                                                          \
         .help = "The name or address of the server, with :port where that is not `port`. "        \
                 "Several, separated by commas, are tried in order.",                              \
         .type = PS_OPTION_TEXT,                                                                   \
         .flags = PS_OPTION_REQUIRED,                                                              \
         .placeholder = "db.example.com"},                                                         \
            {.name = "port",                                                                       \
             .label = "Port",                                                                      \
             .help = "The port that the server listens on.",                                       \
             .type = PS_OPTION_INTEGER,                                                            \
             .default_value = default_port,                                                        \
             .minimum = 1,                                                                         \
             .maximum = 65535},                                                                    \
            {.name = "database",                                                                   \
             .label = "Database",                                                                  \
             .help = "The database to read.",                                                      \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_REQUIRED},                                                         \
            {.name = "user",                                                                       \
             .label = "User",                                                                      \
             .help = "The login. It needs USAGE on the schemas and SELECT on the tables; with "    \
                     "pg_read_all_stats it also sees how far back open transactions reach.",       \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_REQUIRED},                                                         \
            {.name = "password",                                                                   \
             .label = "Password",                                                                  \
             .help = "The login's password, where the server asks for one.",                       \
             .type = PS_OPTION_SECRET},                                                            \
            {.name = "schema",                                                                     \
             .label = "Schemas",                                                                   \
             .help = "The schemas to read, separated by commas; * stands for any run of "          \
                     "characters. Capitals count.",                                                \
             .type = PS_OPTION_LIST,                                                               \
             .default_value = "public"},                                                           \
            {.name = "include_views",                                                              \
             .label = "Views and foreign tables",                                                  \
             .help = "Read them too. They have no key, so that each sync reads them whole. "       \
                     "Materialised views are always read.",                                        \
             .type = PS_OPTION_BOOLEAN,                                                            \
             .default_value = "false"},                                                            \
            {.name = "sslmode",                                                                    \
             .label = "TLS mode",                                                                  \
             .help = "How the connection is secured. verify-full checks the server's certificate " \
                     "and its name; prefer takes TLS where it is offered and checks nothing.",     \
             .type = PS_OPTION_CHOICE,                                                             \
             .default_value = "prefer",                                                            \
             .choices = sslmodes},                                                                 \
            {.name = "sslrootcert",                                                                \
             .label = "Root certificates",                                                         \
             .help = "The certificates of the authorities to trust, as PEM text or the path of a " \
                     "file, for verify-full, verify-ca, and require, which then checks as "        \
                     "verify-ca does. Not set: the authorities that this machine trusts.",         \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .placeholder = "-----BEGIN CERTIFICATE-----"},                                        \
            {.name = "sslcert",                                                                    \
             .label = "Client certificate",                                                        \
             .help = "The login's own certificate, as PEM text or the path of a file, where the "  \
                     "server asks for one.",                                                       \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .placeholder = "-----BEGIN CERTIFICATE-----"},                                        \
            {.name = "sslkey",                                                                     \
             .label = "Client key",                                                                \
             .help = "The key of the client certificate, as PEM text or the path of a file that "  \
                     "nobody else can read.",                                                      \
             .type = PS_OPTION_SECRET,                                                             \
             .flags = PS_OPTION_ADVANCED},                                                         \
            {.name = "sslpassword",                                                                \
             .label = "Password of the client key",                                                \
             .help = "The password with which the client key is encrypted.",                       \
             .type = PS_OPTION_SECRET,                                                             \
             .flags = PS_OPTION_ADVANCED},                                                         \
            {.name = "channel_binding",                                                            \
             .label = "Channel binding",                                                           \
             .help = "Ties the password exchange (SCRAM) to the TLS connection, so that nobody "   \
                     "between can pass it on: require it, take it where it is offered (prefer), "  \
                     "or disable it.",                                                             \
             .type = PS_OPTION_CHOICE,                                                             \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "prefer",                                                            \
             .choices = bindings},                                                                 \
            {.name = "gssencmode",                                                                 \
             .label = "Encryption by Kerberos",                                                    \
             .help = "Whether the connection is encrypted by Kerberos in place of TLS. A login "   \
                     "by Kerberos needs no setting.",                                              \
             .type = PS_OPTION_CHOICE,                                                             \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "disable",                                                           \
             .choices = encryptions},                                                              \
            {.name = "krbsrvname",                                                                 \
             .label = "Kerberos service",                                                          \
             .help = "The first part of the server's name in Kerberos.",                           \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "postgres"},                                                         \
            {.name = "target_session_attrs",                                                       \
             .label = "Kind of server",                                                            \
             .help = "Which of several servers is taken: any, one that can be written to "         \
                     "(read-write, primary), or one that cannot (read-only, standby); "            \
                     "prefer-standby takes any where there is no standby.",                        \
             .type = PS_OPTION_CHOICE,                                                             \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "any",                                                               \
             .choices = session_attributes},                                                       \
            {.name = "connect_timeout",                                                            \
             .label = "Connect timeout",                                                           \
             .help = "Seconds to wait for a connection, for each address of each host.",           \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "30",                                                                \
             .minimum = 1,                                                                         \
             .maximum = 3600},                                                                     \
            {.name = "keepalives_idle",                                                            \
             .label = "Keepalive after",                                                           \
             .help = "Seconds of silence after which the connection is probed; 0 for never.",      \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "30",                                                                \
             .minimum = 0,                                                                         \
             .maximum = 32767},                                                                    \
            {.name = "keepalives_interval",                                                        \
             .label = "Keepalive interval",                                                        \
             .help = "Seconds between probes that are not answered.",                              \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "10",                                                                \
             .minimum = 1,                                                                         \
             .maximum = 32767},                                                                    \
            {.name = "keepalives_count",                                                           \
             .label = "Keepalive count",                                                           \
             .help = "How many probes without an answer end the connection.",                      \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "3",                                                                 \
             .minimum = 1,                                                                         \
             .maximum = 127},                                                                      \
            {.name = "statement_timeout",                                                          \
             .label = "Statement timeout",                                                         \
             .help = "Seconds after which the server ends a statement, and so the read of one "    \
                     "table; 0 for no limit.",                                                     \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "0",                                                                 \
             .minimum = 0,                                                                         \
             .maximum = 2000000},                                                                  \
            {.name = "read_timeout",                                                               \
             .label = "Read timeout",                                                              \
             .help = "Seconds of silence in the midst of a read after which the server counts as " \
                     "frozen: the read goes on over another connection. 0 for no limit. Not set: " \
                     "900 for tables that are read whole, which never pause for long, and none "   \
                     "for changes and views, which the server may search for a long time.",        \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .minimum = 0,                                                                         \
             .maximum = 2000000},                                                                  \
            {.name = "lock_timeout",                                                               \
             .label = "Lock timeout",                                                              \
             .help =                                                                               \
                 "Seconds to wait for a table that another session has locked; 0 for no limit.",   \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "30",                                                                \
             .minimum = 0,                                                                         \
             .maximum = 2000000},                                                                  \
            {.name = "application_name",                                                           \
             .label = "Application name",                                                          \
             .help = "The name by which the server lists our sessions.",                           \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "penstock"},                                                         \
            {.name = "follower_reads",                                                             \
             .label = "Follower reads",                                                            \
             .help = "YugabyteDB alone: rows come from the nearest replica, as they were "         \
                     "`follower_staleness_ms` ago, which spares the leaders. A sync waits so "     \
                     "long before its first read.",                                                \
             .type = PS_OPTION_BOOLEAN,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "false"},                                                            \
            {.name = "follower_staleness_ms",                                                      \
             .label = "Follower staleness",                                                        \
             .help = "In milliseconds: how old what followers show is.",                           \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "30000",                                                             \
             .minimum = 2000,                                                                      \
             .maximum = 300000},                                                                   \
        {                                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }

const struct ps_option source_options_postgresql[] = OPTIONS("5432");
const struct ps_option source_options_yugabytedb[] = OPTIONS("5433");
