/*
 * The page docs/options.md, written from the option tables themselves.
 */
#ifndef PS_CONFIG_DOCUMENT_H
#define PS_CONFIG_DOCUMENT_H

#include "base/buffer.h"
#include "penstock/config.h"

/* One chapter: a source, or the engine. A list of them ends with a title of NULL. */
struct ps_options_section {
    const char *title;
    const char *intro; /* a paragraph of Markdown; may be NULL */
    const struct ps_option *options;
};

/* Appends the page as Markdown. NOMEM. */
enum ps_status ps_options_document(const struct ps_options_section *sections, struct ps_buffer *out,
                                   struct ps_error *err) PS_MUST_CHECK;

#endif
