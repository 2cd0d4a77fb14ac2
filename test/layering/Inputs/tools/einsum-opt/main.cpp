#include "lib/Init/Init.h"
