/*
 * Figures for people: counts, sizes, durations. Documents for machines hold plain numbers instead.
 */
#ifndef PS_CLI_FIGURES_H
#define PS_CLI_FIGURES_H

#include <stdint.h>

#define FIGURES_SIZE 48

/* "1,234,567". Gives `out` back, as all of these do. */
const char *figures_count(uint64_t count, char out[FIGURES_SIZE]);
/* An estimate: "about 1,200", "unknown" below 0. */
const char *figures_estimate(int64_t count, char out[FIGURES_SIZE]);
/* "512 B", "1.5 kB", "45.3 MB", "1.2 GB": powers of 1000. */
const char *figures_bytes(uint64_t bytes, char out[FIGURES_SIZE]);
/* "0.42 s", "12.3 s", "3 min 05 s", "2 h 03 min". */
const char *figures_seconds(double seconds, char out[FIGURES_SIZE]);
/* amount / seconds; 0 where no time has passed. */
double figures_rate(uint64_t amount, double seconds);

#endif
