/*
 * Size classes and the parameters that follow from them, before anything was measured.
 */
#ifndef PS_ENGINE_SIZE_CLASS_H
#define PS_ENGINE_SIZE_CLASS_H

#include "engine/engine.h"

struct ps_size_parameters {
    uint32_t batch_rows;
    uint32_t queue_rows;
    uint64_t checkpoint_rows;
};

/* By the estimate of rows; an unknown one counts as small. */
enum ps_size_class ps_size_class_of(int64_t rows_estimate);
/* What the configuration says, else what the class does. */
struct ps_size_parameters ps_size_parameters_of(enum ps_size_class size_class,
                                                const struct ps_config *config);

#endif
