/* From the configuration to what a connection needs: see settings.h. */
#include "sources/postgresql/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sources/postgresql/pem.h"

/* Enough for a certificate of every authority that a system trusts, and the lists of hosts. */
#define SETTINGS_BYTES_MAX ((size_t)4 << 20)
#define PATH_SIZE 32
/* Rows of a table that is read whole come without a pause, but for dead ones between them. */
#define FLOW_SILENCE_S 900
/* A statement that the server itself should have ended so long ago is frozen, too. */
#define OVERDUE_S 30

/* Where systems keep the authorities that they trust, in one file; the first that is there. */
static const char *const system_roots[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Alpine, Arch */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Red Hat, Fedora, Amazon */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/ssl/cert.pem",
    NULL,
};

static enum ps_status fail_host(const char *entry, size_t size, struct ps_error *err)
{
    int shown = size < 80 ? (int)size : 80;
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "`host` holds \"%.*s\", but each entry is a name or an address, with its port "
                   "where that is not `port`: db.example.com:5432, [::1]:5432",
                   shown, entry);
}

/* Digits, 1 to 65535. */
static bool is_port(const char *text, size_t size)
{
    long value = 0;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i]) || value > 65535) {
            return false;
        }
        value = 10 * value + (text[i] - '0');
    }
    return value >= 1 && value <= 65535;
}

enum ps_status link_host_parse(const char *entry, size_t size, const char *port,
                               struct ps_arena *arena, struct link_host *ret_host,
                               struct ps_error *err)
{
    const char *name = entry, *end = entry + size;
    size_t name_size = size;
    const char *colon = NULL; /* before the port */
    if (size > 0 && *entry == '[') {
        const char *bracket = memchr(entry, ']', size);
        if (bracket == NULL || (bracket + 1 < end && bracket[1] != ':')) {
            return fail_host(entry, size, err);
        }
        name = entry + 1;
        name_size = (size_t)(bracket - name);
        colon = bracket + 1 < end ? bracket + 1 : NULL;
    } else if (size > 0 && *entry != '/' && *entry != '@') {
        colon = memchr(entry, ':', size);
        if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
            colon = NULL; /* an address of IPv6 as it stands */
        }
        name_size = colon != NULL ? (size_t)(colon - entry) : size;
    }
    if (name_size == 0 || (colon != NULL && !is_port(colon + 1, (size_t)(end - colon - 1)))) {
        return fail_host(entry, size, err);
    }
    struct link_host host = {
        .name = ps_arena_strndup(arena, name, name_size),
        .port =
            colon == NULL ? port : ps_arena_strndup(arena, colon + 1, (size_t)(end - colon - 1)),
    };
    if (host.name == NULL || host.port == NULL) {
        return ps_fail_nomem(err, "reading the settings");
    }
    *ret_host = host;
    return PS_OK;
}

static enum ps_status read_hosts(struct link_settings *settings, const struct ps_config *config,
                                 struct ps_error *err)
{
    const char *text = ps_config_text_or_empty(config, "host");
    const char *port = ps_config_text_or_empty(config, "port");
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        const char *entry = text;
        size_t entry_size = size;
        text += size + (text[size] == ',');
        while (entry_size > 0 && isspace((unsigned char)*entry)) {
            entry++;
            entry_size--;
        }
        while (entry_size > 0 && isspace((unsigned char)entry[entry_size - 1])) {
            entry_size--;
        }
        if (entry_size == 0) {
            continue;
        }
        if (settings->hosts_count == LINK_HOSTS_MAX) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "`host` names more than %d servers",
                           LINK_HOSTS_MAX);
        }
        enum ps_status status = link_host_parse(entry, entry_size, port, settings->arena,
                                                &settings->hosts[settings->hosts_count], err);
        if (status != PS_OK) {
            return status;
        }
        settings->hosts_count++;
    }
    return settings->hosts_count > 0
               ? PS_OK
               : ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "`host` names no server");
}

/* "a:5432,b:5432/database" */
static void write_target(struct link_settings *settings)
{
    size_t used = 0;
    for (size_t i = 0; i < settings->hosts_count && used < sizeof settings->target; i++) {
        int size = snprintf(settings->target + used, sizeof settings->target - used, "%s%s:%s",
                            i > 0 ? "," : "", settings->hosts[i].name, settings->hosts[i].port);
        used += size > 0 ? (size_t)size : 0;
    }
    if (used < sizeof settings->target) {
        (void)snprintf(settings->target + used, sizeof settings->target - used, "/%s",
                       settings->database);
    }
}

/* Text of the configuration becomes a file in memory. `kind` is what it must hold. */
static enum ps_status take_text(struct link_settings *settings, struct link_pem *pem,
                                const char *text, const char *kind, struct ps_error *err)
{
    struct ps_buffer clean;
    char path[PATH_SIZE];
    enum ps_status status = PS_OK;
    ps_buffer_init(&clean, SETTINGS_BYTES_MAX);
    if (!pem_normalise(text, &clean) || !pem_has(text, kind)) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "the text of `%s` is not whole, or not what is meant: it begins with "
                         "-----BEGIN …%s----- and ends with the -----END …----- of the same kind",
                         pem->option, kind);
        goto out;
    }
    if (!ps_buffer_ok(&clean)) {
        status = ps_fail_nomem(err, "reading the settings");
        goto out;
    }
    pem->fd = pem_file(ps_buffer_text(&clean), clean.size, path, sizeof path);
    if (pem->fd < 0) {
        const char *why = strerrordesc_np(errno);
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "the text of `%s` could not be kept in memory for libpq (%s): name a "
                         "file instead",
                         pem->option, why != NULL ? why : "no reason was given");
        goto out;
    }
    pem->path = ps_arena_strdup(settings->arena, path);
    if (pem->path == NULL) {
        pem->path = "";
        status = ps_fail_nomem(err, "reading the settings");
    }
out:
    ps_buffer_done(&clean);
    return status;
}

static enum ps_status read_pem(struct link_settings *settings, struct link_pem *pem,
                               const struct ps_config *config, const char *option, const char *kind,
                               struct ps_error *err)
{
    const char *text = ps_config_renewed_text(config, option);
    const char *value = text == NULL ? "" : text;
    pem->option = option;
    if (*value != '\0' && pem_is_text(value)) {
        return take_text(settings, pem, value, kind, err);
    }
    pem->path = value;
    /* libpq goes on without a client certificate where there is no such file. */
    if (*value != '\0' && access(value, R_OK) != 0) {
        int error = errno;
        const char *why = strerrordesc_np(error);
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the file named by `%s` cannot be read (%s); it takes a path, or the text "
                       "that begins with -----BEGIN",
                       option, why != NULL ? why : "no reason was given");
    }
    return PS_OK;
}

static bool mode_is(const struct link_settings *settings, const char *mode)
{
    return strcmp(settings->sslmode, mode) == 0;
}

/* The authorities to trust. */
static enum ps_status check_root(struct link_settings *settings, struct ps_error *err)
{
    bool needs = mode_is(settings, "verify-ca") || mode_is(settings, "verify-full");
    bool given = *settings->root.path != '\0';
    if (given && !needs && !mode_is(settings, "require")) {
        /* With prefer, libpq would go on in the clear where the certificate does not match. */
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "`sslrootcert` is set, but `sslmode` is %s, which checks no certificate: "
                       "set `sslmode` to verify-full (or verify-ca), or leave `sslrootcert` out",
                       settings->sslmode);
    }
    settings->verifies = needs || given;
    for (size_t i = 0; needs && !given && system_roots[i] != NULL; i++) {
        if (access(system_roots[i], R_OK) == 0) {
            settings->root.path = system_roots[i];
            return PS_OK;
        }
    }
    if (needs && !given) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "`sslmode` is %s, but this machine has no list of authorities to trust: "
                       "set `sslrootcert` to the certificate of the server's authority",
                       settings->sslmode);
    }
    return PS_OK;
}

static enum ps_status check_tls(struct link_settings *settings, struct ps_error *err)
{
    enum ps_status status = check_root(settings, err);
    bool certificate = *settings->certificate.path != '\0', key = *settings->key.path != '\0';
    if (status == PS_OK && certificate != key) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "`%s` is set without `%s`: a client certificate needs both",
                       certificate ? "sslcert" : "sslkey", certificate ? "sslkey" : "sslcert");
    }
    if (status == PS_OK && certificate && mode_is(settings, "disable")) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "`sslcert` is set, but `sslmode` is disable: set it to require or more");
    }
    return status;
}

static void read_texts(struct link_settings *settings, const struct ps_config *config)
{
    settings->config = config;
    settings->database = ps_config_text_or_empty(config, "database");
    settings->user = ps_config_text_or_empty(config, "user");
    settings->sslmode = ps_config_text_or_empty(config, "sslmode");
    settings->channel_binding = ps_config_text_or_empty(config, "channel_binding");
    settings->gssencmode = ps_config_text_or_empty(config, "gssencmode");
    settings->krbsrvname = ps_config_text_or_empty(config, "krbsrvname");
    settings->target_session_attrs = ps_config_text_or_empty(config, "target_session_attrs");
    settings->application_name = ps_config_text_or_empty(config, "application_name");
    settings->connect_timeout_s = ps_config_integer(config, "connect_timeout", 30);
    settings->read_timeout_s = ps_config_integer(config, "read_timeout", -1);
    settings->statement_timeout_s = ps_config_integer(config, "statement_timeout", 0);
    settings->lock_timeout_s = ps_config_integer(config, "lock_timeout", 30);
    settings->follower_reads = ps_config_boolean(config, "follower_reads");
    settings->follower_staleness_ms = ps_config_integer(config, "follower_staleness_ms", 30000);
    settings->keepalives_idle_s = ps_config_integer(config, "keepalives_idle", 30);
    settings->keepalives_interval_s = ps_config_integer(config, "keepalives_interval", 10);
    settings->keepalives_count = ps_config_integer(config, "keepalives_count", 3);
}

enum ps_status link_settings_read(struct link_settings *settings, const struct ps_config *config,
                                  struct ps_error *err)
{
    *settings = (struct link_settings){
        .arena = ps_arena_new(SETTINGS_BYTES_MAX),
        .root.fd = -1,
        .certificate.fd = -1,
        .key.fd = -1,
    };
    if (settings->arena == NULL) {
        return ps_fail_nomem(err, "reading the settings");
    }
    read_texts(settings, config);
    enum ps_status status = read_hosts(settings, config, err);
    if (status == PS_OK) {
        write_target(settings);
        status = read_pem(settings, &settings->root, config, "sslrootcert", "CERTIFICATE", err);
    }
    if (status == PS_OK) {
        status = read_pem(settings, &settings->certificate, config, "sslcert", "CERTIFICATE", err);
    }
    if (status == PS_OK) {
        status = read_pem(settings, &settings->key, config, "sslkey", "PRIVATE KEY", err);
    }
    if (status == PS_OK) {
        status = check_tls(settings, err);
    }
    if (status != PS_OK) {
        link_settings_done(settings);
    }
    return status;
}

static void close_file(const struct link_pem *pem)
{
    if (pem->fd >= 0) {
        (void)close(pem->fd);
    }
}

void link_settings_done(struct link_settings *settings)
{
    if (settings->arena == NULL) {
        return;
    }
    close_file(&settings->root);
    close_file(&settings->certificate);
    close_file(&settings->key);
    ps_arena_free(settings->arena);
    settings->arena = NULL;
}

int64_t link_settings_silence_s(const struct link_settings *settings, bool flows)
{
    int64_t limit = settings->read_timeout_s;
    if (limit < 0) {
        limit = flows ? FLOW_SILENCE_S : 0;
    }
    if (settings->statement_timeout_s > 0) {
        int64_t overdue = settings->statement_timeout_s + OVERDUE_S;
        limit = limit == 0 || overdue < limit ? overdue : limit;
    }
    return limit;
}
