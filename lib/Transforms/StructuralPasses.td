//===- StructuralPasses.td - Rewrites of structure ---------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_TRANSFORMS_STRUCTURALPASSES_TD
#define EINSUM_TRANSFORMS_STRUCTURALPASSES_TD

include "mlir/Pass/PassBase.td"

def FuseMaps : Pass<"einsum-fuse-maps", "::einsum::CascadeOp"> {
  let summary = "Write pointwise Einsums into the Einsums that read them";
  let description = [{
    Law: an element of a tensor without reduction is its map expression.

        SN[m,p] = exp(QK[m,p] - GM[p])         SD[p] = exp(QK[m,p] - GM[p])
        SD[p]   = SN[m,p]                 ->

    Side conditions: the producer reduces nothing and is no recurrence; its
    elements are not stored in a quantised format, which would round; the points
    that it leaves out are left out of the consumer in the same way. Without
    `duplicate`, an element is computed once: the producer has one reader, which
    visits each element once, and is no output. Of `copies` there is nothing to
    compute: whoever reads one reads what it copies.
  }];
  let options = [Option<"duplicate", "duplicate", "bool", "false",
      "Also where elements are then computed more than once">,
                 Option<"copies", "copies", "bool", "false",
      "Only Einsums that copy elements, for all who read them">];
}

def UnfuseMaps : Pass<"einsum-unfuse-maps", "::einsum::CascadeOp"> {
  let summary = "Give each operator an Einsum of its own";
  let description = [{
    Law: as for fusion, from right to left. The last operator of a map stays with
    the reduction; what only coordinates and parameters decide stays in place. A
    tensor made this way has the ranks that its expression depends on, and no
    others, so that an operator is computed as rarely as possible.

        AV[p,f] = A[m,p] / SD[p] * V[m,f]   ->   AV_1[m,p] = A[m,p] / SD[p]
                                                 AV[p,f]   = AV_1[m,p] * V[m,f]
  }];
}

def CommonEinsums : Pass<"einsum-cse", "::einsum::CascadeOp"> {
  let summary = "Compute equal tensors once";
  let description = [{
    Law: equal maps of equal elements, combined by equal monoids over equal
    iteration spaces, are equal. Equality is up to the names of ranks, the order
    of a tensor's ranks, the order in which filters are listed and the operands of
    commutative operators.

    Side conditions: ranks that correspond have the same extent and are not parts
    of different splits; a recurrence has the same rank names on both sides, since
    readers one step back name its rank. A tensor that is an output stays.
  }];
}

def Recompute : Pass<"einsum-recompute", "::einsum::CascadeOp"> {
  let summary = "Compute a tensor again for chosen readers";
  let description = [{
    Law: as for common Einsums, from right to left. Each chosen reader gets an
    Einsum of its own for the tensor, so that the tensor need not be kept between
    them; the counterpart of reading it again.

    Side condition: the Einsum does not read itself along an iterative rank.
  }];
  let options = [
    Option<"tensor", "tensor", "std::string", "\"\"",
           "The tensor to compute again; by default each pointwise one with several readers">,
    ListOption<"consumers", "consumers", "std::string",
               "Its readers that get a copy; by default all but the first">];
}

def FollowSplits : Pass<"einsum-follow-splits", "::einsum::CascadeOp"> {
  let summary = "Compute along the parts of a split what is read along them";
  let description = [{
    Law: the parts of a split name each coordinate of its rank once. A tensor that
    is read along the parts alone is computed along them, so that a loop over a
    part is one of its own.

        QK[m,p] = Q[p,e] * K[m,e]           ->   QK[m1,m0,p] = Q[p,e] * K[m1*M0+m0,e]
        L[m1,p] = max(m0) QK[m1*M0+m0,p]         L[m1,p]     = max(m0) QK[m1,m0,p]

    Side conditions: no output, recurrence or tensor in a number format; it lacks
    the parts; every read of it is at the coordinate that they make.
  }];
}

def SplitReduction : Pass<"einsum-split-reduction", "::einsum::CascadeOp"> {
  let summary = "Reduce chunks of a rank apart and combine the results";
  let description = [{
    Law: a monoid is associative and commutative, so a reduction over `m` is the
    reduction over chunks of partial reductions (split-K; Dao et al. 2023 for
    attention, after `einsum-local-reductions`).

        Z[p] = A[m,p] * B[m]   ->   Z_part[m1,p] = A[m1*C+m0,p] * B[m1*C+m0]
                                    Z[p]         = Z_part[m1,p]

    Holds for every monoid, user-defined ones and tuples included. Side
    conditions: between the ranks reduced by one Einsum no other monoid stands
    outside the split rank; rounding of a floating-point sum changes with the
    order of its terms.
  }];
  let options = [
    Option<"rank", "rank", "std::string", "\"\"", "The reduced rank to split">,
    Option<"chunk", "chunk", "int64_t", "0", "Elements per chunk">];
}

def LocalReductions : Pass<"einsum-local-reductions", "::einsum::CascadeOp"> {
  let summary = "Reduce tiles relative to their own statistics, then combine them";
  let description = [{
    Law: that of `einsum-online`, used once per tile: with `T` a homomorphism that
    carries `F(x, d)` to `F(x, d')`, the reduction is the combination over tiles of
    `T(local reduction)`, from the tile's statistic to the true one. Merging is
    associative, so tiles may be combined in any order (FlashDecoding, Dao et al.
    2023; the two-pass cascade of Nayak et al., MICRO 2024).

    Side conditions: those of `einsum-online`, and no moments about a statistic.
  }];
  let options = [
    Option<"rank", "rank", "std::string", "\"\"",
           "The rank; all ranks with chained reductions by default">,
    Option<"tile", "tile", "int64_t", "256", "Elements per tile">];
}

def Reassociate : Pass<"einsum-reassociate", "::einsum::CascadeOp"> {
  let summary = "Multiply in the cheapest order";
  let description = [{
    Law: where a product distributes over a sum, a sum of products of sums of
    products is one sum of one product, and may be evaluated in any order. The
    operators: (add, mul), (max, +), (min, +), (max, min), (min, max), (or, and),
    with their inverses (`/`, `-`) for factors that are divided by.

        S[m,p]  = Q[p,e] * K[m,e]        ->   AV_1[e,f] = K[m,e] * V[m,f]
        AV[p,f] = S[m,p] * V[m,f]             AV[p,f]   = Q[p,e] * AV_1[e,f]

    With up to 12 factors, and for chains of any length, the order has the fewest
    multiplications; other products are ordered greedily. A tensor that the
    cascade has anyway costs nothing.

    Side conditions: extents are bound, and the new order is strictly cheaper; no
    filter, window, ragged tile or recurrence takes part, since those couple ranks;
    no other operator stands in between. Rounding changes with the order.
  }];
}

def Interchange : Pass<"einsum-interchange", "::einsum::CascadeOp"> {
  let summary = "Exchange two nested sums";
  let description = [{
    Law: a sum of sums is taken in either order (Fubini, for finite sums), and a
    factor that the inner sum does not reach moves out of it.

        DA[m,p] = DO[p,f] * V[m,f]       ->   D[p] = DO[p,f] * O[p,f]
        D[p]    = A[m,p] * DA[m,p]            where O[p,f] = A[m,p] * V[m,f]

    The row statistic of attention's gradient (Dao et al. 2022) is the example.
    Without `always`, only where the cascade has the new inner sum already.
    Side conditions: those of `einsum-reassociate`, extents apart.
  }];
  let options = [Option<"always", "always", "bool", "false",
      "Also where the new inner sum has to be computed">];
}

//===----------------------------------------------------------------------===//
// Exact over the reals, unsafe in floating point: only ever run by name
//===----------------------------------------------------------------------===//

def UnifiedMax : Pass<"einsum-unified-max", "::einsum::CascadeOp"> {
  let summary = "Put a constant in the place of a maximum";
  let description = [{
    Law: exp(x - c) = exp(x - d) exp(d - c); a factor that numerator and
    denominator have in common cancels. A tensor whose value no output depends on
    (ShiftInvariance.h) may have any value: here, one constant for all rows, so
    that nothing waits for the maximum (Hong et al. 2024, FlashDecoding++).

    Unsafe: exp overflows or vanishes where a value is far from the constant. The
    warning says how far. No other pass does this by itself.
  }];
  let options = [
    Option<"tensor", "tensor", "std::string", "\"\"",
           "The tensor to replace; by default every maximum over a rank">,
    Option<"value", "value", "double", "0.0", "The constant">];
}

def DropMax : Pass<"einsum-drop-max", "::einsum::CascadeOp"> {
  let summary = "Leave out the maximum that keeps exp from overflowing";
  let description = [{
    Law: that of `einsum-unified-max`, with 0 for the constant.

    Unsafe: exp overflows as soon as a value exceeds the logarithm of the largest
    number of its type, 88.7 for f32. The warning says so. No other pass does this
    by itself.
  }];
  let options = [Option<"tensor", "tensor", "std::string", "\"\"",
      "The tensor to leave out; by default every maximum over a rank">];
}

def RawMoments : Pass<"einsum-raw-moments", "::einsum::CascadeOp"> {
  let summary = "Multiply out sums of deviations: E[x^2] - E[x]^2";
  let description = [{
    Law: sum (x - d)^2 = sum x^2 - 2 d sum x + n d^2, and so for every polynomial
    in statistics d of the summed rank: each monomial is a part on the rank, which
    is summed, times a part that is not.

    Unsafe: the terms may be far larger than their sum. With a mean of 1e8 and a
    deviation of 1, no digit of a variance in f64 is right. No other pass does this
    by itself; `einsum-online` finds the stable form.
  }];
}

#endif // EINSUM_TRANSFORMS_STRUCTURALPASSES_TD
