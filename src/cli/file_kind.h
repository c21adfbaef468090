/*
 * Whose file is this? Asked before a file is removed or replaced, so that a mistyped path costs
 * nobody a file that is not Penstock's.
 */
#ifndef PS_CLI_FILE_KIND_H
#define PS_CLI_FILE_KIND_H

enum file_kind {
    FILE_MISSING,
    FILE_EMPTY,
    FILE_DUCKDB, /* "DUCK" at byte 8 */
    FILE_LOG,    /* DuckDB's write-ahead log, by its first record, the log's version */
    FILE_STATE,  /* a state of ours, whole or damaged, or another connector's: {"table": "time"} */
    FILE_OTHER,  /* anything else: a folder, a device, what cannot be read */
};

enum file_kind file_kind(const char *path);

#endif
