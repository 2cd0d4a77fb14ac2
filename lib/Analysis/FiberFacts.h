//===- FiberFacts.h - What a walk knows of a tensor -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The state of FiberWalk as plain structs, and the moves that need no more than
// one of them: reading a tensor at an index, dropping facts that others imply.
// Expressions are over the ranks of an Einsum or the positions of a tensor,
// whichever the struct stands beside; variables of a fact's own ("locals") are
// symbols beyond those of the cascade.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_FIBERFACTS_H
#define LIB_ANALYSIS_FIBERFACTS_H

#include "lib/Analysis/Coverage.h"

namespace einsum::walk {

/// Values of one coordinate: all, the one at an expression, or all up to it or
/// from it on.
struct Span {
  enum Kind { All, At, UpTo, From } kind = All;
  mlir::AffineExpr expr; ///< null for All

  bool operator==(const Span &o) const {
    return kind == o.kind && expr == o.expr;
  }
};

/// For which fibers: one span per position of the walked tensor, those of the
/// fiber's own coordinates All.
using Fibers = llvm::SmallVector<Span, 4>;

/// A variable that runs over its extent, or up to or from a bound.
struct Local {
  mlir::AffineExpr extent;
  Span span;

  bool operator==(const Local &o) const {
    return extent == o.extent && span == o.span;
  }
};

/// "Where `pins` hold, and for these fibers, every coordinate that `coordinate`
/// reaches has had a touch of this level." A full fact speaks of all
/// coordinates.
struct Fact {
  bool isFull = false;
  mlir::AffineExpr coordinate;
  llvm::SmallVector<Local, 1> locals;
  Fibers fibers;
  Pins pins;
  uint64_t level = 0;
  int event = -1;

  /// Same statement, whatever the level.
  bool says(const Fact &other) const;
  /// True if `other` follows from this.
  bool implies(const Fact &other) const;
};
using Facts = llvm::SmallVector<Fact, 4>;

/// The coordinate that an element stands for. `May`: at most where the listed
/// expressions agree, and then theirs. `Unknown`: perhaps some.
struct Alignment {
  enum Kind { None, One, May, Unknown } kind = None;
  llvm::SmallVector<mlir::AffineExpr, 1> coordinates;
  /// For which fibers; alternatives.
  llvm::SmallVector<Fibers, 1> fibers;
};

struct State {
  Alignment alignment;
  Facts facts;

  bool isEmpty() const {
    return alignment.kind == Alignment::None && facts.empty();
  }
};

/// Adds a fact unless another one implies it, and drops those it implies.
void addFact(Facts &facts, Fact fact);

/// Adds a pin; false if it contradicts another one.
bool addPin(Pins &pins, Pin pin);

/// Fibers for which both statements hold; nullopt if there need be none. `a` is
/// of an alignment, `b` of a fact.
std::optional<Fibers> meet(const Fibers &a, const Fibers &b);

/// What a fact of a tensor says where it is read; nullopt if nothing.
std::optional<Fact> readFact(const Fact &fact, const GraphRead &read,
                             const GraphEinsum &einsum);
Alignment readAlignment(const Alignment &alignment, const GraphRead &read);

/// Operands' alignments -> that of a point that reads them all.
Alignment mixAlignments(llvm::ArrayRef<Alignment> operands);

} // namespace einsum::walk

#endif // LIB_ANALYSIS_FIBERFACTS_H
