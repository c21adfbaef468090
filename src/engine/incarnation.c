/* Comparing what a source said of a table's storage: see incarnation.h. */
#include "engine/incarnation.h"

#include <string.h>

/* What stands after the origin, which ends at the last slash: "1" of "7.5/1", all where none is. */
static const char *beyond_origin(const char *incarnation)
{
    const char *slash = strrchr(incarnation, '/');
    return slash == NULL ? incarnation : slash + 1;
}

/* True where two fields, sets of names with a plus between, have one in common. */
static bool have_common(const char *a, size_t a_size, const char *b, size_t b_size)
{
    for (size_t i = 0; i < a_size; i++) {
        size_t size = 0;
        while (i + size < a_size && a[i + size] != '+') {
            size++;
        }
        for (size_t k = 0; k < b_size; k++) {
            size_t other = 0;
            while (k + other < b_size && b[k + other] != '+') {
                other++;
            }
            if (other == size && memcmp(a + i, b + k, size) == 0) {
                return true;
            }
            k += other;
        }
        i += size;
    }
    return false;
}

/* Only fields that both have are compared: what one of them could not learn says nothing. */
static bool same_origin(const char *former, const char *present)
{
    const char *former_end = beyond_origin(former), *present_end = beyond_origin(present);
    while (former < former_end && present < present_end) {
        size_t size = strcspn(former, "./"), other = strcspn(present, "./");
        if (size > 0 && other > 0 && !have_common(former, size, present, other)) {
            return false;
        }
        former += size + 1;
        present += other + 1;
    }
    return true;
}

/* The entry of the list that begins with these bytes and ends there or at a colon; NULL: none. */
static const char *find_entry(const char *list, const char *name, size_t size)
{
    for (const char *at = list; *at != '\0'; at += strspn(at, ",")) {
        if (strcspn(at, ":,") == size && memcmp(at, name, size) == 0) {
            return at;
        }
        at += strcspn(at, ",");
    }
    return NULL;
}

bool incarnation_part_added(const char *former, const char *present)
{
    for (const char *at = present; *at != '\0'; at += strspn(at, ",")) {
        size_t size = strcspn(at, ","), name_size = strcspn(at, ":,");
        bool empty = size > 0 && at[size - 1] == '-';
        if (name_size != size && !empty && find_entry(former, at, name_size) == NULL) {
            return true;
        }
        at += size;
    }
    return false;
}

size_t incarnation_parts_gone(const char *former, const char *present)
{
    size_t gone = 0;
    for (const char *at = former; *at != '\0'; at += strspn(at, ",")) {
        size_t size = strcspn(at, ","), name_size = strcspn(at, ":,");
        gone += name_size != size && find_entry(present, at, name_size) == NULL;
        at += size;
    }
    return gone;
}

/* Without the mark of a part that had no rows when it was described. */
static size_t entry_size(const char *entry)
{
    size_t size = strcspn(entry, ",");
    return size > 0 && entry[size - 1] == '-' ? size - 1 : size;
}

bool incarnation_rewritten(const char *former, const char *present)
{
    if (!same_origin(former, present)) {
        return true;
    }
    const char *list = beyond_origin(present);
    for (const char *at = beyond_origin(former); *at != '\0'; at += strspn(at, ",")) {
        size_t size = entry_size(at), name_size = strcspn(at, ":,");
        const char *entry = find_entry(list, at, name_size);
        bool same = entry != NULL && entry_size(entry) == size && memcmp(entry, at, size) == 0;
        if (!same && (entry != NULL || name_size == size)) {
            return true;
        }
        at += strcspn(at, ",");
    }
    return false;
}

bool incarnation_same(const char *former, const char *present)
{
    if (former == NULL || present == NULL) {
        return former == present;
    }
    return same_origin(former, present) &&
           strcmp(beyond_origin(former), beyond_origin(present)) == 0;
}
