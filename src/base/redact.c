/*
 * Secrets in texts for people (base/log.h). Where one cannot be kept, no text is shown at all
 * rather than the secret.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/thread.h"

#define SECRETS_MAX 1024
#define SECRET_LENGTH_LEAST 4

/* `lock` guards all of it; nothing else is locked while it is held. */
static struct {
    struct ps_mutex lock;
    struct secret {
        char *text;
        size_t users; /* added so often more than taken off */
    } secrets[SECRETS_MAX];
    size_t count;
    size_t unkept; /* added and not kept, nor taken off since */
} redact = {.lock = {PTHREAD_MUTEX_INITIALIZER}};

/* NULL: it is not kept. */
static struct secret *secret_find(const char *text)
{
    for (size_t i = 0; i < redact.count; i++) {
        if (strcmp(redact.secrets[i].text, text) == 0) {
            return &redact.secrets[i];
        }
    }
    return NULL;
}

/* While one could not be kept no further one is: so a secret is wholly kept or not at all, and
 * whoever takes it off need not know which. */
static void secret_keep(const char *text)
{
    struct secret *known = secret_find(text);
    if (known != NULL) {
        known->users++;
        return;
    }
    bool room = redact.unkept == 0 && redact.count < SECRETS_MAX;
    char *copy = room ? ps_strdup(text) : NULL;
    if (copy == NULL) {
        redact.unkept++;
        return;
    }
    redact.secrets[redact.count++] = (struct secret){copy, 1};
}

static void secret_leave(const char *text)
{
    struct secret *known = secret_find(text);
    if (known == NULL) {
        redact.unkept -= redact.unkept > 0;
    } else if (--known->users == 0) {
        ps_free(known->text);
        *known = redact.secrets[--redact.count];
    }
}

static bool is_secret(const char *text)
{
    return text != NULL && strlen(text) >= SECRET_LENGTH_LEAST;
}

void ps_redact_add(const char *secret)
{
    if (is_secret(secret)) {
        ps_mutex_lock(&redact.lock);
        secret_keep(secret);
        ps_mutex_unlock(&redact.lock);
    }
}

void ps_redact_remove(const char *secret)
{
    if (is_secret(secret)) {
        ps_mutex_lock(&redact.lock);
        secret_leave(secret);
        ps_mutex_unlock(&redact.lock);
    }
}

/* How far the secret reaches at the start of text; 0: it is not there. */
static size_t secret_reach(const char *text, const char *secret)
{
    size_t i = 0;
    for (; secret[i] != '\0'; i++) {
        /* Messages are made one line, and so are the secrets in them (a PEM key). */
        bool broken = (secret[i] == '\n' || secret[i] == '\r') && text[i] == ' ';
        if (text[i] != secret[i] && !broken) {
            return 0;
        }
    }
    return i;
}

void ps_redact(struct ps_buffer *out, const char *text)
{
    ps_mutex_lock(&redact.lock);
    if (redact.unkept > 0) {
        ps_buffer_puts(out, "(withheld: there are more secrets than can be kept out of it)");
        ps_mutex_unlock(&redact.lock);
        return;
    }
    /* Secrets that overlap or touch become one ***, so that no rest of either is left. */
    size_t hidden_until = 0, shown_from = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        size_t reach = 0;
        for (size_t s = 0; s < redact.count; s++) {
            size_t length = secret_reach(text + i, redact.secrets[s].text);
            reach = length > reach ? length : reach;
        }
        if (reach == 0 || i + reach <= hidden_until) {
            continue;
        }
        if (i > hidden_until || hidden_until == 0) {
            ps_buffer_append(out, text + shown_from, i - shown_from);
            ps_buffer_puts(out, "***");
        }
        hidden_until = i + reach;
        shown_from = hidden_until;
    }
    ps_buffer_puts(out, text + shown_from);
    ps_mutex_unlock(&redact.lock);
}

void ps_redact_clear(void)
{
    ps_mutex_lock(&redact.lock);
    for (size_t i = 0; i < redact.count; i++) {
        ps_free(redact.secrets[i].text);
    }
    redact.count = 0;
    redact.unkept = 0;
    ps_mutex_unlock(&redact.lock);
}
