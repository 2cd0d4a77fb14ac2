//===- SampleData.cpp - Input values by distribution and seed -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/SampleData.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

#include <limits>

using namespace einsum::interp;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

static uint64_t mix(uint64_t z) {
  z += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

namespace {

/// The random numbers of one tensor.
class Stream {
public:
  Stream(uint64_t seed, llvm::StringRef name) : key(mix(seed)) {
    for (char c : name)
      key = mix(key ^ static_cast<unsigned char>(c));
  }

  /// In [0, 1), different for each `lane` of a position.
  double uniform(uint64_t position, uint64_t lane = 0) const {
    uint64_t bits = mix(mix(key + lane) ^ position);
    return static_cast<double>(bits >> 11) * 0x1p-53;
  }
  /// Box & Muller 1958.
  double normal(uint64_t position) const {
    double radius = std::sqrt(-2 * std::log(1 - uniform(position, 1)));
    return radius * std::cos(2 * M_PI * uniform(position, 2));
  }

private:
  uint64_t key;
};

/// One element of a tensor that is being filled.
struct Element {
  const Tensor &tensor;
  const Stream &stream;
  uint64_t position;

  double uniform(uint64_t lane = 0) const {
    return stream.uniform(position, lane);
  }
  double normal() const { return stream.normal(position); }
  /// Between 0 and 1, growing along every rank.
  double progress() const {
    double sum = 0;
    for (auto [c, extent] :
         llvm::zip_equal(tensor.unflatten(position), tensor.extents))
      sum += static_cast<double>(c) / static_cast<double>(extent);
    return tensor.extents.empty()
               ? 0
               : sum / static_cast<double>(tensor.extents.size());
  }
  /// Laplace's distribution of deviation 1: heavier tails than the normal one.
  double laplace() const {
    double u = uniform(4) - 0.5;
    return std::copysign(std::log1p(-2 * std::fabs(u)), -u) / M_SQRT2;
  }
  /// About every sixteenth coordinate along the last rank.
  bool isOutlierChannel() const {
    if (tensor.extents.empty())
      return false;
    uint64_t channel = position % tensor.extents.back();
    return stream.uniform(channel, 32) < 1. / 16;
  }
  /// Every fourth element, and every fourth slice across each rank.
  bool isMasked() const {
    bool masked = uniform(3) < 0.25;
    for (auto [k, c] : llvm::enumerate(tensor.unflatten(position)))
      masked |= tensor.extents[k] > 1 && stream.uniform(c, 16 + k) < 0.25;
    return masked;
  }
};

struct Distribution {
  DistributionInfo info;
  double (*draw)(const Element &element);
};

} // namespace

//===----------------------------------------------------------------------===//
// Distributions
//===----------------------------------------------------------------------===//

static const Distribution kDistributions[] = {
    {{"normal", "mean 0, deviation 1"},
     [](const Element &e) { return e.normal(); }},
    {{"uniform", "between -1 and 1"},
     [](const Element &e) { return 2 * e.uniform() - 1; }},
    {{"positive", "between 0.5 and 1.5"},
     [](const Element &e) { return 0.5 + e.uniform(); }},
    {{"large", "between -10000 and 10000"},
     [](const Element &e) { return 1e4 * (2 * e.uniform() - 1); }},
    {{"ties", "-1, 0 or 1"},
     [](const Element &e) { return std::floor(3 * e.uniform()) - 1; }},
    {{"equal", "one value everywhere"},
     [](const Element &e) { return e.stream.normal(0); }},
    {{"increasing", "growing along every rank, from -4 to 4"},
     [](const Element &e) { return 8 * e.progress() - 4; }},
    {{"decreasing", "falling along every rank, from 4 to -4"},
     [](const Element &e) { return 4 - 8 * e.progress(); }},
    {{"masked",
      "normal, with minus infinity at single elements and whole slices"},
     [](const Element &e) {
       return e.isMasked() ? -std::numeric_limits<double>::infinity()
                           : e.normal();
     }},
    {{"zero-crossing", "neighbours that cancel, so that partial sums are 0"},
     [](const Element &e) {
       double pair = std::floor(1 + 4 * e.stream.uniform(e.position / 2));
       return e.position % 2 ? -pair : pair;
     }},
    {{"offset", "mean 1000, deviation 1"},
     [](const Element &e) { return 1000 + e.normal(); }},
    {{"laplace", "Laplace's, mean 0, deviation 1: tails heavier than normal"},
     [](const Element &e) { return e.laplace(); }},
    {{"offset-channels", "normal, with one channel in 16 along the last rank "
                         "around 20"},
     [](const Element &e) {
       return e.normal() + (e.isOutlierChannel() ? 20 : 0);
     }},
    {{"scaled-channels", "normal, with one channel in 16 along the last rank "
                         "20 times as large"},
     [](const Element &e) {
       return e.normal() * (e.isOutlierChannel() ? 20 : 1);
     }},
    {{"outliers", "laplace, with one channel in 16 along the last rank 20 "
                  "times as large"},
     [](const Element &e) {
       return e.laplace() * (e.isOutlierChannel() ? 20 : 1);
     }},
};

llvm::ArrayRef<DistributionInfo> einsum::interp::getDistributions() {
  static const std::vector<DistributionInfo> infos = [] {
    std::vector<DistributionInfo> result;
    for (const Distribution &distribution : kDistributions)
      result.push_back(distribution.info);
    return result;
  }();
  return infos;
}

std::optional<Sampling> einsum::interp::parseSampling(llvm::StringRef text) {
  auto [name, scale] = text.split(':');
  Sampling sampling;
  if (text.contains(':') &&
      (scale.getAsDouble(sampling.scale) || !std::isfinite(sampling.scale)))
    return std::nullopt;
  for (auto [i, distribution] : llvm::enumerate(kDistributions))
    if (name == distribution.info.name) {
      sampling.distribution = i;
      return sampling;
    }
  return std::nullopt;
}

int64_t einsum::interp::sampleBetween(llvm::StringRef tensor, uint64_t seed,
                                      uint64_t position, int64_t low,
                                      int64_t high) {
  double width = static_cast<double>(high - low) + 1;
  auto steps = static_cast<int64_t>(
      Stream(seed, tensor).uniform(position, /*lane=*/5) * width);
  return low + std::min(steps, high - low);
}

void einsum::interp::fillWithSamples(Tensor &tensor, const Sampling &sampling,
                                     uint64_t seed) {
  const Distribution &distribution = kDistributions[sampling.distribution];
  Stream stream(seed, tensor.name);
  const NumberFormat &format = *tensor.format;
  for (uint64_t i = 0; i < tensor.size(); ++i) {
    double value = distribution.draw({tensor, stream, i}) * sampling.scale;
    if (!format.isFloat)
      value = format.bits == 1 ? value > 0 : 8 * value;
    tensor.values[i] = format.fromDouble(value);
  }
}
