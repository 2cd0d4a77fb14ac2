//===- MappingPass.h - The promise to outside mapping code ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mapping pass looks at a cascade and an architecture, builds a schedule, may
// ask what it costs, and returns it or says why it has none:
//
//   struct Rows : MappingPass {
//     StringRef getName() const override { return "rows"; }
//     StringRef getDescription() const override { return "one row at a time"; }
//     FailureOr<schedule::MappingOp> build(MappingContext &context) override {
//       LoopTreeBuilder tree = context.start(getName());
//       tree.storage("DRAM", {"A", "B", "Z"});
//       ...
//       return context.finish();
//     }
//   };
//   EINSUM_MAPPING_PLUGIN("rows", Rows)        in a plugin (MappingPlugin.h)
//
// Every mapping in mappings/ is built on this header and nothing else of ours.
// A program that links our libraries registers its own by registerMappingPass.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_PLUGIN_MAPPINGPASS_H
#define LIB_PLUGIN_MAPPINGPASS_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Analysis/LiveFootprint.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/CostModel/CostModel.h"
#include "lib/CostModel/MachineBounds.h"
#include "lib/Plugin/LoopTreeBuilder.h"
#include "lib/Plugin/MappingPlugin.h"

#include <memory>
#include <optional>

namespace einsum {

/// Einsums that run one after another, in this order: one, or the members of a
/// recurrence, which run together, step by step along its ranks.
struct RunGroup {
  llvm::SmallVector<const EinsumFact *, 1> einsums;
  llvm::SmallVector<int, 1> ranks; ///< numbers of facts
};

/// What a mapping pass sees, and the schedule under construction.
class MappingContext {
public:
  MappingContext(CascadeOp cascade, const CascadeFacts &facts,
                 const arch::ArchSpec &arch);
  /// The same, where passes have been counted already.
  MappingContext(CascadeOp cascade, const CascadeFacts &facts,
                 const arch::ArchSpec &arch, const RankPasses &known);

  CascadeOp getCascade() const { return cascade; }
  const CascadeFacts &getFacts() const { return facts; }
  const arch::ArchSpec &getArch() const { return arch; }
  /// How often each rank is traversed, and what that keeps on chip. Computed
  /// when first asked for.
  const RankPasses &getPasses();
  const std::vector<LiveFootprint> &getFootprints();

  /// Extent of a rank; emits an error naming it and fails if there is none.
  mlir::FailureOr<int64_t> extent(llvm::StringRef rank);
  /// Capacity of a level in bytes (of all instances); an error if the level is
  /// missing or has no limit.
  mlir::FailureOr<uint64_t> capacity(llvm::StringRef level);
  /// Units along a dimension of an array; an error if there is none.
  mlir::FailureOr<int64_t> units(llvm::StringRef array, llvm::StringRef dim);
  /// Fails, saying which Einsum has no partner, unless the cascade is `pattern`
  /// (text notation) in other words. From then on, ranks and tensors are named
  /// as in the pattern, here and in the trees built.
  mlir::LogicalResult requireCascade(llvm::StringRef pattern);
  /// The fact of a tensor that the cascade has, and the cascade's name of it.
  int tensorIndex(llvm::StringRef tensor) const;
  std::string rankName(llvm::StringRef rank) const { return names.rank(rank); }

  /// All Einsums, in an order in which they can run.
  std::vector<RunGroup> runGroups() const;
  /// The array with the most units among those that have the operators of an
  /// Einsum, the first of several; an error if there is none.
  mlir::FailureOr<const arch::Array *> widestArray(const EinsumFact &einsum);
  /// The outermost level, but for backing ones, through which all operands of
  /// these arrays come; an error if there is none.
  mlir::FailureOr<std::string>
  sharedLevel(llvm::ArrayRef<const arch::Array *> arrays);
  /// The nest of one Einsum for a tile of `extents`, by rank: the largest ranks
  /// lie across the array's dimensions, iterative ones are walked in order,
  /// sums stay in the units.
  void addNest(LoopTreeBuilder &tree, const EinsumFact &einsum,
               const arch::Array &array, llvm::ArrayRef<int64_t> extents) const;

  /// Begins a schedule; an unfinished earlier one is dropped.
  LoopTreeBuilder start(llvm::StringRef name);
  /// The schedule begun last, verified; emits errors and fails if it is wrong.
  mlir::FailureOr<schedule::MappingOp> finish();
  /// Erases a schedule that lost against another.
  void discard(schedule::MappingOp mapping);

  /// Cost of a finished schedule. Nullopt if it does not fit; with `explain`,
  /// errors say why. A cost below a lower bound is an internal error, always
  /// reported.
  std::optional<cost::Evaluation> evaluate(schedule::MappingOp mapping,
                                           bool explain = false);
  /// Schedules evaluated so far.
  uint64_t getEvaluations() const { return evaluations; }
  /// Whether an explanation said that a level is too small, or that no array
  /// has the operators of an Einsum.
  bool explainedInfeasible() const { return infeasible; }

  /// An error at the cascade, for a pass that has no schedule to offer.
  mlir::InFlightDiagnostic refuse();

private:
  CascadeOp cascade;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  cost::MachineBoundAnalysis bounds;
  mlir::OpBuilder builder;
  schedule::MappingOp current;
  CascadeMatch names;
  std::optional<RankPasses> passes;
  std::optional<std::vector<LiveFootprint>> footprints;
  uint64_t evaluations = 0;
  bool infeasible = false;
};

class MappingPass {
public:
  virtual ~MappingPass() = default;
  /// Name for `--mapping=`.
  virtual llvm::StringRef getName() const = 0;
  /// One line: what it maps how, and whose dataflow it is.
  virtual llvm::StringRef getDescription() const = 0;
  /// Builds a schedule for `context`, or emits errors and fails.
  virtual mlir::FailureOr<schedule::MappingOp>
  build(MappingContext &context) = 0;
};

/// Registered mapping passes, by name.
llvm::ArrayRef<std::unique_ptr<MappingPass>> getMappingPasses();
MappingPass *findMappingPass(llvm::StringRef name);
void registerMappingPass(std::unique_ptr<MappingPass> pass);

} // namespace einsum

#endif // LIB_PLUGIN_MAPPINGPASS_H
