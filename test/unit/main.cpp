// Catch2's own main is slow to compile; this file holds it and nothing else.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
