//===- BitAssignment.h - The best format for every tensor -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each tensor takes one of its candidates; errors of different tensors are
// independent, so that their squares add up; costs add up, too, one sum for
// each resource (bytes, seconds of every array):
//
//             square of the error   bytes
//   W  int8   1                     8         V  int8   2     8
//      int4   100                   4            int4   50    4
//
//   all choices     (3, 16) (51, 12) (102, 12) (150, 8)
//   Pareto set      (3, 16) (51, 12) (150, 8)
//   error <= 10, that is square <= 100: 12 bytes with W int8, V int4
//
// Where two tensors meet in one Einsum, a product of both may be native to the
// machine: a pair term adds what the two cost together beyond each alone.
//
// The search is dynamic programming over the tensors: partial choices that
// agree in every tensor which later pair terms ask for are compared, and those
// that another one beats in error and all resources are dropped. Nothing else
// is, so the set is exact; beyond a limit of partial choices it says that it is
// not.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_BITASSIGNMENT_H
#define LIB_QUANT_BITASSIGNMENT_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace einsum::quant {

using Resources = std::vector<double>;

struct Candidate {
  double noise = 0; ///< square of the error that it causes
  Resources costs;
};

/// What candidates of two tensors cost together beyond the sum of both.
struct PairTerm {
  size_t first = 0, second = 0;              ///< first < second
  std::vector<std::vector<Resources>> costs; ///< by candidate of each
};

struct AssignmentProblem {
  std::vector<std::vector<Candidate>> tensors;
  std::vector<PairTerm> pairs;
  Resources base;       ///< of everything else
  double baseNoise = 0; ///< of everything else
  /// Of all resources; does not fall when one of them rises.
  std::function<double(const Resources &)> objective;
};

struct AssignmentPoint {
  std::vector<size_t> candidates; ///< per tensor
  double noise = 0, objective = 0;
};

struct AssignmentResult {
  /// No other choice is better in both; the least error first.
  std::vector<AssignmentPoint> pareto;
  bool isComplete = true;
  uint64_t examined = 0; ///< partial choices
};

AssignmentResult assignFormats(const AssignmentProblem &problem,
                               size_t limit = 20000);

} // namespace einsum::quant

#endif // LIB_QUANT_BITASSIGNMENT_H
