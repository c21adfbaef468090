/* Fault points. The environment is read once, so each case has a process of its own. */
#include "base/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/unit.h"

/* Reaches "place" five times in a child; gives how often it was told to fail, or -signal. */
static int reach(const char *spec)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        setenv("PENSTOCK_FAULT", spec, 1);
        int failures = 0;
        for (int i = 0; i < 5; i++) {
            failures += ps_fault("place");
            failures += ps_fault("elsewhere") ? 100 : 0;
        }
        _exit(failures);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_fault_without_a_spec_or_of_another_place_is_nothing(void **state)
{
    (void)state;
    assert_int_equal(reach(""), 0);
    assert_int_equal(reach("other=fail"), 0);
}

#ifdef PENSTOCK_FAULTS

static void test_fault_fails_once_at_its_count(void **state)
{
    (void)state;
    assert_int_equal(reach("place=fail"), 1);
    assert_int_equal(reach("place:5=fail"), 1);
    assert_int_equal(reach("place:6=fail"), 0);
    assert_int_equal(reach("elsewhere:2=fail"), 100);
}

static void test_fault_kills_by_default(void **state)
{
    (void)state;
    assert_int_equal(reach("place"), -SIGKILL);
    assert_int_equal(reach("place:3"), -SIGKILL);
    assert_int_equal(reach("place:5=kill"), -SIGKILL);
    assert_int_equal(reach("place:6=kill"), 0);
}

static void test_fault_spec_that_is_none_aborts(void **state)
{
    (void)state;
    const char *const specs[] = {"=fail",        "place:",      "place:0",
                                 "place:x=fail", "place=maybe", "place:1x"};
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        assert_int_equal(reach(specs[i]), -SIGABRT);
    }
}

#else

static void test_fault_in_a_build_without_faults_is_nothing(void **state)
{
    (void)state;
    assert_int_equal(reach("place"), 0);
    assert_int_equal(reach("place=fail"), 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_without_a_spec_or_of_another_place_is_nothing),
#ifdef PENSTOCK_FAULTS
        cmocka_unit_test(test_fault_fails_once_at_its_count),
        cmocka_unit_test(test_fault_kills_by_default),
        cmocka_unit_test(test_fault_spec_that_is_none_aborts),
#else
        cmocka_unit_test(test_fault_in_a_build_without_faults_is_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
