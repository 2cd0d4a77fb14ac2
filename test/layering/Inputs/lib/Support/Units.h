#include "llvm/ADT/StringRef.h"
#include "mlir/IR/Value.h"
