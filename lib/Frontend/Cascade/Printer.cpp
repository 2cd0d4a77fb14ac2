#include "dialects/Einsum/Einsum.h"
#include "lib/Frontend/Cascade/Cascade.h"
mlir::LogicalResult einsum::frontend::printCascadeSource(CascadeOp cascade, llvm::raw_ostream &os) {return mlir::failure();}
mlir::LogicalResult einsum::frontend::printCascadeSource(mlir::ModuleOp module, llvm::raw_ostream &os) {return mlir::failure();}
