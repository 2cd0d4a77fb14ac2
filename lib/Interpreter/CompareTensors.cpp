//===- CompareTensors.cpp - How far two results are apart -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/CompareTensors.h"

using namespace einsum::interp;

static void keepLargest(Deviation &largest, const Deviation &found) {
  if (found.error > largest.error)
    largest = found;
}

Comparison einsum::interp::compareTensors(const Tensor &left,
                                          const Tensor &right) {
  Comparison result;
  double magnitude = 0;
  auto mismatch = [&](uint64_t &count, uint64_t i) {
    ++count;
    if (!result.firstMismatch)
      result.firstMismatch =
          Deviation{0, i, left.toDouble(i), right.toDouble(i)};
  };
  for (uint64_t i = 0; i < left.size(); ++i) {
    if (left.isPresent(i) != right.isPresent(i))
      mismatch(result.presenceMismatches, i);
    if (!left.isPresent(i) || !right.isPresent(i))
      continue;
    double a = left.toDouble(i), b = right.toDouble(i);
    if (std::isnan(a) || std::isnan(b)) {
      if (std::isnan(a) != std::isnan(b))
        mismatch(result.nanMismatches, i);
      continue;
    }
    if (std::isinf(a) || std::isinf(b)) {
      if (a != b)
        mismatch(result.infMismatches, i);
      continue;
    }
    ++result.compared;
    double size = std::max(std::fabs(a), std::fabs(b));
    magnitude = std::max(magnitude, size);
    if (a == b)
      continue;
    // The difference of opposite numbers near the end of the range overflows.
    double error = std::fabs(a - b);
    keepLargest(result.absolute, {error, i, a, b});
    keepLargest(result.relative, {std::fabs(a / size - b / size), i, a, b});
  }
  if (result.absolute.error > 0)
    result.scaled = result.absolute.error / magnitude;
  return result;
}

ErrorSummary einsum::interp::measureError(const Tensor &exact,
                                          const Tensor &actual) {
  Comparison comparison = compareTensors(exact, actual);
  ErrorSummary summary;
  summary.largest = comparison.absolute.error;
  summary.compared = comparison.compared;
  summary.mismatches = comparison.nanMismatches + comparison.infMismatches +
                       comparison.presenceMismatches;
  double signal = 0, noise = 0;
  for (uint64_t i = 0; i < exact.size(); ++i) {
    double a = exact.toDouble(i), b = actual.toDouble(i);
    if (!exact.isPresent(i) || !actual.isPresent(i) || !std::isfinite(a) ||
        !std::isfinite(b))
      continue;
    signal += a * a;
    noise += (a - b) * (a - b);
  }
  if (summary.compared > 0)
    summary.rms = std::sqrt(noise / static_cast<double>(summary.compared));
  summary.sqnrDb = noise == 0 ? HUGE_VAL : 10 * std::log10(signal / noise);
  return summary;
}

TensorSummary einsum::interp::summarize(const Tensor &tensor) {
  TensorSummary summary;
  summary.elements = tensor.size();
  double sum = 0, squares = 0;
  uint64_t finite = 0;
  for (uint64_t i = 0; i < tensor.size(); ++i) {
    if (!tensor.isPresent(i)) {
      ++summary.absent;
      continue;
    }
    double value = tensor.toDouble(i);
    if (!std::isfinite(value)) {
      ++(std::isnan(value) ? summary.nan : summary.infinite);
      continue;
    }
    if (finite++ == 0)
      summary.minimum = summary.maximum = value;
    summary.minimum = std::min(summary.minimum, value);
    summary.maximum = std::max(summary.maximum, value);
    sum += value;
    squares += value * value;
  }
  if (finite > 0) {
    summary.mean = sum / static_cast<double>(finite);
    summary.rms = std::sqrt(squares / static_cast<double>(finite));
  }
  return summary;
}
