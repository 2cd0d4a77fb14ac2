#include "lib/Simulator/Simulate.h"
#include "dialects/Schedule/Schedule.h"
#include "lib/Interpreter/Evaluate.h"
#include "lib/CostModel/Evaluation.h"
#  include <lib/Transforms/Passes.h>
#include "llvm/ADT/STLExtras.h"
#include <vector>
