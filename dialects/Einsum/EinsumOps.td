//===- EinsumOps.td - Operations of the einsum dialect ---------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_OPS_TD
#define EINSUM_OPS_TD

include "dialects/Einsum/EinsumDialect.td"
include "dialects/Einsum/EinsumTypes.td"
include "dialects/Einsum/EinsumAttrs.td"
include "dialects/Einsum/EinsumInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

def Einsum_CascadeOp : Einsum_Op<"cascade", [
    IsolatedFromAbove, NoTerminator, SingleBlock, Symbol, SymbolTable,
    DeclareOpInterfaceMethods<RegionKindInterface, ["getRegionKind"]>]> {
  let summary = "A cascade of Einsums";
  let description = [{
    Declares parameters (extents and other integers; a parameter without a value
    is bound later), ranks, input tensors, Einsums and outputs. The body is a
    graph region: the order of ops carries no meaning, and a tensor may refer to
    itself along an iterative rank.

    Constraints:
    - C1: parameter names are distinct identifiers; a value, where given, is at
      least 1.
    - C2: tensor names are distinct within the cascade. Inputs have one, and
      results that are read or an output; a further result need not.
    - C3: every rank that a tensor or an Einsum names is declared.
    - C4: a cycle of tensors is cut by an access one or more steps back (or
      ahead) along a rank that all its Einsums share and no access of the cycle
      goes against, and the tensor read across that step has an initial value.
    - C5: the blocks of a tensor stored in a number format divide the extents of
      their ranks, where these are bound.

    Example:
    ```mlir
    einsum.cascade @row_sum(M = 4, N) : f32 {
      einsum.rank @m [M] = M
      einsum.rank @n [N] = N
      %A = einsum.input "A" : !einsum.tensor<[m, n], f32>
      %S = einsum.compute "S" over [m, n] : [m] = (%A[m, n]) reduce [n by add] {
      ^bb0(%a: f32):
        einsum.yield %a : f32
      } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[m], f32>
      einsum.output %S : !einsum.tensor<[m], f32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$param_names,
                       DenseI64ArrayAttr:$param_values, TypeAttr:$element_type);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Marks a parameter whose value is bound later.
    static constexpr int64_t kUnbound = ::mlir::ShapedType::kDynamic;
    ::mlir::Block *getBodyBlock() { return &getBody().front(); }
    /// Value of a parameter; nullopt when unknown or unbound.
    std::optional<int64_t> getParam(::llvm::StringRef name);
    /// Sets or adds a parameter's value.
    void setParam(::llvm::StringRef name, int64_t value);
    RankOp findRank(::llvm::StringRef name);
    /// The split that makes `rank` one of its parts, or null.
    SplitOp findSplitOf(::llvm::StringRef part);
  }];
}

def Einsum_RankOp : Einsum_Op<"rank", [Symbol, HasParent<"CascadeOp">]> {
  let summary = "Declares a rank and its extent";
  let description = [{
    The extent is an affine expression of the parameters listed in brackets.

    Constraints:
    - C1: the name is an identifier, and the parameters named are parameters of
      the cascade.
    - C2: the extent, where its parameters are bound, is at least 1.

    Example: `einsum.rank @m1 [M] = M ceildiv 256`
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$params,
                       AffineMapAttr:$extent);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Extent with the cascade's current parameter values; nullopt if unbound.
    std::optional<int64_t> getBoundExtent();
  }];
}

def Einsum_SplitOp : Einsum_Op<"split", [HasParent<"CascadeOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Relates a rank to its parts";
  let description = [{
    `einsum.split @m into [m1, m0]` states that coordinate `m` equals
    `m1 * extent(m0) + m0`. Points whose flattened coordinate is at or beyond the
    extent of `m` are not part of any iteration space (a ragged last tile).
    Analyses report a rank flattened over its parts.

    Constraints:
    - C1: the rank and its parts are declared, the parts are distinct, and there
      are at least two.
    - C2: the extent of the outermost part covers the rank exactly:
      `ceil(extent(m) / product of the inner extents)`.
    - C3: a rank is part of at most one split.

    Example: `einsum.split @m into [m1, m0]`
  }];
  let arguments = (ins FlatSymbolRefAttr:$rank, StrArrayAttr:$parts);
  let hasCustomAssemblyFormat = 1;
}

def Einsum_InputOp : Einsum_Op<"input", [Pure, HasParent<"CascadeOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "An input tensor of the cascade";
  let description = [{
    `weight` says that the values belong to a model and not to what it is applied
    to: its elements are parameters, counted as such. It changes no value.

    Example: `%Q = einsum.input "Q" : !einsum.tensor<[b, h, p, e], f16>`
    Example: `%W = einsum.input "W" weight : !einsum.tensor<[h, e], f16>`
  }];
  let arguments = (ins StrAttr:$tensor, UnitAttr:$weight);
  let results = (outs Einsum_TensorType:$result);
  let assemblyFormat =
      "$tensor (`weight` $weight^)? attr-dict `:` qualified(type($result))";
}

def Einsum_OutputOp : Einsum_Op<"output", [HasParent<"CascadeOp">]> {
  let summary = "Names the tensors that the cascade delivers";
  let description = [{
    Example: `einsum.output %AV : !einsum.tensor<[b, h, p, f], f16>`
  }];
  let arguments = (ins Variadic<Einsum_TensorType>:$tensors);
  let assemblyFormat = "$tensors attr-dict `:` qualified(type($tensors))";
}

// An affine predicate over the iteration ranks and parameters of an op.
def Einsum_FilterAttr : Attr<CPred<"::llvm::isa<::mlir::IntegerSetAttr>($_self)">,
                             "affine predicate"> {
  let storageType = "::mlir::IntegerSetAttr";
  let returnType = "::mlir::IntegerSet";
  let convertFromStorage = "$_self.getValue()";
}

def Einsum_ReductionArrayAttr
    : TypedArrayAttrBase<Einsum_ReductionAttr, "array of reductions">;

//===----------------------------------------------------------------------===//
// Einsums
//===----------------------------------------------------------------------===//

def Einsum_ComputeOp : Einsum_Op<"compute", [Pure, HasParent<"CascadeOp">,
    SingleBlockImplicitTerminator<"YieldOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    DeclareOpInterfaceMethods<Einsum_EinsumInterface>]> {
  let summary = "One extended Einsum";
  let description = [{
    `Z[out(v)] = (+)_{reduced v, filter(v)} f(T1[a1(v)], ..., Tk[ak(v)])` over the
    iteration ranks `v`. Accesses are affine in the iteration ranks and the
    cascade's parameters. Points outside the extent of a split rank, or outside
    an operand's extents along a rank that is not iterative for it, are not part
    of the iteration space.

    A point that reads an absent element is not part of the iteration space
    either. An element of the result is *absent* when a condition over kept ranks
    alone (a constraint of the filter, a split, an access) excludes it: `where
    [m <= p]` on `QK[m, p]` leaves a triangle, and every reader of `QK` sees that
    triangle. A condition that mentions a reduced rank selects points of the
    reduction; an element left without points is the identity of its monoid.

    Reduced ranks nest in declaration order, the first outermost; ranks with the
    same monoid, one after the other, share one accumulator.

    With several results, the map yields one scalar for each and the monoid acts
    on the tuple (running maximum with its index, for example).

    `init` makes the Einsum a recurrence: an access to one of its results before
    the first step along the iterative rank (below 0 when it steps forward, at or
    beyond the extent when it steps backward) reads that value.

    `gather [g0 = 1]` makes the value of operand 1 at this point a coordinate: in
    `%A[g0, n], %I[k]` element `A[I[k], n]` is read. A rank that is addressed so
    is *opaque* to the access: which of its elements a point reads is data. A
    coordinate outside of the rank, or an element that is absent, is an error
    when it is read: it leaves out no point.

    Constraints:
    - C1: iteration ranks are declared, and at most 64; parameters are those of
      the cascade; all their names are distinct.
    - C2: the output access lists distinct iteration ranks, and they are the
      ranks of every result type.
    - C3: an iteration rank is reduced if and only if it is not in the output
      access; each is reduced once.
    - C4: an input access has one affine expression per rank of its operand;
      accesses and filter are over the iteration ranks and parameters.
    - C5: the region has one argument per input, of the operand's (expressed)
      element type, yields one scalar of each result's element type, and holds
      pure ops without regions.
    - C6: a monoid is built in or declared in the cascade, and combines as many
      values as there are results, of their types.
    - C7: there is one initial value per result, of its element type.
    - C8: a gathered operand holds integers, is no result of the same Einsum and
      its own access is affine; its value is used by some access, added to or
      multiplied by numbers and parameters. Each operand is gathered once, in
      increasing order. Output access and filter do not use gathered values.

    Example:
    ```mlir
    einsum.cascade @causal_scores(P = 8, M = 8, E = 4) : f32 {
      einsum.rank @p [P] = P
      einsum.rank @m [M] = M
      einsum.rank @e [E] = E
      %Q = einsum.input "Q" : !einsum.tensor<[p, e], f32>
      %K = einsum.input "K" : !einsum.tensor<[m, e], f32>
      %QK = einsum.compute "QK" over [m, p, e] : [m, p] = (%Q[p, e], %K[m, e])
          reduce [e by add] where [m <= p] {
      ^bb0(%q: f32, %k: f32):
        %0 = arith.mulf %q, %k : f32
        einsum.yield %0 : f32
      } : (!einsum.tensor<[p, e], f32>, !einsum.tensor<[m, e], f32>) -> !einsum.tensor<[m, p], f32>
      einsum.output %QK : !einsum.tensor<[m, p], f32>
    }
    ```
  }];
  let arguments = (ins StrArrayAttr:$tensors, StrArrayAttr:$ranks, StrArrayAttr:$params,
                       AffineMapAttr:$output, AffineMapArrayAttr:$input_maps,
                       Einsum_ReductionArrayAttr:$reductions, OptionalAttr<Einsum_FilterAttr>:$filter,
                       OptionalAttr<ArrayAttr>:$init,
                       OptionalAttr<DenseI64ArrayAttr>:$gathered,
                       Variadic<Einsum_TensorType>:$inputs);
  let results = (outs Variadic<Einsum_TensorType>:$results);
  let regions = (region SizedRegion<1>:$map);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Einsum_YieldOp : Einsum_Op<"yield", [Pure, Terminator,
    ParentOneOf<["ComputeOp", "MonoidOp", "FunctionOp"]>]> {
  let summary = "Yields the scalars of a map, monoid or function body";
  let description = [{
    Example: `einsum.yield %0 : f32`
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let builders = [OpBuilder<(ins), [{ /* no values */ }]>];
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Einsum_IndexOp : Einsum_Op<"index", [Pure, HasParent<"ComputeOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "The coordinate of an iteration rank, as a scalar";
  let description = [{
    Constraints:
    - C1: the rank is an iteration rank of the enclosing Einsum.

    Example: `%m = einsum.index "m" : f32`
  }];
  let arguments = (ins StrAttr:$rank);
  let results = (outs AnyTypeOf<[AnyFloat, AnySignlessInteger, Index]>:$result);
  let assemblyFormat = "$rank attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Einsum_ParamOp : Einsum_Op<"param", [Pure,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "The value of a cascade parameter, as a scalar";
  let description = [{
    Constraints:
    - C1: the cascade has the parameter.

    Example: `%E = einsum.param "E" : f32`
  }];
  let arguments = (ins StrAttr:$param);
  let results = (outs AnyTypeOf<[AnyFloat, AnySignlessInteger, Index]>:$result);
  let assemblyFormat = "$param attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// User-defined operators
//===----------------------------------------------------------------------===//

def Einsum_MonoidOp : Einsum_Op<"monoid", [Symbol, HasParent<"CascadeOp">,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "A user-defined reduction operator";
  let description = [{
    The body combines two n-tuples: its first n arguments are the left one, its
    last n the right one. The user vouches for associativity and commutativity;
    `idempotent` additionally allows overlapping tiles.

    Constraints:
    - C1: the body has 2n arguments and yields n scalars, n being the number of
      identity elements, with matching types; its ops are pure.
    - C2: the name is an identifier that no built-in monoid has.

    Example:
    ```mlir
    einsum.cascade @logsumexp(M = 4) : f32 {
      einsum.monoid @logadd identity [0xFF800000 : f32] {
      ^bb0(%a: f32, %b: f32):
        %0 = math.exp %a : f32
        %1 = math.exp %b : f32
        %2 = arith.addf %0, %1 : f32
        %3 = math.log %2 : f32
        einsum.yield %3 : f32
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ArrayAttr:$identity, UnitAttr:$idempotent);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name (`idempotent` $idempotent^)? `identity` $identity $body attr-dict";
  let hasRegionVerifier = 1;
}

def Einsum_FunctionOp : Einsum_Op<"function", [Symbol, HasParent<"CascadeOp">,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "A user-defined scalar function";
  let description = [{
    Constraints:
    - C1: the body yields one scalar; its ops are pure.

    Example:
    ```mlir
    einsum.cascade @activation(M = 4) : f32 {
      einsum.function @square {
      ^bb0(%x: f32):
        %0 = arith.mulf %x, %x : f32
        einsum.yield %0 : f32
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name $body attr-dict";
  let hasRegionVerifier = 1;
}

def Einsum_ApplyOp : Einsum_Op<"apply", [Pure,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Applies a user-defined scalar function";
  let description = [{
    Constraints:
    - C1: the function is declared in the cascade, and operand and result types
      are those of its body.
    - C2: functions do not call themselves, directly or through others.

    Example: `%y = einsum.apply @square(%x) : (f32) -> f32`
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyType>:$args);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$callee `(` $args `)` attr-dict `:` functional-type($args, $result)";
}

def Einsum_SigmoidOp : Einsum_Op<"sigmoid", [Pure, SameOperandsAndResultType]> {
  let summary = "Logistic function 1 / (1 + exp(-x))";
  let description = [{
    Example: `%y = einsum.sigmoid %x : f32`
  }];
  let arguments = (ins AnyFloat:$x);
  let results = (outs AnyFloat:$result);
  let assemblyFormat = "$x attr-dict `:` type($result)";
}

#endif // EINSUM_OPS_TD
