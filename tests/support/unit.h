/*
 * cmocka and what it needs before it. Not for: fakes, which lie beside the tests that share them.
 */
#ifndef PS_TESTS_SUPPORT_UNIT_H
#define PS_TESTS_SUPPORT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
