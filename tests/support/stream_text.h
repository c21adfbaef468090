/*
 * A message of the Update stream as text, for comparison. Fails the running test where the bytes
 * are no such message: unknown fields, wrong wire types, records of more than 100.
 */
#ifndef TESTS_SUPPORT_STREAM_TEXT_H
#define TESTS_SUPPORT_STREAM_TEXT_H

#include "base/buffer.h"

/*
 * Appends lines:
 *   record UPSERT [schema]table a=long:1 b=null c=string:x     ("[…]" only where a schema is named)
 *   records 2, and the records in lines that begin with two spaces instead of "record "
 *   schema_change [schema]table id LONG key, amount DECIMAL(12,2)
 *   checkpoint {…} · warning … · task …
 * Timestamps are seconds.nanos, bytes hexadecimal.
 */
void stream_text(struct ps_buffer *out, const void *message, size_t size);

/* How many records the message holds; 0: another kind of message. */
size_t stream_text_records(const void *message, size_t size);

#endif
