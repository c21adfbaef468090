/*
 * Figures for people. See figures.h.
 */
#include "cli/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *figures_count(uint64_t count, char out[FIGURES_SIZE])
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *figures_estimate(int64_t count, char out[FIGURES_SIZE])
{
    char digits[FIGURES_SIZE];

    if (count < 0) {
        (void)snprintf(out, FIGURES_SIZE, "unknown");
    } else {
        (void)figures_count((uint64_t)count, digits);
        (void)snprintf(out, FIGURES_SIZE, "about %.40s", digits);
    }
    return out;
}

const char *figures_bytes(uint64_t bytes, char out[FIGURES_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 1000) {
        (void)snprintf(out, FIGURES_SIZE, "%" PRIu64 " B", bytes);
        return out;
    }
    /* 999.95 would be printed as 1000.0. */
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(out, FIGURES_SIZE, "%.1f %s", value, units[unit]);
    return out;
}

const char *figures_seconds(double seconds, char out[FIGURES_SIZE])
{
    uint64_t whole = seconds > 0 ? (uint64_t)(seconds + 0.5) : 0;

    if (seconds < 9.995) {
        (void)snprintf(out, FIGURES_SIZE, "%.2f s", seconds > 0 ? seconds : 0.0);
    } else if (seconds < 59.95) {
        (void)snprintf(out, FIGURES_SIZE, "%.1f s", seconds);
    } else if (whole < 3600) {
        (void)snprintf(out, FIGURES_SIZE, "%" PRIu64 " min %02" PRIu64 " s", whole / 60,
                       whole % 60);
    } else {
        (void)snprintf(out, FIGURES_SIZE, "%" PRIu64 " h %02" PRIu64 " min", whole / 3600,
                       whole % 3600 / 60);
    }
    return out;
}

double figures_rate(uint64_t amount, double seconds)
{
    return seconds > 0 ? (double)amount / seconds : 0.0;
}
