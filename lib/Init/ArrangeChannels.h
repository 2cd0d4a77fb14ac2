//===- ArrangeChannels.h - Channels ordered for blocks ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Marks say that a rank may be permuted and its channels scaled
// (lib/Quant/Rearrange.h, Balance.h); in which order and by how much follows
// from data, here from the values of the tensor that the marks name. With s(e)
// the root of the mean square of a channel, these are tried, and that with the
// least noise in the stored tensor is taken:
//
//   order    as written
//            sorted   large channels next to each other: they spoil one block
//            dealt    one large channel to each block, in turns: it has the
//                     exponent of the block to itself
//   scale    1, and where the marks scale, s^-x, x = 1/4 3/8 ... 3/4: what is
//            small comes nearer to what is large; then all by 2^(1/4 1/2 3/4),
//            which moves it against the powers of two of the blocks
//
// Sorting alone wins where large channels are always large; where they are
// large in the mean, n of them that share an exponent lose more by the growth
// of their maximum than by sharing it with small ones that are scaled up.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_ARRANGECHANNELS_H
#define LIB_INIT_ARRANGECHANNELS_H

#include "lib/Interpreter/Tensor.h"
#include "lib/Quant/Rearrange.h"

namespace einsum {

/// For every combination of coordinates along `marks.per`, an order of a rank
/// and a scale for each place in it.
class Arrangement {
public:
  explicit Arrangement(quant::Rearrangement marks) : marks(std::move(marks)) {}

  /// That of the least noise in `by`, stored so; sorted if nothing is said of
  /// how it is stored.
  static Arrangement choose(const interp::Tensor &by,
                            quant::Rearrangement marks,
                            const formats::Storage *storage);

  /// Permutes and scales a tensor of the cascade, by its name.
  void apply(interp::Tensor &tensor) const;
  /// Takes the scales, not the order, off a tensor's values again.
  void unscale(const interp::Tensor &tensor,
               llvm::MutableArrayRef<double> values) const;

private:
  enum class Order { written, sorted, dealt };
  /// One of the arrangements that are tried: scales are s^-share * 2^shift.
  struct Choice {
    Order order;
    double share, shift;
  };
  Arrangement arrange(llvm::ArrayRef<double> squares, int64_t block,
                      Choice choice) const;

  /// Where the permuted coordinate is within one of a tensor: at a rank, as
  /// `coordinate / stride % extent`.
  struct Place {
    int rank = -1;
    int64_t stride = 1;
  };
  Place findIn(const interp::Tensor &tensor) const;
  int64_t get(Place place, int64_t coordinate) const {
    return coordinate / place.stride % marks.extent;
  }
  /// The position in `order` and `scales` of an element.
  int64_t position(const interp::Tensor &tensor, Place place,
                   llvm::ArrayRef<int64_t> coordinates) const;
  int getPower(const interp::Tensor &tensor) const;
  std::vector<double> measureChannels(const interp::Tensor &by) const;

  quant::Rearrangement marks;
  std::vector<int64_t> order; ///< [combination * extent + new] = old
  std::vector<double> scales; ///< by the same position
};

/// Values in the order of an arranged tensor, in the units that it had before.
struct StoredValues {
  std::vector<double> exact, stored;
};

/// Arranges a tensor, and reads it back as it would be stored.
StoredValues storeArranged(interp::Tensor &tensor,
                           const formats::Storage &storage,
                           llvm::ArrayRef<Arrangement> arrangements);

} // namespace einsum

#endif // LIB_INIT_ARRANGECHANNELS_H
