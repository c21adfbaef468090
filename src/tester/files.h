/*
 * Files that a connector sends beside its rows (unstructured_record): their chunks are written
 * under <folder>/<schema>/<storage>/<path>, and nowhere else, whatever the path says. A file
 * appears under its name when its last chunk has come and its size is the one announced.
 */
#ifndef PS_TESTER_FILES_H
#define PS_TESTER_FILES_H

#include "tester/breach.h"

/* The one file that is being written; chunks of a file come without a gap. */
struct files {
    const char *folder; /* borrowed: where the warehouse lies */
    const char *schema; /* borrowed: for files that name none */
    struct breaches *breaches;
    int fd;           /* -1: none is open */
    int parent;       /* the folder that it lies in; -1 with fd */
    char *key;        /* schema, storage and path: which file it is */
    char *name;       /* in the folder */
    bool skipped;     /* a path that is refused: its chunks are passed over */
    uint64_t bytes;   /* written so far */
    int64_t expected; /* -1: not said */
    uint64_t files_done, bytes_done;
};

void files_init(struct files *files, const char *folder, const char *schema,
                struct breaches *breaches);
/* An unfinished file is removed. */
void files_done(struct files *files);

/* A file must not be open here: DATA where its last chunk is still to come. */
enum ps_status files_check_whole(struct files *files, struct ps_error *err) PS_MUST_CHECK;

/* One unstructured_record. DATA: its bytes are none, or the size is wrong; CONFIG (disk). */
enum ps_status files_take(struct files *files, const uint8_t *bytes, size_t size,
                          struct ps_error *err) PS_MUST_CHECK;

#endif
