// scratch stub
#include "lib/Frontend/Cascade/Cascade.h"
#include "dialects/Einsum/Einsum.h"
using namespace mlir; using namespace einsum;
LogicalResult einsum::frontend::printCascadeSource(CascadeOp, llvm::raw_ostream &) { return failure(); }
LogicalResult einsum::frontend::printCascadeSource(ModuleOp, llvm::raw_ostream &) { return failure(); }
