/*
 * What a value in a configuration file stands for: ${NAME} for a variable of the environment,
 * @path for a file. Not for maps received over the wire, whose values are always literal.
 */
#ifndef PS_CONFIG_REFERENCE_H
#define PS_CONFIG_REFERENCE_H

#include "base/buffer.h"
#include "penstock/error.h"

/* Where a value was written, for messages and for relative paths. */
struct reference_place {
    const char *path; /* the configuration file */
    const char *key;
};

/*
 * Appends a file's bytes. 0, or an errno value: EISDIR a folder, EFBIG more than limit, EINVAL
 * neither a file nor a pipe, ENOMEM.
 */
int reference_read(const char *path, size_t limit, struct ps_buffer *out);
/* Such a value in words: "there is no such file". */
const char *reference_reason(int error);

/*
 * Appends what the value stands for. A value that begins with "@" is read from that file (a
 * relative path begins at the configuration file's folder); "@@" and "$${" are literal. Contents
 * of variables and files are taken as they are. CONFIG: names file and key, and nothing that could
 * be a part of a secret. NOMEM.
 */
enum ps_status reference_expand(const struct reference_place *place, const char *value,
                                size_t limit, struct ps_buffer *out,
                                struct ps_error *err) PS_MUST_CHECK;

/*
 * True where the value names a file (@path) that can be read as often as one likes: no pipe.
 * Whether it may be read is another matter.
 */
bool reference_names_file(const struct reference_place *place, const char *value);

#endif
