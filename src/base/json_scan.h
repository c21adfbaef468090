/*
 * The grammar of RFC 8259's smallest parts, shared by the validator (json_scan.c) and the reader
 * (json.c). Everybody else includes base/json.h.
 */
#ifndef PS_BASE_JSON_SCAN_H
#define PS_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 512u

/* A text that is read; `at` stands at the next byte, or where a scan failed. */
struct json_scan {
    const uint8_t *at, *end;
};

void json_scan_blanks(struct json_scan *scan);

/* From behind the opening quotation mark to behind the closing one; checks escapes and UTF-8. */
bool json_scan_string(struct json_scan *scan);

/* From the first byte of a number to behind its last. */
bool json_scan_number(struct json_scan *scan);

/* Takes `word` ("true") where the text goes on with it. */
bool json_scan_word(struct json_scan *scan, const char *word);

/* The four digits of a \u escape at `digits`, all of them known to be hexadecimal. */
uint32_t json_hex4(const uint8_t *digits);

#endif
