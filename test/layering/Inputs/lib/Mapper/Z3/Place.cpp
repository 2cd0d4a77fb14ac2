#include "lib/Mapper/MapSpace.h"
#include "lib/Mapper/Z3/Place.h"
#include "lib/Export/Json.h"
