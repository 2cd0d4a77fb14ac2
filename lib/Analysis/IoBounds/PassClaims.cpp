//===- PassClaims.cpp - Fibers that do not fit are traversed again --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// README.md, section 5. Between two rank passes at most S / w of the R
// coordinates of a fiber have some value near (w: the narrowest aligned
// element); each of the others brings one in.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Claims.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::bounds;

namespace {

class PassClaim : public Claim {
public:
  PassClaim(const ClaimContext &context, PassFact pass)
      : pass(std::move(pass)) {
    const CascadeFacts &facts = context.facts;
    const TensorFact &tensor = facts.tensors[this->pass.tensor];
    auto extentAt = [&](int position) -> uint64_t {
      return facts.ranks[tensor.ranks[position]].extent;
    };
    for (int position : this->pass.ranks)
      fiber = llvm::SaturatingMultiply(fiber, extentAt(position));
    // A filter that tells fibers apart may leave some of them short.
    bool uniform = llvm::none_of(this->pass.apartRanks, [&](int rank) {
      return llvm::any_of(facts.einsums, [&](const EinsumFact &einsum) {
        return constrains(einsum, rank);
      });
    });
    if (uniform)
      for (int position : this->pass.apart)
        bundles = llvm::SaturatingMultiply(bundles, extentAt(position));
    for (auto [id, einsum] : llvm::enumerate(facts.einsums))
      for (const AccessFact &read : einsum.reads)
        if (read.tensor == this->pass.tensor)
          touched = std::max(touched, context.live.touched(id, read));
    bits = narrowest = tensor.bits;
    for (int other : this->pass.aligned)
      narrowest = std::min(narrowest, facts.tensors[other].bits);
    name = "rank passes over " + tensor.name;
    for (int position : this->pass.ranks)
      name += (position == this->pass.ranks.front() ? "/" : ",") +
              facts.ranks[tensor.ranks[position]].name;
    hypotheses = {describeFar(facts, this->pass.tensor, {}),
                  std::to_string(this->pass.passes) +
                      " rank passes over each fiber of the cascade as written"};
  }

  IoBound at(long double fastBits) const override {
    IoBound bound;
    long double kept = fastBits / narrowest;
    uint64_t again = kept >= fiber ? 0 : fiber - static_cast<uint64_t>(kept);
    long double total = static_cast<long double>(touched) * bits +
                        static_cast<long double>(bundles) * (pass.passes - 1) *
                            again * narrowest;
    bound.name = name;
    bound.bytes = static_cast<uint64_t>(std::min(total / 8, 1.8e19L));
    bound.hypotheses = hypotheses;
    bound.tensors = {pass.tensor};
    bound.tensors.insert(bound.tensors.end(), pass.aligned.begin(),
                         pass.aligned.end());
    bound.statement = "each of " + std::to_string(bundles) + " fibers of " +
                      std::to_string(fiber) + " once, and " +
                      std::to_string(pass.passes - 1) + " times the " +
                      std::to_string(again) + " coordinates that do not fit";
    return bound;
  }

private:
  PassFact pass;
  std::string name;
  std::vector<std::string> hypotheses;
  uint64_t fiber = 1, bundles = 1, touched = 0, bits = 1, narrowest = 1;
};

} // namespace

void einsum::bounds::addPassClaims(const ClaimContext &context,
                                   std::vector<PassFact> passes,
                                   Claims &claims) {
  // Passes over fibers of which no output needs all may be shorter.
  if (!context.live.isAllWhole())
    return;
  for (PassFact &pass : passes)
    if (pass.passes > 1 && context.isFarInput(pass.tensor))
      claims.push_back(std::make_unique<PassClaim>(context, std::move(pass)));
}
