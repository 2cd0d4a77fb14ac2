//===- AccelForge.cpp - Schedules for AccelForge --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Its mapping is a loop tree as ours is, so that nodes translate one by one.
// Sizes are in bits, energies in joules per bit, throughputs in bits per
// second.
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Foreign/Foreign.h"
#include "lib/Export/Foreign/Workload.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::exporting;
using namespace einsum::schedule;

namespace {

class ForgeWriter {
public:
  explicit ForgeWriter(const ScheduleReport &report)
      : report(report), facts(*report.facts), arch(*report.arch) {}

  ForeignText write() {
    writeWorkload();
    writeArch();
    writeMapping();
    ForeignText result;
    result.yaml = losses.comments() + text;
    result.lost = losses.take();
    return result;
  }

private:
  void line(unsigned indent, const llvm::Twine &what) {
    text += std::string(indent, ' ') + what.str() + "\n";
  }

  //===--------------------------------------------------------------------===//
  // Workload
  //===--------------------------------------------------------------------===//

  void writeWorkload() {
    line(0, "workload:");
    line(2, "iteration_space_shape:");
    for (const RankFact &rank : facts.ranks)
      if (!rank.isOpaque)
        line(4, rank.name + ": 0 <= " + rank.name + " < " +
                    std::to_string(rank.extent));
    std::string bits;
    for (const TensorFact &tensor : facts.tensors)
      bits += (bits.empty() ? "" : ", ") + tensor.name + ": " +
              std::to_string(tensor.bits);
    line(2, "bits_per_value: {" + bits + "}");
    line(2, "einsums:");
    for (const EinsumFact &einsum : facts.einsums) {
      listLosses(facts, einsum, losses);
      line(2, "- name: " + einsum.name);
      line(4, "tensor_accesses:");
      // An Einsum names a tensor once.
      std::vector<int> seen;
      for (const AccessFact &access : einsum.reads) {
        if (llvm::is_contained(seen, access.tensor) ||
            access.tensor == einsum.writes.front().tensor) {
          losses.add("Einsum '" + einsum.name + "': that it accesses '" +
                     facts.tensors[access.tensor].name + "' more than once");
          continue;
        }
        seen.push_back(access.tensor);
        line(4, describe(access) + "}");
      }
      line(4, describe(einsum.writes.front()) + ", output: True}");
    }
  }

  std::string describe(const AccessFact &access) const {
    const TensorFact &tensor = facts.tensors[access.tensor];
    bool isPlain = true;
    std::string list, map;
    for (auto [rank, coordinate] :
         llvm::zip(tensor.ranks, access.coordinates)) {
      std::string expression = describe(coordinate);
      isPlain &= expression == facts.ranks[rank].name;
      list += (list.empty() ? "" : ", ") + expression;
      map += (map.empty() ? "" : ", ") + upperRank(facts.ranks[rank]) + ": " +
             expression;
    }
    return "- {name: " + tensor.name +
           ", projection: " + (isPlain ? "[" + list + "]" : "{" + map + "}");
  }

  std::string describe(const Coordinate &coordinate) const {
    std::string sum;
    for (const Coordinate::Term &term : coordinate.terms) {
      if (facts.ranks[term.rank].isOpaque)
        continue; // data
      std::string one = facts.ranks[term.rank].name;
      if (term.coefficient != 1)
        one = std::to_string(term.coefficient) + "*" + one;
      sum += (sum.empty() ? "" : " + ") + one;
    }
    if (coordinate.constant != 0 || sum.empty())
      sum += (sum.empty() ? "" : " + ") + std::to_string(coordinate.constant);
    return sum;
  }

  //===--------------------------------------------------------------------===//
  // Architecture
  //===--------------------------------------------------------------------===//

  void writeArch() {
    listLosses(arch, losses);
    line(0, "arch:");
    line(2, "nodes:");
    // Arrays but the last leave the line of memories at their level.
    std::vector<bool> isWritten(arch.levels.size(), false);
    for (auto [id, array] : llvm::enumerate(arch.arrays)) {
      std::vector<int> path = listLevelsTo(arch, static_cast<int>(id));
      bool isLast = id + 1 == arch.arrays.size();
      for (int level : path)
        if (!isWritten[level]) {
          isWritten[level] = true;
          writeMemory(arch.levels[level]);
        }
      writeCompute(array);
      if (!isLast)
        losses.add("which memories are private to array '" + array.name +
                   "'; nodes of its path stand above those of later arrays");
    }
  }

  void writeMemory(const arch::Level &level) {
    line(2, "- !Memory");
    line(4, "name: " + level.name);
    line(4, "size: " + (level.capacityBytes
                            ? std::to_string(*level.capacityBytes * 8)
                            : std::string("inf")));
    line(4, "leak_power: " + exactNumber(level.leakageW));
    line(4, "area: " + exactNumber(level.areaUm2 * 1e-12));
    double bits = static_cast<double>(level.accessBytes) * 8;
    line(4, "actions:");
    for (auto [name, pj, own] :
         {std::tuple("read", level.readPj, level.readBytesPerS),
          {"write", level.writePj, level.writeBytesPerS}}) {
      std::optional<double> bandwidth = own ? own : level.sharedBytesPerS;
      line(4, "- {name: " + llvm::Twine(name) + ", energy: " +
                  exactNumber(pj * 1e-12 / bits) + ", throughput: " +
                  (bandwidth ? exactNumber(*bandwidth * 8) : "inf") + "}");
    }
    if (level.sharedBytesPerS)
      losses.add("that reads and writes of level '" + level.name +
                 "' share one bandwidth");
    if (level.readPorts + level.writePorts + level.sharedPorts > 0)
      losses.add("the ports of level '" + level.name + "'");
    writeDims(level.dims,
              level.parent < 0 ? 0 : arch.levels[level.parent].dims.size());
  }

  void writeDims(ArrayRef<arch::ArrayDim> dims, size_t inherited) {
    if (dims.size() <= inherited)
      return;
    std::string list;
    for (const arch::ArrayDim &dim : dims.drop_front(inherited))
      list += (list.empty() ? "" : ", ") + ("{name: " + dim.name) +
              ", fanout: " + std::to_string(dim.size) + "}";
    line(4, "spatial: [" + list + "]");
  }

  void writeCompute(const arch::Array &array) {
    line(2, "- !Compute");
    line(4, "name: " + array.name);
    double worst = 0;
    uint64_t cycles = 1;
    for (const auto &[name, op] : array.ops)
      if (name == "mac" || array.ops.size() == 1) {
        worst = op.energyPj;
        cycles = std::max<uint64_t>(op.cycles, 1);
      } else {
        worst = array.findOp("mac") ? worst : std::max(worst, op.energyPj);
      }
    if (array.ops.size() > 1)
      losses.add("costs of single operators of array '" + array.name +
                 "'; a compute costs what " +
                 (array.findOp("mac") ? "its mac does" : "its dearest does"));
    line(4, "actions: [{name: compute, energy: " + exactNumber(worst * 1e-12) +
                ", throughput: " +
                exactNumber(arch.clockHz / static_cast<double>(cycles)) + "}]");
    line(4, "leak_power: " + exactNumber(array.leakageW /
                                         static_cast<double>(array.peCount())));
    line(4, "area: " + exactNumber(array.areaUm2PerPe * 1e-12));
    writeDims(array.dims,
              array.level < 0 ? 0 : arch.levels[array.level].dims.size());
  }

  //===--------------------------------------------------------------------===//
  // Mapping
  //===--------------------------------------------------------------------===//

  void writeMapping() {
    line(0, "mapping:");
    line(2, "nodes:");
    for (Operation *root : getChildren(report.mapping))
      writeNode(root, 2);
  }

  void writeNode(Operation *node, unsigned indent) {
    listLosses(node, next++, losses);
    if (auto storage = dyn_cast<StorageOp>(node)) {
      line(indent, "- !Storage");
      line(indent + 2, "tensors: " + listNames(storage.getTensors()));
      line(indent + 2, "component: " + storage.getLevel());
    } else if (auto loop = dyn_cast<TemporalOp>(node)) {
      line(indent, "- !Temporal");
      line(indent + 2, "rank_variable: " + loop.getRank());
      line(indent + 2, "tile_shape: " + llvm::Twine(loop.getTile()));
    } else if (auto loop = dyn_cast<SpatialOp>(node)) {
      line(indent, "- !Spatial");
      line(indent + 2, "rank_variable: " + loop.getRank());
      line(indent + 2, "tile_shape: " + llvm::Twine(loop.getTile()));
      line(indent + 2, "name: " + loop.getDim());
      line(indent + 2, "component: " + findOwner(loop));
    } else if (auto leaf = dyn_cast<LeafOp>(node)) {
      line(indent, "- !Compute");
      line(indent + 2, "einsum: " + leaf.getEinsum());
      line(indent + 2, "component: " + leaf.getArray());
    } else if (isa<SequenceOp, PipelineOp>(node)) {
      line(indent, "- !Sequential");
      line(indent + 2, "nodes:");
      for (Operation *child : getChildren(node)) {
        if (isa<TransferOp>(child)) {
          listLosses(child, next++, losses);
          continue;
        }
        line(indent + 2, "- !Nested");
        line(indent + 4, "nodes:");
        writeNode(child, indent + 4);
      }
      return;
    }
    // What is below follows in the same list.
    for (Operation *child : getChildren(node))
      writeNode(child, indent);
  }

  static std::string listNames(ArrayAttr names) {
    std::string list;
    for (auto name : names.getAsRange<StringAttr>())
      list += (list.empty() ? "" : ", ") + name.getValue().str();
    return "[" + list + "]";
  }

  /// The node of the architecture whose fan-out a spatial loop uses.
  std::string findOwner(SpatialOp loop) {
    std::string owner;
    loop.walk([&](LeafOp leaf) {
      const arch::Array &array = arch.arrays[arch.findArray(leaf.getArray())];
      owner = array.name;
      for (const arch::ArrayDim &dim : array.dims)
        if (dim.name == loop.getDim() && dim.level >= 0)
          owner = arch.levels[dim.level].name;
    });
    return owner;
  }

  const ScheduleReport &report;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  Losses losses;
  std::string text;
  int next = 0; ///< number of the node in the tree
};

} // namespace

ForeignText einsum::exporting::exportAccelForge(const ScheduleReport &report) {
  return ForgeWriter(report).write();
}
