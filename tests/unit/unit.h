/* What every unit test includes: cmocka with its prerequisites. */
#ifndef HOB_TESTS_UNIT_H
#define HOB_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#endif
