/*
 * Whether a text is well-formed XML (1.0, fifth edition), as far as a reader of fragments and
 * documents cares: tags that match, attributes that are quoted and named once, references that are
 * closed. Not for: document type definitions' insides, namespaces, schemas.
 */
#ifndef PS_TESTER_XML_H
#define PS_TESTER_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes are valid UTF-8. Several elements beside each other and text round them are fine: a
 * database's XML column holds fragments too. Depth is bounded by 1,000. */
bool xml_valid(const uint8_t *bytes, size_t size);

#endif
