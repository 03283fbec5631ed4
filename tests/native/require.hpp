#pragma once

#include <cstdio>
#include <cstdlib>

// Ends a test at the first thing that does not hold; unlike assert(), in every build.
#define REQUIRE(condition)                                                               \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                                \
        }                                                                                \
    } while (false)
