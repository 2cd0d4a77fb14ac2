//===- Problem.h - A small random cascade and machine -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A problem is two texts, as a user would write them, so that what a difference
// prints can be run again. Problems depend on the seed and nothing else.
//
// They are made to be small: extents 1 to 4, now and then 6; one to four
// Einsums over up to three ranks; one to three levels, one or two arrays. What
// is drawn at random: products, sums, copies and exponentials, reductions by
// sum and maximum, filters, recurrences; accesses of several bytes, energies,
// bandwidths and ports, capacities that bind, registers private to the units,
// array dimensions, operators that only one array has, cycles, start-up,
// leakage, widths and costs of multicast and reduction, accounting profiles.
// Extended ones have windows, shifted reads, sliding windows and more filters,
// recurrences of two Einsums and backwards, reads of a last step, and levels of
// several instances in addition.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_OPTIMALITY_PROBLEM_H
#define TEST_OPTIMALITY_PROBLEM_H

#include "test/optimality/Space.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace einsum::optimality {

struct Problem {
  uint64_t seed = 0;
  std::string cascade, spec;
  Limits limits;
};

struct Kinds {
  bool extended = false;    ///< more constructs
  bool rereads = false;     ///< inputs and results mostly have several readers
  bool constrained = false; ///< the machine has lib/Arch/Constraints.h as well
  bool ordered = false;     ///< the order of loops at levels is given
  bool gathers = false;     ///< coordinates that are data
  bool formats = false;     ///< inputs in number formats with blocks
  bool backing = false;     ///< the outermost level may be too small
  bool waits = false;       ///< levels take time to answer, and have links
  bool running = false;     ///< recurrences whose earlier steps others read
  bool halos = false;       ///< windows over what other Einsums make, instead
};

/// A valid problem. What one kind adds leaves the choices of the others as they
/// are; what would read elements that may be absent is drawn again.
Problem generate(uint64_t seed, const Kinds &kinds, mlir::MLIRContext &context);

/// The texts, read. Null if one of them is not valid; says why on stderr.
struct LoadedProblem {
  explicit LoadedProblem(mlir::MLIRContext &context) : context(context) {}
  mlir::MLIRContext &context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeOp cascade;
  CascadeFacts facts;
  arch::ArchSpec arch;
};

std::unique_ptr<LoadedProblem> load(const std::string &cascade,
                                    const std::string &spec,
                                    mlir::MLIRContext &context);

} // namespace einsum::optimality

#endif // TEST_OPTIMALITY_PROBLEM_H
