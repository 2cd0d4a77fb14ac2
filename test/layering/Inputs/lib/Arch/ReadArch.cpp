#include "../Simulator/Simulate.cpp"
#include "../Support/Units.h"
#include "ArchSpec.h"
#include "Mapper/Mapper.h"
