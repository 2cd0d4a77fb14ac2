//===- Constraints.h - What a mapper may not do -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Hardware is often less free than its levels and arrays suggest: a systolic
// array wants one operand to stand still, a buffer serves activations only.
// The list "constraints" of a spec says so. A constraint is about one thing,
// which its first key names, and applies to every Einsum, or to those that its
// `einsums`, `operators` and `operands` all select:
//
//   "constraints": [
//     {"level": "Local", "must_keep": ["inputs", "outputs"], "may_keep": []},
//     {"level": "Global", "must_keep": ["not @Main"], "may_keep": ["all"],
//      "order": ["m", "n"], "tile": {"m": {"max": 64, "multiple_of": 16}}},
//     {"array": "mac", "dimension": "col", "reuse": ["inputs"],
//      "min_utilization": 1, "if_unreachable": "relax"},
//     {"arrays": ["scalar"], "operands": 1, "copies": "exempt"} ]
//
// A set of tensors is read from left to right: each entry adds to what is
// there, "not ..." takes away; a set that starts with "not" starts from all.
// Roles are those in the Einsum at hand:
//
//   outputs        what it writes
//   inputs         what it reads and another Einsum made, if it also reads what
//                  comes from outside; else the first tensor that it reads
//   weights        the other tensors that it reads and does not write
//   intermediates  produced by an Einsum and no output of the cascade
//   @LEVEL         what the mapping keeps at that level, further out
//   all, or the name of a tensor
//
// By hand: Z[m,n] = A[m,k] * B[k,n] with A and B from outside has inputs {A},
// weights {B}, and so it has if Einsums make both; if one makes B only, inputs
// {B}, weights {A}. What reads one tensor has no weights.
//
// Who enforces: lib/Mapper, or it refuses. Mappings written by hand are judged
// by the machine alone.
// Trusts: that ranks, tensors and Einsums named here exist in some workload; a
// spec serves many. `warnAboutNames` says which of them one workload lacks.
// Refuses: levels, arrays and dimensions that the machine does not have, bounds
// that nothing meets, a constraint that constrains nothing, tensors kept at a
// level that is not further out.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_CONSTRAINTS_H
#define EINSUM_ARCH_CONSTRAINTS_H

#include "lib/Support/Diagnostics.h"
#include <cstdint>
#include <limits>

namespace einsum::arch {

/// A name of the workload's, and where the spec says it.
struct WorkloadName {
  std::string name;
  SourceLocation loc;
};

struct TensorTerm {
  enum class Kind {
    All,
    Inputs,
    Outputs,
    Weights,
    Intermediates,
    KeptAt, ///< at `level`
    Tensor  ///< called `name`
  };
  Kind kind = Kind::All;
  bool negated = false; ///< takes away what it names
  int level = -1;
  WorkloadName name;
};

/// Read from left to right; one that starts with a negated term starts from
/// all. Empty: no tensor.
using TensorSet = std::vector<TensorTerm>;

/// Inclusive bounds.
struct Bounds {
  uint64_t min = 0, max = std::numeric_limits<uint64_t>::max();

  bool contains(uint64_t value) const { return min <= value && value <= max; }
};

/// The Einsums that a constraint is about: those for which everything given
/// holds.
struct EinsumSelection {
  std::vector<WorkloadName> einsums;   ///< empty = any
  std::vector<WorkloadName> operators; ///< uses one of them; empty = any
  Bounds operands;                     ///< number of distinct tensors read
  /// Einsums that only copy one tensor are left alone.
  bool exceptCopies = false;

  bool isAll() const {
    return einsums.empty() && operators.empty() && !exceptCopies &&
           operands.min == 0 &&
           operands.max == std::numeric_limits<uint64_t>::max();
  }
};

/// Extents of one rank in a tile.
struct TileBound {
  WorkloadName rank;
  Bounds extent;
  uint64_t multipleOf = 1; ///< a tile that is the whole rank always does
};

/// What storage nodes at a level look like.
struct LevelConstraint {
  int level = -1;
  EinsumSelection on;
  /// Tensors that an Einsum touches and that have a storage node here / that
  /// may have one. What must be kept may be kept. nullopt: none has to / all
  /// may.
  std::optional<TensorSet> mustKeep, mayKeep;
  /// Order, outermost first, of the temporal loops over these ranks between a
  /// storage node here and the next further in. Other ranks may stand anywhere.
  std::vector<WorkloadName> order;
  /// Of every tile held here, for the ranks that its tensor has.
  std::vector<TileBound> tile;
  SourceLocation loc;
};

/// What is dealt to the units along one dimension of an array.
struct DimensionConstraint {
  int array = -1, dim = -1; ///< index into arrays and Array::dims
  EinsumSelection on;
  /// Only ranks that none of these tensors has: each of them is the same for
  /// all units (multicast), or summed over them.
  TensorSet reuse;
  std::optional<std::vector<WorkloadName>> ranks; ///< only these
  /// Least share of the units in use. `relax`: or as many as any mapping that
  /// meets the other constraints can use, where none reaches it.
  double minUtilization = 0;
  bool relax = false;
  SourceLocation loc;
};

/// Where Einsums run.
struct ArrayChoice {
  EinsumSelection on;
  std::vector<int> arrays; ///< one of these
  SourceLocation loc;
};

struct Constraints {
  std::vector<LevelConstraint> levels;
  std::vector<DimensionConstraint> dimensions; ///< one per array and dimension
  std::vector<ArrayChoice> arrays;

  bool empty() const {
    return levels.empty() && dimensions.empty() && arrays.empty();
  }
};

struct ArchSpec;

/// What a constraint asks for, in the words of the spec: "must keep inputs,
/// outputs; not for copies".
std::string describe(const LevelConstraint &constraint, const ArchSpec &spec);
std::string describe(const DimensionConstraint &constraint,
                     const ArchSpec &spec);
std::string describe(const ArrayChoice &constraint, const ArchSpec &spec);

/// The names that a workload has.
struct WorkloadNames {
  std::string workload;
  std::vector<std::string> tensors, ranks, einsums, operators;
};

/// Warns of each tensor, rank, Einsum or operator that a constraint names and
/// the workload does not have, at its place in the spec.
void warnAboutNames(const Constraints &constraints, const WorkloadNames &names,
                    Diagnostics &diags);

} // namespace einsum::arch

#endif // EINSUM_ARCH_CONSTRAINTS_H
