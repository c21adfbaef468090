/*
 * Two lists that grow, each up to a number of entries. See observed.h.
 */
#include "engine/observed.h"

#include <string.h>

#include "base/alloc.h"

#define CHANGES_MAX ((size_t)1000)
/* One a minute, a week long. */
#define SAMPLES_MAX ((size_t)10080)
#define CAPACITY_LEAST ((size_t)16)

void observed_done(struct observed *observed)
{
    for (size_t i = 0; i < observed->changes_count; i++) {
        ps_free((void *)(uintptr_t)observed->changes[i].cause);
    }
    ps_free(observed->changes);
    ps_free(observed->samples);
    *observed = (struct observed){0};
}

/* Room for one entry more in a list of that many: NULL: there is none. */
static void *room(void *list, size_t count, size_t *capacity, size_t most, size_t size)
{
    if (count < *capacity) {
        return list;
    }
    size_t wanted = *capacity == 0 ? CAPACITY_LEAST : 2 * *capacity;
    wanted = wanted > most ? most : wanted;
    void *grown = wanted == *capacity ? NULL : ps_realloc(list, wanted * size);
    *capacity = grown == NULL ? *capacity : wanted;
    return grown;
}

void observed_change(struct observed *observed, const struct ps_parameter_change *change)
{
    struct ps_parameter_change *list =
        room(observed->changes, observed->changes_count, &observed->changes_capacity, CHANGES_MAX,
             sizeof(*list));
    char *cause = list == NULL ? NULL : ps_strdup(change->cause);
    observed->changes = list == NULL ? observed->changes : list;
    if (cause != NULL) {
        struct ps_parameter_change *kept = &observed->changes[observed->changes_count++];
        *kept = *change;
        kept->cause = cause;
    }
}

void observed_sample(struct observed *observed, const struct ps_resource_record *sample)
{
    struct ps_resource_record *list = room(observed->samples, observed->samples_count,
                                           &observed->samples_capacity, SAMPLES_MAX, sizeof(*list));
    if (list != NULL) {
        observed->samples = list;
        observed->samples[observed->samples_count++] = *sample;
    }
}

void observed_memory(struct observed *observed, uint64_t bytes)
{
    observed->memory_sum += (double)bytes;
    observed->memory_looks += bytes > 0;
}

void observed_tell(const struct observed *observed, struct ps_run_result *result)
{
    struct ps_parameter_change *changes =
        ps_arena_array(result->arena, observed->changes_count + 1, sizeof(*changes));
    struct ps_resource_record *samples =
        ps_arena_array(result->arena, observed->samples_count + 1, sizeof(*samples));
    if (observed->memory_looks > 0) {
        result->memory_average_bytes =
            (uint64_t)(observed->memory_sum / (double)observed->memory_looks);
    }
    for (size_t i = 0; changes != NULL && i < observed->changes_count; i++) {
        changes[i] = observed->changes[i];
        changes[i].cause = ps_arena_strdup(result->arena, observed->changes[i].cause);
        changes = changes[i].cause == NULL ? NULL : changes;
    }
    if (changes != NULL) {
        result->changes = changes;
        result->changes_count = observed->changes_count;
    }
    if (samples != NULL) {
        if (observed->samples_count > 0) {
            memcpy(samples, observed->samples, observed->samples_count * sizeof(*samples));
        }
        result->resources = samples;
        result->resources_count = observed->samples_count;
    }
}
