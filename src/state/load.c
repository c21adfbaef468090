/*
 * What the state keeps of a full load or a window that is under way. Not for: the document's form
 * (load_document.c).
 */
#include <string.h>

#include "base/alloc.h"
#include "state/state.h"

enum ps_status ps_load_new(size_t parts_count, struct ps_load_state **ret_load,
                           struct ps_error *err)
{
    struct ps_load_state *load = ps_calloc(1, sizeof(*load));
    if (load != NULL) {
        load->parts = ps_calloc(parts_count + 1, sizeof(*load->parts));
        load->parts_count = parts_count;
    }
    if (load == NULL || load->parts == NULL) {
        ps_free(load);
        return ps_fail_nomem(err, "noting a load");
    }
    *ret_load = load;
    return PS_OK;
}

void ps_load_free(struct ps_load_state *load)
{
    if (load == NULL) {
        return;
    }
    for (size_t i = 0; i < load->parts_count; i++) {
        ps_free(load->parts[i].bounds);
        ps_free(load->parts[i].position);
    }
    ps_free(load->parts);
    ps_free(load->fingerprint);
    ps_free(load->incarnation);
    ps_free(load->mark);
    ps_free(load->cursor_column);
    ps_free(load);
}

void ps_load_keep(struct ps_table_state *table, struct ps_load_state *load)
{
    if (table->load != load) {
        ps_load_free(table->load);
        table->load = load;
    }
}

bool ps_load_part_is_joined(const struct ps_load_state *load, size_t part)
{
    return load->parts_count > 1 && load->parts[part].finished &&
           load->parts[part].bounds[0] == '\0';
}

bool ps_window_under_way(const struct ps_table_state *table)
{
    return !table->loading && table->load != NULL && table->load->parts[0].position != NULL;
}

size_t ps_load_bounds_size(const struct ps_load_state *load)
{
    size_t size = 0;
    for (size_t i = 0; i < load->parts_count; i++) {
        size += strlen(load->parts[i].bounds) + sizeof("\"\",") - 1;
    }
    return size;
}
