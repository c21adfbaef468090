/*
 * A checkpoint: the sink keeps the state that is true of what has been written, and the caller gets
 * it. Results of the run are what they were at the last one, should nothing after it be kept.
 */
#ifndef PS_ENGINE_CHECKPOINT_H
#define PS_ENGINE_CHECKPOINT_H

#include "engine/writer.h"

/* Once the result has its tables. */
enum ps_status checkpoint_init(struct writer *writer, struct ps_error *err) PS_MUST_CHECK;

enum ps_status checkpoint_write(struct writer *writer, struct ps_error *err) PS_MUST_CHECK;
enum ps_status checkpoint_write_if_due(struct writer *writer, struct ps_error *err) PS_MUST_CHECK;

/* What the results are as of now, where the state is what the sink has. */
void checkpoint_note(struct writer *writer);
/* The sink failed: the results are what they were at the last checkpoint. */
void checkpoint_take_back(struct writer *writer);

#endif
