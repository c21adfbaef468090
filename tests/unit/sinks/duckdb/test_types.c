/*
 * The widening rule, type by type, and what types are called.
 */
#include "sinks/duckdb/types.h"
#include "support/unit.h"

/* Letters: U unspecified, B boolean, S short, I int, L long, D decimal(10,2), F float, G double,
 * d date, n naive, u utc, X binary, x xml, T string, J json. The result's letter, or * for a
 * decimal that is neither. */
static const char letters[PS_TYPES + 1] = "UBSILDFGdnuXxTJ";

static const char *const expected[PS_TYPES] = {
    /*    UBSILDFGdnuXxTJ */
    /*U*/ "UTTTTTTTTTTTTTT",
    /*B*/ "TBTTTTTTTTTTTTT",
    /*S*/ "TTSILDFGTTTTTTT",
    /*I*/ "TTIIL*GGTTTTTTT",
    /*L*/ "TTLLL*TTTTTTTTT",
    /*D*/ "TTD**DTTTTTTTTT",
    /*F*/ "TTFGTTFGTTTTTTT",
    /*G*/ "TTGGTTGGTTTTTTT",
    /*d*/ "TTTTTTTTdnTTTTT",
    /*n*/ "TTTTTTTTnnTTTTT",
    /*u*/ "TTTTTTTTTTuTTTT",
    /*X*/ "TTTTTTTTTTTXTTT",
    /*x*/ "TTTTTTTTTTTTxTT",
    /*T*/ "TTTTTTTTTTTTTTT",
    /*J*/ "TTTTTTTTTTTTTTJ",
};

static struct duck_type of(enum ps_type type)
{
    struct duck_type result = {.type = type};
    if (type == PS_TYPE_DECIMAL) {
        result.precision = 10;
        result.scale = 2;
    }
    return result;
}

static char letter(struct duck_type type)
{
    if (type.type == PS_TYPE_DECIMAL && (type.precision != 10 || type.scale != 2)) {
        return '*';
    }
    return letters[type.type];
}

static void test_widen_every_pair_gives_the_documented_type(void **state)
{
    (void)state;
    for (int a = 0; a < PS_TYPES; a++) {
        for (int b = 0; b < PS_TYPES; b++) {
            struct duck_type wide = duck_type_widen(of((enum ps_type)a), of((enum ps_type)b));
            if (letter(wide) != expected[a][b]) {
                fail_msg("%s and %s give %c, not %c", ps_type_name((enum ps_type)a),
                         ps_type_name((enum ps_type)b), letter(wide), expected[a][b]);
            }
        }
    }
}

static void test_widen_is_symmetric_and_stays(void **state)
{
    (void)state;
    for (int a = 0; a < PS_TYPES; a++) {
        for (int b = 0; b < PS_TYPES; b++) {
            struct duck_type x = of((enum ps_type)a);
            struct duck_type y = of((enum ps_type)b);
            struct duck_type wide = duck_type_widen(x, y);
            assert_true(duck_type_same(wide, duck_type_widen(y, x)));
            assert_true(duck_type_same(wide, duck_type_widen(wide, x)));
            assert_true(duck_type_same(wide, duck_type_widen(y, wide)));
        }
    }
}

static void test_widen_decimals_keeps_every_digit(void **state)
{
    (void)state;
    struct duck_type a = {.type = PS_TYPE_DECIMAL, .precision = 10, .scale = 2};
    struct duck_type b = {.type = PS_TYPE_DECIMAL, .precision = 6, .scale = 5};
    struct duck_type wide = duck_type_widen(a, b);
    assert_int_equal(wide.type, PS_TYPE_DECIMAL);
    assert_int_equal(wide.precision, 13);
    assert_int_equal(wide.scale, 5);
    wide = duck_type_widen(a, of(PS_TYPE_LONG));
    assert_int_equal(wide.precision, 21);
    assert_int_equal(wide.scale, 2);
    struct duck_type fine = {.type = PS_TYPE_DECIMAL, .precision = 38, .scale = 37};
    assert_int_equal(duck_type_widen(a, fine).type, PS_TYPE_STRING);
}

static void test_widen_foreign_stays_as_it_is(void **state)
{
    (void)state;
    struct duck_type foreign = {.foreign = true};
    assert_true(duck_type_widen(foreign, of(PS_TYPE_INT)).foreign);
    assert_true(duck_type_widen(of(PS_TYPE_INT), foreign).foreign);
}

static void test_same_knows_texts_as_one_type(void **state)
{
    (void)state;
    assert_true(duck_type_same(of(PS_TYPE_XML), of(PS_TYPE_STRING)));
    assert_true(duck_type_same(of(PS_TYPE_UNSPECIFIED), of(PS_TYPE_STRING)));
    assert_false(duck_type_same(of(PS_TYPE_JSON), of(PS_TYPE_STRING)));
    struct duck_type other = {.type = PS_TYPE_DECIMAL, .precision = 10, .scale = 3};
    assert_false(duck_type_same(of(PS_TYPE_DECIMAL), other));
}

static void test_types_survive_the_way_through_duckdb(void **state)
{
    (void)state;
    const struct duck_library *library = NULL;
    struct ps_error err = {0};
    assert_int_equal(duck_library_get(&library, &err), PS_OK);
    for (int t = 0; t < PS_TYPES; t++) {
        struct duck_api_type *api = duck_type_new_api(library, of((enum ps_type)t));
        assert_non_null(api);
        struct duck_type back = duck_type_of_api(library, api);
        library->destroy_logical_type(&api);
        assert_true(duck_type_same(back, of((enum ps_type)t)));
    }
    struct duck_api_type *odd = library->create_logical_type(16); /* HUGEINT */
    assert_true(duck_type_of_api(library, odd).foreign);
    library->destroy_logical_type(&odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widen_every_pair_gives_the_documented_type),
        cmocka_unit_test(test_widen_is_symmetric_and_stays),
        cmocka_unit_test(test_widen_decimals_keeps_every_digit),
        cmocka_unit_test(test_widen_foreign_stays_as_it_is),
        cmocka_unit_test(test_same_knows_texts_as_one_type),
        cmocka_unit_test(test_types_survive_the_way_through_duckdb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
