/*
 * A text of bounded length that is put together in memory given once: no allocation per value.
 * What would not fit is a bug of the maker, since makers know how long their texts can be.
 */
#ifndef SOURCES_EHR_TEXT_H
#define SOURCES_EHR_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define EHR_TEXT_MAX 65536

struct ehr_text {
    char *bytes; /* EHR_TEXT_MAX of them */
    size_t size;
};

void text_clear(struct ehr_text *text);
void text_puts(struct ehr_text *text, const char *more);
void text_putc(struct ehr_text *text, char byte);
void text_number(struct ehr_text *text, int64_t value);
/* At least `width` digits; for values that are not negative. */
void text_digits(struct ehr_text *text, int64_t value, int width);

/* One of a NULL-terminated list, evenly. */
const char *text_choice(const char *const *choices, uint64_t hash);

/* A person's name, as people all over the world have them. */
void text_person(struct ehr_text *text, uint64_t hash);
/* Clinical prose; `characters` is about how long it gets, at most EHR_NOTE_MAX. */
#define EHR_NOTE_MAX 48000
void text_note(struct ehr_text *text, uint64_t hash, int64_t characters);
/* Well-formed documents. */
void text_json(struct ehr_text *text, uint64_t hash);
void text_xml(struct ehr_text *text, uint64_t hash);

#endif
