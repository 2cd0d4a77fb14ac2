//===- Passes.td - Rewrites of cascades --------------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each pass states the law that it rests on and its side conditions. A pass that
// leaves something alone that looks like its case says why, as a remark.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_TRANSFORMS_PASSES_TD
#define EINSUM_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def EraseDead : Pass<"einsum-erase-dead", "::einsum::CascadeOp"> {
  let summary = "Erase Einsums on which no output depends";
}

def SplitRank : Pass<"einsum-split-rank", "::einsum::CascadeOp"> {
  let summary = "Split a rank into tiles, with reductions within and over tiles";
  let description = [{
    Law: a reduction is a reduction over tiles of reductions within tiles, by
    associativity. Each reduction over the rank becomes a local one and one over
    the outer part; tensors that only tiles read are tiled.

    Not applied to recurrences along the rank, and to reductions of several ranks
    by different operators.
  }];
  let options = [
    Option<"rank", "rank", "std::string", "\"\"", "The rank">,
    Option<"tile", "tile", "std::string", "\"\"",
           "Its tile: a parameter, a number or NAME:NUMBER; by default the rank's "
           "upper-case name with a 0 and 256">,
  ];
}

//===----------------------------------------------------------------------===//
// Fewer rank passes
//===----------------------------------------------------------------------===//

def Defer : Pass<"einsum-defer", "::einsum::CascadeOp"> {
  let summary = "Move what is the same for a whole reduction behind it";
  let description = [{
    Law: `(sum of a * h) = (sum of a) * h`, and for extrema `max(a * h) = max(a) * h`
    with `h >= 0`, `max(a + k) = max(a) + k`. Applied where `h` or `k` depends on
    an earlier reduction over the same rank, so that the two reductions can share
    a traversal: the division by the denominator of a softmax, the factor of an
    RMSNorm, the scale of a dequantisation. Nothing is divided by a running value.

    Not applied past a rounding, a comparison, or an operator that does not
    distribute. A sum over no points stays 0 whatever it is divided by.
  }];
  let options = [
    Option<"rank", "rank", "std::string", "\"\"",
           "The rank; all ranks with chained reductions by default">,
  ];
}

def Online : Pass<"einsum-online", "::einsum::CascadeOp"> {
  let summary = "Turn chained reductions over a rank into recurrences with correction";
  let description = [{
    Law: with `T` a homomorphism of the reduction that carries `F(x, d)` to
    `F(x, d')`, the recurrence `R[i] = T(R[i-1]) + F(x[i], d[i])` over running
    values `d[i]` ends in the reduction with the true `d`. `T` is
    `exp(d - d')` for exponentials, the binomial sum for powers of `x - d`.

    An exponential is corrected only if its argument is proved to be at most what
    it is at the end (`d` is the maximum of the same values).
  }];
  let options = [
    Option<"rank", "rank", "std::string", "\"\"",
           "The rank; all ranks with chained reductions by default">,
    Option<"tile", "tile", "std::string", "\"\"",
           "Tile of the recurrence: a parameter, a number, NAME:NUMBER, or 'none' for one "
           "element at a time; by default the rank's upper-case name with a 0 and 256">,
    Option<"guard", "guard", "std::string", "\"auto\"",
           "Guard running extrema against minus infinity: auto (where a filter or a "
           "literal makes it possible), always, never">,
  ];
}

def ReducePasses : Pass<"einsum-reduce-passes", "::einsum::CascadeOp"> {
  let summary = "Derive a cascade that needs fewer passes over its ranks";
  let description = [{
    Applies deferral and online correction together, over chains of any length,
    for every rank on which they lower the number of rank passes, and says of
    every reduction that keeps a pass of its own why.
  }];
  let options = [
    Option<"rank", "rank", "std::string", "\"\"",
           "The rank; all ranks with chained reductions by default">,
    Option<"tile", "tile", "std::string", "\"\"",
           "Tile of the recurrences: a parameter, a number, NAME:NUMBER, or 'none' for one "
           "element at a time; by default the rank's upper-case name with a 0 and 256">,
    Option<"policy", "policy", "std::string", "\"safe\"",
           "bitexact (keep every rounding: changes nothing), safe (additions may be "
           "reordered; nothing may overflow or cancel that did not before), reals (all "
           "that is exact over the real numbers)">,
    Option<"guard", "guard", "std::string", "\"auto\"",
           "Guard running extrema against minus infinity: auto (where a filter or a "
           "literal makes it possible), always, never">,
    Option<"explain", "explain", "bool", "false",
           "Print the derivation to standard error">,
  ];
}

include "lib/Transforms/StructuralPasses.td"

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

def Differentiate : Pass<"einsum-differentiate", "::einsum::CascadeOp"> {
  let summary = "Add the gradients of a loss, and an optimizer step";
  let description = [{
    Law: the chain rule in reverse (Griewank & Walther 2008). The adjoint of a sum
    of products, of an element-wise map and of an affine access is an Einsum again;
    that of a recurrence runs the other way.

    Refused: reductions on the way by operators other than add and argmax (a
    maximum on which nothing depends in the end has no adjoint), operations
    without a derivative, recurrences by more than one step.
  }];
  let options = [
    Option<"of", "of", "std::string", "\"\"",
           "The loss: an output without ranks; the only one by default">,
    ListOption<"by", "by", "std::string",
               "Inputs to differentiate by; the weights by default">,
    Option<"step", "step", "std::string", "\"none\"",
           "What to do with the gradients: none delivers them; sgd, adam">,
  ];
}

#endif // EINSUM_TRANSFORMS_PASSES_TD
