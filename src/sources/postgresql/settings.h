/*
 * The options that concern a connection, checked and in the form that libpq takes. Not for: opening
 * one (connect.c). See docs/sources/postgresql.md, "Connecting" and "TLS".
 */
#ifndef PS_SOURCES_POSTGRESQL_SETTINGS_H
#define PS_SOURCES_POSTGRESQL_SETTINGS_H

#include "base/arena.h"
#include "base/clock.h"
#include "penstock/config.h"
#include "penstock/error.h"

#define LINK_TARGET_SIZE 256
#define LINK_HOSTS_MAX 32

/* One server of the list. */
struct link_host {
    const char *name; /* a name, an address, or the folder of a socket */
    const char *port; /* digits */
};

/* A certificate or a key: a file that the user named, or one of ours in memory. */
struct link_pem {
    const char *path; /* "" : none */
    const char *option;
    int fd; /* of the file in memory; -1: none */
};

/* The texts belong to the configuration or to `arena`. */
struct link_settings {
    struct ps_arena *arena;
    struct link_host hosts[LINK_HOSTS_MAX];
    size_t hosts_count;
    const struct ps_config *config; /* for the secrets, which may change */
    const char *database, *user, *sslmode;
    const char *channel_binding, *gssencmode, *krbsrvname, *target_session_attrs;
    const char *application_name;
    struct link_pem root, certificate, key;
    bool verifies; /* the server's certificate is checked */
    int64_t connect_timeout_s, statement_timeout_s, lock_timeout_s;
    bool follower_reads;
    int64_t follower_staleness_ms;
    int64_t read_timeout_s; /* negative: not set */
    int64_t keepalives_idle_s, keepalives_interval_s, keepalives_count;
    char target[LINK_TARGET_SIZE];  /* "host:port/database", for messages */
    const struct ps_cancel *cancel; /* calls off what waits for the server; NULL: nothing does */
};

/* Reads the options and checks those that need no server. CONFIG, NOMEM. */
enum ps_status link_settings_read(struct link_settings *settings, const struct ps_config *config,
                                  struct ps_error *err) PS_MUST_CHECK;
void link_settings_done(struct link_settings *settings); /* one that is {0} is fine */

/*
 * Seconds that the server may be silent in the midst of a read; 0: for ever. A process that is
 * stopped answers no keepalive of its own, and its machine answers for it. `flows`: rows come
 * without a pause.
 */
int64_t link_settings_silence_s(const struct link_settings *settings, bool flows);

/*
 * One entry of the option `host` ("name", "name:port", "[::1]:port", "/folder") of so many bytes,
 * in the arena; the port is `port` where the entry has none. CONFIG, NOMEM.
 */
enum ps_status link_host_parse(const char *entry, size_t size, const char *port,
                               struct ps_arena *arena, struct link_host *ret_host,
                               struct ps_error *err) PS_MUST_CHECK;

#endif
