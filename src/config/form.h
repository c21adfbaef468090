/*
 * The setup form as a model: fields, conditions and tests, made from the option tables of one
 * source or of several. Not for: its wire form (rpc/form.h) and how people see it (cli/). What
 * becomes of an option is told in docs/form.md.
 */
#ifndef PS_CONFIG_FORM_H
#define PS_CONFIG_FORM_H

#include "base/arena.h"
#include "penstock/source.h"

/* The names of the form's own fields, beside those of the options. */
#define PS_FORM_SOURCE "source"          /* which source; only where there are several */
#define PS_FORM_ADVANCED "show_advanced" /* toggle: shows what most users leave alone */

enum ps_form_kind {
    PS_FORM_TEXT = 1,
    PS_FORM_PASSWORD,
    PS_FORM_HIDDEN,
    PS_FORM_DROPDOWN,
    PS_FORM_DESCRIPTIVE_DROPDOWN,
    PS_FORM_TOGGLE, /* its value is "true" or "false" */
    PS_FORM_UPLOAD, /* its value is the file in base64 */
    PS_FORM_GROUP,  /* has no value: fields that are shown while another field has one */
};

struct ps_form_field {
    const char *name, *label; /* the name is unique over the whole form */
    const char *description;  /* NULL: none */
    enum ps_form_kind kind;
    bool required;
    const char *default_value, *placeholder;   /* NULL: none */
    const char *const *choices;                /* DROPDOWN: NULL-terminated */
    const struct ps_choice *described_choices; /* DESCRIPTIVE_DROPDOWN: ends with a value of NULL */
    const char *const *upload_types;           /* UPLOAD: NULL-terminated; NULL: any */
    int32_t upload_bytes_max;
    const char *condition_field, *condition_value; /* GROUP: shown while that field has the value */
    bool condition_is_toggle; /* GROUP: the field is a toggle, the value "true" or "false" */
    const struct ps_form_field *fields; /* GROUP */
    size_t fields_count;
};

/* Owns all it points to that is not the sources' or the engine's own. Immutable. */
struct ps_form {
    struct ps_arena *arena;
    const struct ps_form_field *fields;
    size_t fields_count;
    const struct ps_test *tests; /* ends with a name of NULL */
};

struct ps_form_request {
    const struct ps_source_ops *const *sources; /* one or more, NULL-terminated; outlive the form */
    const struct ps_option *engine_options;     /* ends with a name of NULL; outlives the form */
};

/*
 * Makes the form. BUG: a name would be there twice, a condition looks at an option that is not in
 * its table or at itself, or one of several sources lacks the tests `connect` and `select`. NOMEM.
 */
enum ps_status ps_form_new(const struct ps_form_request *request, struct ps_form **ret_form,
                           struct ps_error *err) PS_MUST_CHECK;
void ps_form_free(struct ps_form *form); /* NULL is fine */

#endif
