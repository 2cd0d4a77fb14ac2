#include "lib/Plugin/MappingPass.h"
#include "lib/Mapper/MapSpace.h"
