#include "lib/Mapper/MapSpace.h"
#include "lib/Plugin/MappingPass.h"
