/* Random numbers and hashes against values computed elsewhere, and identifiers' form. */
#include "base/random.h"

#include <string.h>

#include "support/unit.h"

static void test_random_below_stays_below_and_reaches_all(void **state)
{
    (void)state;
    struct ps_random random;
    int seen[7] = {0};
    ps_random_init(&random, 1);
    for (int i = 0; i < 7000; i++) {
        uint64_t number = ps_random_below(&random, 7);
        assert_true(number < 7);
        seen[number]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(seen[i], 850, 1150);
    }
    assert_int_equal(ps_random_below(&random, 1), 0);
}

static void test_random_same_seed_same_numbers(void **state)
{
    (void)state;
    struct ps_random a, b, c;
    ps_random_init(&a, 42);
    ps_random_init(&b, 42);
    ps_random_init(&c, 43);
    bool differ = false;
    for (int i = 0; i < 100; i++) {
        uint64_t number = ps_random_next(&a);
        assert_int_equal(number, ps_random_next(&b));
        differ |= number != ps_random_next(&c);
    }
    assert_true(differ);
}

/* splitmix64 from seed 0 begins with this number; its state is then the golden step. */
static void test_hash64_is_the_finalizer_of_splitmix64(void **state)
{
    (void)state;
    assert_int_equal(ps_hash64(UINT64_C(0x9E3779B97F4A7C15)), UINT64_C(0xE220A8397B1DCDAF));
    assert_int_equal(ps_hash64(0), 0);
}

/* xoshiro256** from the state 1, 2, 3, 4. */
static void test_random_next_is_xoshiro256(void **state)
{
    (void)state;
    struct ps_random random = {.state = {1, 2, 3, 4}};
    assert_int_equal(ps_random_next(&random), 11520);
    assert_int_equal(ps_random_next(&random), 0);
    assert_int_equal(ps_random_next(&random), 1509978240);
    assert_int_equal(ps_random_next(&random), UINT64_C(1215971899390074240));
}

static void test_hash_bytes_is_fnv_1a(void **state)
{
    (void)state;
    assert_int_equal(ps_hash_bytes("", 0), UINT64_C(0xCBF29CE484222325));
    assert_int_equal(ps_hash_bytes("a", 1), UINT64_C(0xAF63DC4C8601EC8C));
    assert_int_equal(ps_hash_bytes("foobar", 6), UINT64_C(0x85944171F73967E8));
}

static void test_uuid_has_the_form_of_version_4(void **state)
{
    (void)state;
    char first[37], second[37];
    assert_true(ps_uuid_new(first));
    assert_true(ps_uuid_new(second));
    assert_string_not_equal(first, second);
    assert_int_equal(strlen(first), 36);
    assert_int_equal(strspn(first, "0123456789abcdef-"), 36);
    assert_true(first[8] == '-' && first[13] == '-' && first[18] == '-' && first[23] == '-');
    assert_int_equal(first[14], '4');
    assert_non_null(strchr("89ab", first[19]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_below_stays_below_and_reaches_all),
        cmocka_unit_test(test_random_same_seed_same_numbers),
        cmocka_unit_test(test_hash64_is_the_finalizer_of_splitmix64),
        cmocka_unit_test(test_random_next_is_xoshiro256),
        cmocka_unit_test(test_hash_bytes_is_fnv_1a),
        cmocka_unit_test(test_uuid_has_the_form_of_version_4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
