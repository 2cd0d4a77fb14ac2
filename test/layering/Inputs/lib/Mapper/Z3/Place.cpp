#include "lib/Mapper/Z3/Place.h"
#include "lib/Export/Json.h"
#include "lib/Mapper/MapSpace.h"
