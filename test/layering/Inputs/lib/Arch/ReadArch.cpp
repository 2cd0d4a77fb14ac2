#include "ArchSpec.h"
#include "../Support/Units.h"
#include "../Simulator/Simulate.cpp"
#include "Mapper/Mapper.h"
