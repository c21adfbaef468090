/*
 * Fuzzes the reader of the state document: whatever bytes it is given, it refuses them or gives a
 * state whose document reads back as the same document. Build with -fsanitize=fuzzer, or with
 * replay.c to run single files.
 */
#include <stdlib.h>
#include <string.h>

#include "state/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct ps_state *state = NULL;
    struct ps_error err = {0};
    /* A fuzzer gives NULL for no bytes. */
    const char *text = size > 0 ? (const char *)bytes : "";
    enum ps_status status = ps_state_parse(text, size, "fuzz", &state, &err);
    if (status != PS_OK) {
        require(status == PS_CONFIG && err.message[0] != '\0');
        return 0;
    }
    struct ps_buffer first, second;
    struct ps_state *again = NULL;
    ps_buffer_init(&first, 0);
    ps_buffer_init(&second, 0);
    require(ps_state_write(state, &first, &err) == PS_OK);
    require(ps_state_parse(first.data, first.size, "fuzz", &again, &err) == PS_OK);
    require(ps_state_write(again, &second, &err) == PS_OK);
    require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    ps_buffer_done(&first);
    ps_buffer_done(&second);
    ps_state_free(again);
    ps_state_free(state);
    return 0;
}
