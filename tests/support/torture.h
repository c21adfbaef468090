/*
 * The loop that makes the first, the second, … allocation of a piece of work fail, once and for
 * ever, and sees that it answers PS_NOMEM or goes on without; the sanitizers see the rest.
 */
#ifndef PS_TESTS_SUPPORT_TORTURE_H
#define PS_TESTS_SUPPORT_TORTURE_H

#include "base/alloc.h"
#include "penstock/error.h"
#include "support/unit.h"

#define TORTURE_ALLOCATIONS_MAX 100000

/*
 * run: does the work from its beginning and frees what it made; PS_OK or a status that it failed
 * with. It may run thousands of times.
 */
static inline void torture(enum ps_status (*run)(void *context, struct ps_error *err),
                           void *context)
{
    for (int forever = 0; forever <= 1; forever++) {
        for (int64_t n = 0;; n++) {
            assert_true(n < TORTURE_ALLOCATIONS_MAX);
            struct ps_error err = {0};
            uint64_t before = ps_alloc_count();
            ps_alloc_fail_after(n, forever);
            enum ps_status status = run(context, &err);
            ps_alloc_fail_after(-1, 0);
            if (ps_alloc_count() - before <= (uint64_t)n) {
                assert_int_equal(status, PS_OK); /* Nothing failed this time. */
                break;
            }
            if (status != PS_OK) {
                assert_int_equal(status, PS_NOMEM);
                assert_int_equal(err.status, PS_NOMEM);
                assert_true(err.message[0] != '\0');
            }
        }
    }
}

#endif
