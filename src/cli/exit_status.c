/*
 * From an end to an exit status. See exit_status.h.
 */
#include "cli/exit_status.h"

enum exit_status exit_status_of(enum ps_status status, const struct ps_error *err, uint64_t skipped)
{
    switch (status) {
    case PS_OK:
    case PS_END:
        return skipped > 0 ? EXIT_SKIPPED : EXIT_DONE;
    case PS_CANCELED:
        return EXIT_INTERRUPTED;
    case PS_RETRY: /* it was tried again as often as was allowed */
        return EXIT_UNREACHABLE;
    case PS_CONFIG:
        switch (err->error_class) {
        case PS_CLASS_AUTH:
        case PS_CLASS_PERMISSION:
        case PS_CLASS_NETWORK:
            return EXIT_UNREACHABLE;
        default:
            return EXIT_USAGE;
        }
    default:
        return EXIT_FAILED;
    }
}
