/*
 * A list that is searched from its start: trouble is rare, and of few kinds.
 */
#include "engine/trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void troubles_init(struct troubles *troubles)
{
    *troubles = (struct troubles){.entries = NULL};
    ps_mutex_init(&troubles->lock);
}

void troubles_done(struct troubles *troubles)
{
    ps_free(troubles->entries);
    ps_mutex_done(&troubles->lock);
}

static const char *class_of(const struct ps_error *err)
{
    const char *name = ps_error_class_name(err->error_class);
    return *name != '\0' ? name : ps_status_name(err->status);
}

static void put_code(const struct ps_error *err, char code[16])
{
    if (err->sqlstate[0] != '\0') {
        snprintf(code, 16, "%s", err->sqlstate);
    } else if (err->vendor_code != 0) {
        snprintf(code, 16, "%d", (int)err->vendor_code);
    } else {
        code[0] = '\0';
    }
}

/* NULL: there is none, and no place for one. With the lock held. */
static struct trouble_entry *entry_of(struct troubles *troubles, size_t table,
                                      const struct ps_error *err)
{
    char code[16];
    const char *class_name = class_of(err);
    put_code(err, code);
    for (size_t i = 0; i < troubles->count; i++) {
        struct ps_trouble *told = &troubles->entries[i].told;
        if (told->table == table && strcmp(told->class_name, class_name) == 0 &&
            strcmp(told->code, code) == 0) {
            return &troubles->entries[i];
        }
    }
    if (troubles->count == TROUBLES_MAX) {
        return NULL;
    }
    if (troubles->count == troubles->capacity) {
        size_t capacity = troubles->capacity == 0 ? 16 : 2 * troubles->capacity;
        struct trouble_entry *grown =
            ps_realloc(troubles->entries, capacity * sizeof(*troubles->entries));
        if (grown == NULL) {
            return NULL;
        }
        troubles->entries = grown;
        troubles->capacity = capacity;
    }
    struct trouble_entry *entry = &troubles->entries[troubles->count++];
    *entry = (struct trouble_entry){.told = {.table = table, .class_name = class_name}};
    memcpy(entry->told.code, code, sizeof(code));
    return entry;
}

void trouble_note(struct troubles *troubles, struct trouble_place place, const struct ps_error *err)
{
    if (troubles == NULL || err->status == PS_CANCELED) {
        return;
    }
    ps_mutex_lock(&troubles->lock);
    struct trouble_entry *entry = entry_of(troubles, place.table, err);
    if (entry != NULL) {
        entry->told.occurrences++;
        entry->open[place.worker]++;
    }
    ps_mutex_unlock(&troubles->lock);
}

static void count_wait(struct troubles *troubles, struct trouble_place place,
                       const struct ps_error *cause, int64_t waited_ns)
{
    ps_mutex_lock(&troubles->lock);
    troubles->retries[cause->error_class]++;
    struct trouble_entry *entry = entry_of(troubles, place.table, cause);
    if (entry != NULL) {
        entry->retries++;
        entry->waited_ns += waited_ns;
    }
    ps_mutex_unlock(&troubles->lock);
}

enum ps_status trouble_wait(struct troubles *troubles, struct trouble_place place,
                            struct ps_retry *retry, enum ps_status failed, struct ps_error *err)
{
    const struct ps_error cause = *err;
    int64_t began_ns = retry->clock->monotonic_ns(retry->clock);
    enum ps_status status = ps_retry_after(retry, failed, err);
    if (status == PS_OK && troubles != NULL) {
        count_wait(troubles, place, &cause, retry->clock->monotonic_ns(retry->clock) - began_ns);
    }
    return status;
}

void trouble_passed(struct troubles *troubles, struct trouble_place place)
{
    if (troubles == NULL) {
        return;
    }
    ps_mutex_lock(&troubles->lock);
    for (size_t i = 0; i < troubles->count; i++) {
        struct trouble_entry *entry = &troubles->entries[i];
        if (entry->told.table == place.table) {
            entry->told.recovered += entry->open[place.worker];
            entry->open[place.worker] = 0;
        }
    }
    ps_mutex_unlock(&troubles->lock);
}

static int by_table(const void *a, const void *b)
{
    const struct ps_trouble *x = a, *y = b;
    if (x->table != y->table) {
        return x->table < y->table ? -1 : 1;
    }
    int order = strcmp(x->class_name, y->class_name);
    return order != 0 ? order : strcmp(x->code, y->code);
}

void troubles_tell(struct troubles *troubles, struct ps_run_result *result)
{
    size_t count = troubles->count;
    result->troubles = ps_arena_array(result->arena, count + 1, sizeof(*result->troubles));
    if (result->troubles == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct trouble_entry *entry = &troubles->entries[i];
        struct ps_trouble *told = &result->troubles[i];
        *told = entry->told;
        told->waited_seconds = (double)entry->waited_ns / 1e9;
        if (told->table < result->tables_count) {
            struct ps_table_result *table = &result->tables[told->table];
            table->retries += entry->retries;
            told->recovered = table->done ? told->occurrences : told->recovered;
        }
    }
    qsort(result->troubles, count, sizeof(*result->troubles), by_table);
    result->troubles_count = count;
}
