include "mlir/IR/OpBase.td"
include "lib/Analysis/PassCount.td"
