//===- Timeloop.cpp - Schedules for Timeloop v4 ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Per Einsum: the path from the root of the tree to its leaf is a nest of loops
// cut by storage nodes. A level's loops are those below its first storage node
// and above that of the next; factors are their steps, `permutation` is from
// the innermost out ("little-endian" in Timeloop's documentation of mappings),
// spatial loops stand at the level that they fan out from.
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Foreign/Foreign.h"
#include "lib/Export/Foreign/Workload.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::exporting;
using namespace einsum::schedule;

namespace {

/// The part of a nest that belongs to one level.
struct LevelNest {
  int level = -1;
  std::vector<int> kept; ///< tensors
  struct Loop {
    int rank;
    int64_t steps;
    bool isAlongY;
  };
  std::vector<Loop> temporal, spatial; ///< outermost first
};

class EinsumWriter {
public:
  EinsumWriter(const ScheduleReport &report, LeafOp leaf, Losses &losses)
      : facts(*report.facts), arch(*report.arch), leaf(leaf),
        einsum(facts.einsums[facts.findEinsum(leaf.getEinsum())]),
        array(arch.findArray(leaf.getArray())), losses(losses) {}

  std::string write() {
    listLosses(facts, einsum, losses);
    collectNests();
    writeProblem();
    writeMapping();
    writeArchitecture();
    return std::move(text);
  }

private:
  void line(unsigned indent, const llvm::Twine &what) {
    text += std::string(indent, ' ') + what.str() + "\n";
  }

  //===--------------------------------------------------------------------===//
  // The nest
  //===--------------------------------------------------------------------===//

  bool touches(int tensor) const {
    auto isOf = [&](const AccessFact &a) { return a.tensor == tensor; };
    return llvm::any_of(einsum.reads, isOf) ||
           llvm::any_of(einsum.writes, isOf);
  }

  void collectNests() {
    for (int level : listLevelsTo(arch, array))
      nests.push_back({level, {}, {}, {}});
    std::vector<Operation *> path;
    for (Operation *node = leaf; !isa<MappingOp>(node);
         node = node->getParentOp())
      path.insert(path.begin(), node);
    std::vector<int64_t> tiles;
    for (const RankFact &rank : facts.ranks)
      tiles.push_back(rank.extent);
    size_t current = 0;
    for (Operation *node : path) {
      if (auto storage = dyn_cast<StorageOp>(node))
        enter(storage, current);
      if (auto loop = dyn_cast<TemporalOp>(node))
        addLoop(loop.getRank(), loop.getTile(), tiles, nests[current].temporal);
      if (auto loop = dyn_cast<SpatialOp>(node))
        addLoop(loop.getRank(), loop.getTile(), tiles, nests[current].spatial,
                isAlongY(loop.getDim()));
    }
  }

  void enter(StorageOp storage, size_t &current) {
    auto found = llvm::find_if(nests, [&](const LevelNest &nest) {
      return arch.levels[nest.level].name == storage.getLevel();
    });
    if (found == nests.end() || storage.getPassthrough())
      return;
    size_t place = found - nests.begin();
    for (auto name : storage.getTensors().getAsRange<StringAttr>()) {
      int tensor = facts.findTensor(name.getValue());
      if (!touches(tensor))
        continue;
      if (place < current || (place == current && !found->temporal.empty()))
        losses.add("Einsum '" + einsum.name + "': that '" +
                   facts.tensors[tensor].name + "' is held at level '" +
                   storage.getLevel() +
                   "' below loops that other tensors there are held above");
      if (!llvm::is_contained(found->kept, tensor))
        found->kept.push_back(tensor);
      current = std::max(current, place);
    }
  }

  void addLoop(StringRef name, int64_t tile, std::vector<int64_t> &tiles,
               std::vector<LevelNest::Loop> &loops, bool isAlongY = false) {
    int rank = facts.findRank(name);
    int64_t around = tiles[rank];
    tile = std::min(tile, around);
    tiles[rank] = tile;
    if (!einsum.iterates(rank))
      return; // a guard: it runs in one step
    if (around % tile != 0)
      losses.add("Einsum '" + einsum.name + "': the shorter last tile of '" +
                 name + "'");
    int64_t steps = llvm::divideCeilSigned(around, tile);
    if (steps == 1)
      return;
    // A level has one factor for each rank.
    for (LevelNest::Loop &loop : loops)
      if (loop.rank == rank) {
        losses.add("Einsum '" + einsum.name + "': two loops over '" + name +
                   "' at one level, which become one");
        loop.steps *= steps;
        return;
      }
    loops.push_back({rank, steps, isAlongY});
  }

  /// Of the dimensions that one fan-out has, the first is X.
  bool isAlongY(StringRef name) const {
    int owner = INT_MIN;
    for (const arch::ArrayDim &dim : arch.arrays[array].dims) {
      if (dim.name == name)
        return dim.level == owner;
      owner = dim.level;
    }
    return false;
  }

  //===--------------------------------------------------------------------===//
  // Problem
  //===--------------------------------------------------------------------===//

  void writeProblem() {
    line(0, "problem:");
    line(2, "version: 0.4");
    line(2, "shape:");
    line(4, "name: " + einsum.name);
    std::string dimensions, instance, coefficients, spaces;
    for (int rank : einsum.ranks) {
      std::string name = upperRank(facts.ranks[rank]);
      dimensions += (dimensions.empty() ? "" : ", ") + name;
      instance += (instance.empty() ? "" : ", ") + name + ": " +
                  std::to_string(facts.ranks[rank].extent);
    }
    std::vector<int64_t> used;
    std::vector<int> seen;
    auto describe = [&](const AccessFact &access, bool isOutput) {
      if (llvm::is_contained(seen, access.tensor)) {
        losses.add("Einsum '" + einsum.name + "': that it accesses '" +
                   facts.tensors[access.tensor].name + "' more than once");
        return;
      }
      seen.push_back(access.tensor);
      spaces += "    - name: " + facts.tensors[access.tensor].name +
                "\n      projection: [" + project(access, used) + "]\n" +
                (isOutput ? "      read_write: true\n" : "");
    };
    for (const AccessFact &access : einsum.reads)
      if (access.tensor != einsum.writes.front().tensor)
        describe(access, false);
    describe(einsum.writes.front(), true);
    for (int64_t coefficient : used)
      coefficients += (coefficients.empty() ? "" : ", ") +
                      ("{name: " + nameOf(coefficient)) +
                      ", default: " + std::to_string(coefficient) + "}";
    line(4, "dimensions: [" + dimensions + "]");
    line(4, "coefficients: [" + coefficients + "]");
    line(4, "data_spaces:");
    text += spaces;
    line(2, "instance: {" + instance + "}");
  }

  static std::string nameOf(int64_t coefficient) {
    return (coefficient < 0 ? "minus" : "times") +
           std::to_string(std::abs(coefficient));
  }

  /// A list per coordinate, of products: [[R], [P, times2]].
  std::string project(const AccessFact &access,
                      std::vector<int64_t> &used) const {
    std::string all;
    for (const Coordinate &coordinate : access.coordinates) {
      std::string sum;
      for (const Coordinate::Term &term : coordinate.terms) {
        if (facts.ranks[term.rank].isOpaque)
          continue; // data
        std::string product = "[" + upperRank(facts.ranks[term.rank]);
        if (term.coefficient != 1) {
          product += ", " + nameOf(term.coefficient);
          if (!llvm::is_contained(used, term.coefficient))
            used.push_back(term.coefficient);
        }
        sum += (sum.empty() ? "" : ", ") + product + "]";
      }
      all += (all.empty() ? "" : ", ") + ("[" + sum) + "]";
    }
    return all;
  }

  //===--------------------------------------------------------------------===//
  // Mapping
  //===--------------------------------------------------------------------===//

  std::string listFactors(ArrayRef<LevelNest::Loop> loops) const {
    std::string list;
    for (int rank : einsum.ranks) {
      int64_t steps = 1;
      for (const LevelNest::Loop &loop : loops)
        if (loop.rank == rank)
          steps = loop.steps;
      list += (list.empty() ? "" : ", ") + upperRank(facts.ranks[rank]) + "=" +
              std::to_string(steps);
    }
    return "[" + list + "]";
  }

  /// Innermost first, along X, then along Y; ranks without a loop stand further
  /// in.
  std::string listOrder(ArrayRef<LevelNest::Loop> loops) const {
    std::string list;
    auto add = [&](int rank) {
      list += (list.empty() ? "" : ", ") + upperRank(facts.ranks[rank]);
    };
    for (int rank : einsum.ranks)
      if (llvm::none_of(loops, [&](const LevelNest::Loop &loop) {
            return loop.rank == rank;
          }))
        add(rank);
    for (bool isAlongY : {false, true})
      for (const LevelNest::Loop &loop : llvm::reverse(loops))
        if (loop.isAlongY == isAlongY)
          add(loop.rank);
    return "[" + list + "]";
  }

  /// How many ranks of that order lie along X.
  size_t countAlongX(ArrayRef<LevelNest::Loop> loops) const {
    return einsum.ranks.size() -
           llvm::count_if(loops, [](const LevelNest::Loop &loop) {
             return loop.isAlongY;
           });
  }

  void writeMapping() {
    line(0, "mapping:");
    std::vector<int> tensors;
    for (auto accesses : {&einsum.reads})
      for (const AccessFact &access : *accesses)
        if (!llvm::is_contained(tensors, access.tensor))
          tensors.push_back(access.tensor);
    if (!llvm::is_contained(tensors, einsum.writes.front().tensor))
      tensors.push_back(einsum.writes.front().tensor);
    for (const LevelNest &nest : nests) {
      std::string target = arch.levels[nest.level].name, keep, bypass;
      for (int tensor : tensors) {
        std::string &list =
            llvm::is_contained(nest.kept, tensor) ? keep : bypass;
        list += (list.empty() ? "" : ", ") + facts.tensors[tensor].name;
      }
      line(0, "- target: " + target);
      line(2, "type: datatype");
      line(2, "keep: [" + keep + "]");
      line(2, "bypass: [" + bypass + "]");
      line(0, "- target: " + target);
      line(2, "type: temporal");
      line(2, "factors: " + listFactors(nest.temporal));
      line(2, "permutation: " + listOrder(nest.temporal));
      if (nest.spatial.empty())
        continue;
      line(0, "- target: " + target);
      line(2, "type: spatial");
      line(2, "factors: " + listFactors(nest.spatial));
      line(2, "permutation: " + listOrder(nest.spatial));
      line(2, "split: " + llvm::Twine(countAlongX(nest.spatial)));
    }
  }

  //===--------------------------------------------------------------------===//
  // Architecture
  //===--------------------------------------------------------------------===//

  void writeArchitecture() {
    const arch::Array &own = arch.arrays[array];
    uint64_t bits = facts.tensors[einsum.writes.front().tensor].bits;
    line(0, "architecture:");
    line(2, "version: 0.4");
    line(2, "nodes:");
    size_t dims = 0;
    bool isSpread = false;
    for (const LevelNest &nest : nests) {
      const arch::Level &level = arch.levels[nest.level];
      writeFanOut(level.dims, dims, level.name);
      if (level.perArray == array && !isSpread) {
        writeFanOut(own.dims, dims, own.name);
        isSpread = true;
      }
      writeStorage(level, bits);
    }
    if (!isSpread)
      writeFanOut(own.dims, dims, own.name);
    bool isFloat = einsum.datatype.find('f') != std::string::npos;
    line(2, "- !Component");
    line(4, "name: " + own.name);
    line(4, "class: " + llvm::Twine(isFloat ? "fpmac" : "intmac"));
    line(4, "attributes: {datawidth: " + llvm::Twine(bits) + "}");
    line(0, "variables:");
    line(2, "version: 0.4");
    line(2, "global_cycle_seconds: " + exactNumber(1 / arch.clockHz));
    line(2, "technology: \"" +
                (arch.technology
                     ? std::to_string(static_cast<int>(arch.technology->nodeNm))
                     : std::string("-1")) +
                "\"");
    losses.add("energies of levels and operators; Timeloop asks Accelergy");
  }

  /// Two dimensions at most: X and Y.
  void writeFanOut(ArrayRef<arch::ArrayDim> all, size_t &done,
                   const std::string &of) {
    if (all.size() <= done)
      return;
    uint64_t x = 1, y = 1;
    for (auto [i, dim] : llvm::enumerate(all.drop_front(done)))
      (i == 0 ? x : y) *= dim.size;
    if (all.size() - done > 2)
      losses.add("the " + std::to_string(all.size() - done) +
                 " dimensions of '" + of + "'; all but the first are one");
    done = all.size();
    line(2, "- !Container");
    line(4, "name: " + of + "_fanout");
    line(4, "spatial: {meshX: " + llvm::Twine(x) +
                ", meshY: " + llvm::Twine(y) + "}");
  }

  void writeStorage(const arch::Level &level, uint64_t bits) {
    uint64_t width = level.accessBytes * 8;
    std::string attributes = "width: " + std::to_string(width) +
                             ", datawidth: " + std::to_string(bits);
    if (level.capacityBytes)
      attributes +=
          ", depth: " + std::to_string(std::max<uint64_t>(
                            1, *level.capacityBytes / level.accessBytes));
    auto words = [&](double bytesPerS) {
      return exactNumber(bytesPerS * 8 / static_cast<double>(bits) /
                         arch.clockHz);
    };
    for (auto [name, bandwidth] :
         {std::pair("read_bandwidth", level.readBytesPerS),
          {"write_bandwidth", level.writeBytesPerS},
          {"shared_bandwidth", level.sharedBytesPerS}})
      if (bandwidth)
        attributes += ", " + std::string(name) + ": " + words(*bandwidth);
    if (level.banks > 1)
      attributes += ", n_banks: " + std::to_string(level.banks);
    line(2, "- !Component");
    line(4, "name: " + level.name);
    line(4, "class: " +
                llvm::Twine(level.parent < 0 ? "DRAM" : "smartbuffer_SRAM"));
    line(4, "attributes: {" + attributes + "}");
  }

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  LeafOp leaf;
  const EinsumFact &einsum;
  int array;
  Losses &losses;
  std::vector<LevelNest> nests;
  std::string text;
};

} // namespace

ForeignText einsum::exporting::exportTimeloop(const ScheduleReport &report) {
  Losses losses;
  std::string documents;
  int id = 0;
  size_t leaves = 0;
  for (Operation *node : listNodes(report.mapping)) {
    listLosses(node, id++, losses);
    auto leaf = dyn_cast<LeafOp>(node);
    if (!leaf)
      continue;
    ++leaves;
    documents += "---\n# Einsum " + leaf.getEinsum().str() + "\n" +
                 EinsumWriter(report, leaf, losses).write();
  }
  if (leaves > 1)
    losses.add("fusion: each Einsum stands alone, and what passes from one to "
               "the next on chip is read and written in both");
  listLosses(*report.arch, losses);
  ForeignText result;
  result.yaml = losses.comments() + documents;
  result.lost = losses.take();
  return result;
}
