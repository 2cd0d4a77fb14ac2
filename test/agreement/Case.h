//===- Case.h - A random cascade, machine and schedule ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A case is kept as plain data, so that shrinking can take pieces out, and
// given to both sides as text, so that what a failure prints is what was run:
//
//   .ein    the cascade          .mlir   the schedule          .json   the spec
//
// The generator may make schedules that are illegal; the verifier is asked.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_AGREEMENT_CASE_H
#define TEST_AGREEMENT_CASE_H

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace einsum::agreement {

struct CaseRank {
  std::string name;
  int64_t extent = 1;
  /// A window `stride * p + dilation * r` over this rank, which sets its
  /// extent.
  int p = -1, r = -1;
  int64_t stride = 1, dilation = 1;
  /// Parts `outer * tile + inner`, whose extents follow from this rank's.
  int outer = -1, inner = -1;
  int64_t tile = 1;
};

struct CaseRead {
  std::string tensor;
  std::vector<std::string> index;
  /// Its value is a coordinate of another read, and nothing else.
  bool isIndex = false;
};

enum class MapKind { copy, product, sum, exponential, runningMax, runningSum };

struct CaseEinsum {
  std::string name;
  MapKind kind = MapKind::copy;
  std::vector<int> out, reduced;
  std::vector<CaseRead> reads;
  std::string monoid; ///< "" is a sum
  std::string filter;
  std::string storage; ///< of a result that no reduction makes
  bool isRecurrence() const {
    return kind == MapKind::runningMax || kind == MapKind::runningSum;
  }
};

struct CaseInput {
  std::string name;
  std::vector<int> ranks;
  std::string storage; ///< number format; empty: the cascade's type
};

enum class TreeKind {
  temporal,
  spatial,
  storage,
  sequence,
  pipeline,
  leaf,
  transfer
};

struct Tree {
  TreeKind kind = TreeKind::leaf;
  int rank = -1;
  int64_t tile = 1;
  std::string dim;
  std::string level;
  std::vector<std::string> tensors;
  int64_t buffers = 1;
  std::optional<int64_t> resident;
  bool passthrough = false, shared = false;
  std::string halo;
  int streamRank = -1;
  int64_t depth = 1;
  std::vector<int64_t> lags;
  std::string einsum, array;
  bool chained = false;
  std::string engine; ///< of a transfer of `tensors`
  std::vector<Tree> children;

  bool isSplit() const {
    return kind == TreeKind::sequence || kind == TreeKind::pipeline;
  }
};

/// A way into a level or an array.
struct CaseLink {
  std::string topology; ///< empty: there is none
  int64_t bandwidth = 0, latency = 0;
};

/// A dimension and how far words reach along it; 0 any.
struct CaseDim {
  std::string name;
  int64_t size = 1, multicast = 0, reduction = 0;
};

struct CaseLevel {
  std::string name, parent, per;
  std::vector<CaseDim> instances;
  int64_t chunk = 1;
  CaseLink link;
  int64_t access = 1;
  int64_t readBandwidth = 0, writeBandwidth = 0,
          bandwidth = 0; ///< GB/s; 0 none
  int64_t ports = 0;
  int64_t multicast = 0; ///< width; 0 any
  int64_t latency = 0;   ///< cycles
};

struct CaseArray {
  std::string name, level;
  std::vector<CaseDim> dims;
  CaseLink link;
  std::vector<std::pair<std::string, int64_t>> cycles; ///< per operator
  int64_t reduction = 0;                               ///< width; 0 any
  int64_t fill = 0, drain = 0, beyond = 0; ///< cycles; latency past interval
};

struct CaseEngine {
  std::string name;
  int64_t bandwidth = 0; ///< GB/s; 0 none
  int64_t latency = 0;   ///< cycles
};

struct Case {
  std::vector<CaseRank> ranks;
  std::vector<CaseInput> inputs;
  std::vector<CaseEinsum> einsums;
  std::vector<std::string> outputs;
  std::string type = "f32";
  std::vector<CaseLevel> levels;
  std::vector<CaseArray> arrays;
  std::vector<CaseEngine> engines;
  bool perPoint = false, singleBuffers = false; ///< accounting
  bool onePerPoint = false, sequential = false, buffered = false;
  Tree tree;

  /// Sets the extents that follow from others.
  void deriveExtents();
  /// Some node of the tree satisfies it.
  bool anyNode(const std::function<bool(const Tree &)> &holds) const;
  std::string printCascade() const;
  std::string printSchedule() const;
  std::string printSpec() const;
};

/// What a case has more of; `any` is one of the others, in turn.
/// `gathers` and `filters` are none of these: their cases are made otherwise.
enum class Focus {
  none,
  halos,
  units,
  recurrences,
  masks,
  formats,
  any,
  gathers,
  filters
};

/// A case that depends on the seed and nothing else; `extended` adds accounting
/// profiles and the widths of multicast and reduction to it.
Case generate(uint64_t seed, bool extended = false, Focus focus = Focus::none);

/// What came of running a case on both sides.
struct Verdict {
  enum Status { agrees, illegal, differs } status = agrees;
  std::string text; ///< why illegal, or what differs
  std::string kind; ///< of difference: the most telling one
  uint64_t points = 0;
  uint64_t bounds = 0;        ///< kept, of those beyond compulsory traffic
  bool isUnsupported = false; ///< illegal to the cost model only, and said so
};

/// What a case exercises, for counting: "pipeline", "transfer", "buffered", ...
std::vector<std::string> listFeatures(const Case &c);

/// How the cost model counts: as it does, the general way, or step by step.
enum class Counting { any, general, steps };
extern Counting counting;

/// Also write down what is done as commands, read them back, execute them.
extern bool withCommands;

Verdict check(const Case &c, uint64_t seed);
/// The same for texts; the schedule is in `schedule`, or made by the mapping of
/// that name. A spec may be a path.
Verdict checkTexts(const std::string &cascade, const std::string &schedule,
                   const std::string &mapping, const std::string &spec,
                   uint64_t seed);

/// The smallest case found that still differs in the same kind.
Case shrink(Case c, uint64_t seed, const std::string &kind);

} // namespace einsum::agreement

#endif // TEST_AGREEMENT_CASE_H
