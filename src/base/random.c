/*
 * Random numbers and hashes that are the same everywhere (base/random.h). Not for secrets.
 */
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#define GOLDEN_STEP UINT64_C(0x9E3779B97F4A7C15)

uint64_t ps_hash64(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

void ps_random_init(struct ps_random *random, uint64_t seed)
{
    /* splitmix64: its four numbers are never all zero, which xoshiro could not leave. */
    for (int i = 0; i < 4; i++) {
        seed += GOLDEN_STEP;
        random->state[i] = ps_hash64(seed);
    }
}

static uint64_t rotated(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

uint64_t ps_random_next(struct ps_random *random)
{
    uint64_t *state = random->state;
    uint64_t result = rotated(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotated(state[3], 45);
    return result;
}

uint64_t ps_random_below(struct ps_random *random, uint64_t bound)
{
    /* What is below 2^64 modulo bound is drawn again, so that all remainders are as likely. */
    uint64_t uneven = (0 - bound) % bound, number;
    do {
        number = ps_random_next(random);
    } while (number < uneven);
    return number % bound;
}

uint64_t ps_hash_bytes(const void *bytes, size_t size)
{
    const uint8_t *text = bytes;
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ text[i]) * UINT64_C(0x100000001B3);
    }
    return hash;
}

_Bool ps_uuid_new(char out[37])
{
    uint8_t b[16];
    ssize_t got;
    do {
        got = getrandom(b, sizeof(b), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(b)) {
        return 0;
    }
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40); /* version 4 */
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80); /* RFC 9562's variant */
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
    return 1;
}
