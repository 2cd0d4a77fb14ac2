#include "lib/Support/Units.h"
