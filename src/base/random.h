/*
 * Random numbers that a seed repeats: xoshiro256** seeded by splitmix64 (Blackman and Vigna, public
 * domain). Not for secrets.
 */
#ifndef PS_BASE_RANDOM_H
#define PS_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct ps_random {
    uint64_t state[4];
};
void ps_random_init(struct ps_random *random, uint64_t seed);
uint64_t ps_random_next(struct ps_random *random);
/* 0 … bound - 1, without bias; bound > 0. */
uint64_t ps_random_below(struct ps_random *random, uint64_t bound);
/* A good hash of one number: the finalizer of splitmix64. */
uint64_t ps_hash64(uint64_t value);
/* FNV-1a, 64 bits. */
uint64_t ps_hash_bytes(const void *bytes, size_t size);
/* A random UUID (version 4) from the system's generator, as text. False: none to be had. */
_Bool ps_uuid_new(char out[37]);

#endif
