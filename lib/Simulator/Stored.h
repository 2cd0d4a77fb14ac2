//===- Stored.h - Tensors in number formats, as they are made ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor stored in a number format is read as decode(encode(x)), and a scale
// needs all of what shares it. So every element that is made is noted here, and
// what shares a scale is encoded when the last of it is there:
//
//   KQ[m,e] : mxfp4 block e     reads of KQ[3,0] wait for KQ[3,0..31]
//
// A schedule that reads an element earlier, because it fuses producer and
// consumer within a block, is refused where it reads. A format whose scales are
// relative to the tensor (nvfp4) waits for the whole tensor.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_STORED_H
#define LIB_SIMULATOR_STORED_H

#include "lib/Simulator/Points.h"

#include <variant>

namespace einsum::sim {

class StoredTensors {
public:
  /// Of tensors that Einsums make; none unless types are as declared.
  explicit StoredTensors(const Points &points);

  bool isStored(int tensor) const { return tensors.count(tensor) != 0; }
  void record(int tensor, int64_t element, double value);
  /// What a read finds; or an element that shares the scale and is not made.
  std::variant<double, int64_t> read(int tensor, int64_t element);

private:
  struct Tensor {
    TensorStorage stored;
    std::vector<int64_t> unit; ///< elements encoded together, per rank
    const interp::NumberFormat *format = nullptr; ///< that expressions see
    std::vector<double> made;                     ///< before encoding
    std::vector<double> values;                   ///< after
    std::vector<char> isMade, isEncoded;
  };
  std::vector<int64_t> findMates(int tensor, int64_t element) const;

  const Points &points;
  std::map<int, Tensor> tensors;
};

} // namespace einsum::sim

#endif // LIB_SIMULATOR_STORED_H
