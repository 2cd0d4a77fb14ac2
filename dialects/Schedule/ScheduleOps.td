//===- ScheduleOps.td - Operations of the schedule dialect -----*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SCHEDULE_OPS_TD
#define SCHEDULE_OPS_TD

include "dialects/Schedule/ScheduleDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"

def Schedule_MappingOp : Schedule_Op<"mapping", [
    NoTerminator, SingleBlock, NoRegionArguments, Symbol,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A mapping of one cascade";
  let description = [{
    The root of a loop tree. `arch` names the architecture that the level and
    array names come from.

    Constraints:
    - C1: the cascade exists, and the body is one node.
    - C2: every Einsum of the cascade has exactly one compute leaf.
    - C3: loops are over ranks of the cascade, the loops above a leaf divide the
      extent of each rank of its Einsum down to one point. A tile need not divide
      the tile around it. Below a node whose `halo` sets the interval of a rank,
      loops below that node do.
    - C4: a leaf reads an element only after it is complete. In the first shared
      loop that separates reader and producer, the producer's step comes first; if
      no loop separates them, the producer comes earlier (in a sequence, or in a
      slot of a pipeline). So no loop over a rank that the producer reduces
      encloses both while the reader iterates over that rank: the rank pass has
      not ended there. A lag does not help where a storage node of the tensor is
      entered anew in each step of the loop. Units of a spatial loop run at once, so there none may read
      what another computes.
    - C5: every tensor has a storage node above each leaf that touches it, and the
      leaves of a tensor share its outermost one. That node is entered anew in
      each step of the loops above, and so holds no value or partial sum from one
      step to the next.

    Example:
    ```mlir
    einsum.cascade @row_sum(M = 4, N = 8) : f32 {
      einsum.rank @m [M] = M
      einsum.rank @n [N] = N
      %A = einsum.input "A" : !einsum.tensor<[m, n], f32>
      %S = einsum.compute "S" over [m, n] : [m] = (%A[m, n]) reduce [n by add] {
      ^bb0(%a: f32):
        einsum.yield %a : f32
      } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[m], f32>
      einsum.output %S : !einsum.tensor<[m], f32>
    }
    schedule.mapping @by_rows of @row_sum on "toy" {
      schedule.storage "DRAM" ["A", "S"] {
        schedule.temporal "m" tile 1 {
          schedule.spatial "n" tile 1 across "pe" {
            schedule.compute "S" on "array"
          }
        }
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$cascade, StrAttr:$arch);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `of` $cascade `on` $arch attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

class Schedule_Node<string mnemonic, list<Trait> traits = []>
    : Schedule_Op<mnemonic, !listconcat([NoTerminator, SingleBlock, NoRegionArguments,
        ParentOneOf<["MappingOp", "TemporalOp", "SpatialOp", "StorageOp", "SequenceOp",
                     "PipelineOp"]>], traits)> {
  let regions = (region SizedRegion<1>:$body);
  let hasRegionVerifier = 1;
}

def Schedule_TemporalOp : Schedule_Node<"temporal"> {
  let summary = "A loop over time";
  let description = [{
    Visits the tile of `rank` that reaches this node in steps of `tile`, one step
    after another, the last shorter if `tile` does not divide: from the first to
    the last, or backwards if an Einsum below is a recurrence that reads a later
    coordinate (`X[i + 1]`). A leaf whose Einsum does not have the rank runs once:
    in the first step, or in the last if what it reads is produced under this loop.

    Constraints:
    - C1: `tile` is at least 1.
    - C2: it has one child.

    Example: `schedule.temporal "p" tile 256 { ... }`
  }];
  let arguments = (ins StrAttr:$rank, I64Attr:$tile);
  let assemblyFormat = "$rank `tile` $tile attr-dict-with-keyword $body";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$rank, "int64_t":$tile)>];
}

def Schedule_SpatialOp : Schedule_Node<"spatial"> {
  let summary = "A loop over space";
  let description = [{
    Deals the steps of `rank` to the units along one dimension of the array that
    runs the leaf below. Data that several units need is multicast; outputs that
    several units produce are reduced on the way. Loops below run in lock step on
    all units; units whose (shorter, last) tile has no such step wait.

    Constraints:
    - C1: `tile` is at least 1.
    - C2: below it are only loops, storage nodes and one leaf.
    - C3: spatial loops above one leaf may use the same dimension: then the
      steps of the outermost count most, as the digits of a number do, and `h` in
      2 steps above `p` in 3 puts step (1, 2) on unit 1 * 3 + 2. That the
      dimension exists on the array, and has at least as many units as the
      products of steps, is checked once a specification is attached.

    Example: `schedule.spatial "m0" tile 1 across "row" { ... }`
  }];
  let arguments = (ins StrAttr:$rank, I64Attr:$tile, StrAttr:$dim);
  let assemblyFormat = "$rank `tile` $tile `across` $dim attr-dict-with-keyword $body";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$rank, "int64_t":$tile,
                                 "::llvm::StringRef":$dim)>];
}

def Schedule_StorageOp : Schedule_Node<"storage"> {
  let summary = "Tiles held at a level from here down";
  let description = [{
    Each tensor's tile, what the loops below touch, occupies the level while
    control is below this node. It is fetched from the storage node above when
    control enters, unless it is produced below, and written back when control
    leaves, if it is produced below and needed outside. Along an iterative rank
    that is looped over below, only the carried steps occupy space.

    - `buffers n`: n copies, so that the next tile arrives while this one is used.
    - `resident n`: only the first n elements of each tile are held; accesses to
      the rest go to the storage node above.
    - `shared`: the tensors overwrite one another in place; space for the largest.
    - `passthrough`: space is held, but data is forwarded as it arrives: accesses
      are not charged to this level.
    - `stream "f" depth n`: producer and consumers walk `f` in the same order, so
      that only n steps of it are live.
    - `halo "refetched"` (the default), `"retained"` or `"recomputed"`: what
      happens to elements that this visit and the previous one have in common.
      An operand from above is fetched anew or kept. For a tensor produced below,
      `recomputed` and `retained` make production follow demand: the producer
      computes, in every visit, the elements that the other leaves below read,
      or those of them that the previous visit did not leave here.

    README.md in this folder says exactly what is moved when.

    Constraints:
    - C1: tensors are distinct and belong to the cascade.
    - C2: `buffers`, `resident` and `depth` are at least 1.
    - C3: a tensor with `resident` or `passthrough` has a storage node above, for
      what is not held here.
    - C4: `stream` names a rank of each tensor, and where the leaves that touch it
      part, each goes on with a loop over that rank, all by the same tile.
    - C5: `halo` is one of the three; `recomputed` needs a tensor produced below,
      and what is produced below is read by another leaf below.
      No loop over a rank that such a producer reduces encloses the node.
    - C6: a node with `resident` has the default `halo`.
    - C7: of a tensor that a leaf below reads at coordinates that are data, a
      node holds whole tiles: neither `resident` nor `stream`.

    Example: `schedule.storage "buffer" ["K", "V"] buffers 2 { ... }`
  }];
  let arguments = (ins StrAttr:$level, StrArrayAttr:$tensors,
                       OptionalAttr<I64Attr>:$buffers, OptionalAttr<I64Attr>:$resident,
                       UnitAttr:$shared, UnitAttr:$passthrough,
                       OptionalAttr<StrAttr>:$stream, OptionalAttr<I64Attr>:$depth,
                       OptionalAttr<StrAttr>:$halo);
  let assemblyFormat = [{
    $level $tensors (`buffers` $buffers^)? (`resident` $resident^)?
    (`shared` $shared^)? (`passthrough` $passthrough^)?
    (`stream` $stream^ `depth` $depth)? (`halo` $halo^)? attr-dict-with-keyword $body
  }];
  let builders = [OpBuilder<(ins "::llvm::StringRef":$level,
                                 "::llvm::ArrayRef<::llvm::StringRef>":$tensors)>];
}

def Schedule_SequenceOp : Schedule_Node<"sequence"> {
  let summary = "Children run one after another";
  let description = [{
    Times add. Each child overlaps its own transfers. A child that is a pipeline,
    directly or below storage alone, takes its lags in iterations of the loops
    around the sequence: its lagging children work for an earlier iteration than
    their neighbours here.

    Constraints:
    - C1: there is at least one child.

    Example: `schedule.sequence { ... }`
  }];
  let assemblyFormat = "attr-dict-with-keyword $body";
  let builders = [OpBuilder<(ins)>];
}

def Schedule_PipelineOp : Schedule_Node<"pipeline"> {
  let summary = "Children overlap as a software pipeline";
  let description = [{
    One *slot* runs every child once: children bound to the same array one after
    another, different arrays side by side; the slot takes as long as its busiest
    array. The child with lag `l` works on the iteration that began `l` slots
    before, so that dependent children on different arrays overlap. Filling and
    draining take as many additional, partly empty slots as the largest lag, once
    for the loops directly around the pipeline.

    Constraints:
    - C1: one lag per child, none negative; without `lags`, child i has lag i.
    - C2: all leaves below a child run on one array or one DMA engine.

    Children in the same slot run in the order written if they share an array.
    If they do not, the later one may read what the earlier computes only as a
    `stream`.

    Example: `schedule.pipeline lags [0, 1] { ... }`
  }];
  let arguments = (ins OptionalAttr<DenseI64ArrayAttr>:$lags);
  let assemblyFormat = "(`lags` $lags^)? attr-dict-with-keyword $body";
  let builders = [OpBuilder<(ins CArg<"::llvm::ArrayRef<int64_t>", "{}">:$lags)>];
  let extraClassDeclaration = [{
    /// Lag of the i-th child.
    int64_t getLag(unsigned i);
  }];
}

def Schedule_LeafOp : Schedule_Op<"compute", [
    ParentOneOf<["MappingOp", "TemporalOp", "SpatialOp", "StorageOp", "SequenceOp",
                 "PipelineOp"]>]> {
  let summary = "One point of an Einsum on an array";
  let description = [{
    The operators of the Einsum's map and reduction run on one unit of `array`,
    one after another; with `chained`, each on a functional unit of its own so
    that points follow one another at the pace of the slowest.

    Example: `schedule.compute "QK" on "array2d"`
  }];
  let arguments = (ins StrAttr:$einsum, StrAttr:$array, UnitAttr:$chained);
  let assemblyFormat = "$einsum `on` $array (`chained` $chained^)? attr-dict";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$einsum, "::llvm::StringRef":$array,
                                 CArg<"bool", "false">:$chained)>];
}

def Schedule_TransferOp : Schedule_Op<"transfer", [
    ParentOneOf<["SequenceOp", "PipelineOp"]>]> {
  let summary = "The moment at which a DMA engine moves tiles";
  let description = [{
    The tiles of `tensors`, at the nearest storage node above that holds each, are
    moved here by `engine`, and take its time: as a stage of a pipeline beside the
    arrays, or as a step of a sequence. A transfer that comes before the leaves
    that touch the tensor makes its fills, one that comes after them its drains.
    What is moved does not change. Without such a node a tile is moved while the
    work below it runs.

    Constraints:
    - C1: tensors are distinct, belong to the cascade, and have a storage node
      above with another one above that.
    - C2: some leaf below that node touches the tensor, and the transfer comes
      before all such leaves, or after all. In a pipeline a smaller lag comes
      before; in one slot arrays and engines work at the same time, so that an
      equal lag is neither, unless the node holds the tensor as a `stream`: then the
      order written counts.
    - C3: no other transfer makes the same moves, and a leaf stands below the
      sequence or pipeline, whose visits the transfer accompanies.
    - C4: what it fetches is there by then: a fetch is a read in the transfer's
      slot, not in the slot of the leaf that it is for.

    Example: `schedule.transfer ["K", "V"] on "dma"`
  }];
  let arguments = (ins StrArrayAttr:$tensors, StrAttr:$engine);
  let assemblyFormat = "$tensors `on` $engine attr-dict";
  let builders = [OpBuilder<(ins "::llvm::ArrayRef<::llvm::StringRef>":$tensors,
                                 "::llvm::StringRef":$engine)>];
}

#endif // SCHEDULE_OPS_TD
