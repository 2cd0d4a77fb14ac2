//===- QuantizeSpec.h - What a user asks to be quantised --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The words after `--quantize=` and of the option `spec` of --einsum-quantize:
//
//   weights=int4 group(128), KC=bfp(mantissa=4) block(32) rearranged
//
//   spec     := rule { "," rule }
//   rule     := selector "=" storage { word }
//   selector := "weights" | "activations" | "inputs" | a tensor's name, in
//   which
//               * and ? stand for any letters and any letter
//   storage  := as in the text notation (lib/Support/Formats/Storage.h); ranks
//               may be left out
//   word     := "stored" | "explicit" | "offline" | "online"
//             | "rearranged" [ "(" tensor { "," tensor } ")" ] | "balanced"
//
// Classes are decided by what the cascade says, never by how a tensor is
// called:
//
//   weights       inputs declared as `weight` that some Einsum multiplies and
//                 sums (a norm's gain is only multiplied, and is left alone)
//   activations   all other tensors that are multiplied with a weight and
//   summed
//                 over a rank that both have
//   inputs        inputs that are no weights: a KV cache, where the cascade
//   reads
//                 one; single ones are named, `KC=...,VC=...`
//
// The last rule that selects a tensor counts. Ranks that a storage leaves out
// follow from who sums the tensor: `channel` keeps apart what those Einsums
// keep apart, `group(128)` and `block` run along the innermost rank that they
// sum and that such blocks divide.
//
// `stored` (the default): the tensor's element type changes, readers decode.
// `explicit`: codes, scales and the Einsums that make them stand in the
// cascade. Codes and scales of weights are made beforehand and become inputs,
// as do those of other inputs with the word `offline`; `online` computes them
// all. `rearranged`: see Rearrange.h; in parentheses, inputs and outputs that
// may come in another order, too. `balanced`: rearranged, and channels scaled
// besides (Balance.h).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_QUANTIZESPEC_H
#define LIB_QUANT_QUANTIZESPEC_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <variant>
#include <vector>

namespace einsum::quant {

enum class Form { stored, explicitly };

struct Rule {
  std::string selector;
  std::string storage; ///< without the words
  Form form = Form::stored;
  bool isOnline = false, isOffline = false, isRearranged = false,
       isBalanced = false;
  std::vector<std::string> granted; ///< of `rearranged(COS, SIN)`

  bool isClass() const;
  bool isPattern() const;
  bool matches(llvm::StringRef tensor) const;
};

struct QuantizeSpec {
  std::vector<Rule> rules;
};

/// Names of the classes.
llvm::ArrayRef<llvm::StringRef> getClassNames();

/// Reads the notation above, or says what is wrong. Formats are checked, too,
/// as far as that is possible without a tensor.
std::variant<QuantizeSpec, std::string> parseSpec(llvm::StringRef text);

/// In that notation.
std::string printSpec(const QuantizeSpec &spec);

/// Splits at `separator` outside of parentheses and braces, and trims.
std::vector<std::string> splitOutside(llvm::StringRef text, char separator);

} // namespace einsum::quant

#endif // LIB_QUANT_QUANTIZESPEC_H
