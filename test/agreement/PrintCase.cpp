//===- PrintCase.cpp - A case as text -------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/agreement/Case.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <set>

using namespace einsum::agreement;

void Case::deriveExtents() {
  for (CaseRank &rank : ranks) {
    if (rank.p >= 0)
      rank.extent = rank.stride * (ranks[rank.p].extent - 1) +
                    rank.dilation * (ranks[rank.r].extent - 1) + 1;
    if (rank.outer >= 0) {
      ranks[rank.outer].extent = (rank.extent + rank.tile - 1) / rank.tile;
      ranks[rank.inner].extent = rank.tile;
    }
  }
}

static std::string listRanks(const Case &c, const std::vector<int> &ranks) {
  std::vector<std::string> names;
  for (int rank : ranks)
    names.push_back(c.ranks[rank].name);
  return llvm::join(names, ",");
}

static std::string printRead(const CaseRead &read) {
  return read.tensor + "[" + llvm::join(read.index, ",") + "]";
}

static std::string printMap(const Case &c, const CaseEinsum &einsum) {
  std::vector<std::string> reads;
  for (const CaseRead &read : einsum.reads)
    if (!read.isIndex)
      reads.push_back(printRead(read));
  switch (einsum.kind) {
  case MapKind::copy:
    return reads[0];
  case MapKind::product:
    return llvm::join(reads, " * ");
  case MapKind::sum:
  case MapKind::runningSum:
    return llvm::join(reads, " + ");
  case MapKind::exponential:
    return "exp(" + llvm::join(reads, " - ") + ")";
  case MapKind::runningMax:
    return "max(" + llvm::join(reads, ", ") + ")";
  }
  return "";
}

static bool anyNodeBelow(const Tree &tree,
                         const std::function<bool(const Tree &)> &holds) {
  return holds(tree) || std::any_of(tree.children.begin(), tree.children.end(),
                                    [&](const Tree &child) {
                                      return anyNodeBelow(child, holds);
                                    });
}

bool Case::anyNode(const std::function<bool(const Tree &)> &holds) const {
  return anyNodeBelow(tree, holds);
}

namespace {

/// What only shows on the way from the root down.
struct Above {
  bool units = false, sums = false; ///< spatial loops; over a reduced rank
  std::vector<int> walked;          ///< ranks of temporal loops
};

class FeatureFinder {
public:
  explicit FeatureFinder(const Case &c) : c(c) { visit(c.tree, {}); }

  bool unitsAboveStorage = false, sumsAboveStorage = false,
       residentBelowUnits = false, unitsWalkOn = false, spills = false,
       madeRetained = false, madeRecomputed = false, ragged = false,
       cutsBlocks = false;

private:
  const CaseEinsum *findEinsum(const std::string &name) const {
    for (const CaseEinsum &einsum : c.einsums)
      if (einsum.name == name)
        return &einsum;
    return nullptr;
  }

  bool isMadeBelow(const Tree &node, const std::string &tensor) const {
    return anyNodeBelow(
        node, [&](const Tree &inner) { return inner.einsum == tensor; });
  }

  bool reducesBelow(const Tree &node, int rank) const {
    return anyNodeBelow(node, [&](const Tree &inner) {
      const CaseEinsum *einsum = findEinsum(inner.einsum);
      return einsum && std::count(einsum->reduced.begin(),
                                  einsum->reduced.end(), rank) > 0;
    });
  }

  /// The size of blocks along a rank, as "group(2) a" says; 1 if there are
  /// none.
  int64_t blockAlong(const std::string &storage, int rank) const {
    size_t at = storage.find(") " + c.ranks[rank].name);
    size_t from = at == std::string::npos ? at : storage.rfind('(', at);
    return from == std::string::npos
               ? 1
               : std::max(1, atoi(storage.c_str() + from + 1));
  }

  void visitLoop(const Tree &node, Above &above) {
    const CaseRank &rank = c.ranks[node.rank];
    ragged |= rank.extent % node.tile != 0;
    for (const CaseInput &input : c.inputs)
      cutsBlocks |= node.tile % blockAlong(input.storage, node.rank) != 0;
    for (const CaseEinsum &einsum : c.einsums)
      cutsBlocks |= node.tile % blockAlong(einsum.storage, node.rank) != 0;
    if (node.kind == TreeKind::spatial) {
      above.units = true;
      above.sums |= reducesBelow(node, node.rank);
      unitsWalkOn |= node.tile > 1;
    } else {
      above.walked.push_back(node.rank);
    }
  }

  void visit(const Tree &node, Above above) {
    if (node.kind == TreeKind::temporal || node.kind == TreeKind::spatial)
      visitLoop(node, above);
    if (node.kind == TreeKind::storage) {
      unitsAboveStorage |= above.units;
      residentBelowUnits |= above.units && node.resident.has_value();
      for (const std::string &tensor : node.tensors) {
        const CaseEinsum *made = findEinsum(tensor);
        if (!made || !isMadeBelow(node, tensor))
          continue;
        sumsAboveStorage |= above.sums;
        madeRetained |= node.halo == "retained";
        madeRecomputed |= node.halo == "recomputed";
        for (size_t i = 0; made->isRecurrence() && i < made->out.size(); ++i)
          spills |= made->reads[0].index[i].size() > 2 &&
                    std::count(above.walked.begin(), above.walked.end(),
                               made->out[i]) > 0;
      }
    }
    for (const Tree &child : node.children)
      visit(child, above);
  }

  const Case &c;
};

} // namespace

std::vector<std::string> einsum::agreement::listFeatures(const Case &c) {
  std::vector<std::string> features;
  auto add = [&](bool has, const char *name) {
    if (has)
      features.push_back(name);
  };
  auto any = [&](auto holds) { return c.anyNode(holds); };
  bool pipelined =
      any([](const Tree &t) { return t.kind == TreeKind::pipeline; });
  bool startsUp =
      std::any_of(c.arrays.begin(), c.arrays.end(), [](const CaseArray &a) {
        return a.fill + a.drain + a.beyond > 0;
      });
  add(pipelined, "pipeline");
  add(pipelined && c.buffered, "pipeline, buffered");
  add(pipelined && startsUp && !c.sequential, "pipeline that starts up");
  add(c.buffered, "buffered");
  add(c.sequential, "sequential");
  add(startsUp, "start-up");
  auto anyLevel = [&](auto holds) {
    return std::any_of(c.levels.begin(), c.levels.end(), holds);
  };
  auto anyArray = [&](auto holds) {
    return std::any_of(c.arrays.begin(), c.arrays.end(), holds);
  };
  auto isLimited = [](const CaseDim &dim) {
    return dim.multicast + dim.reduction > 0;
  };
  auto limits = [&](const auto &dims) {
    return std::any_of(dims.begin(), dims.end(), isLimited);
  };
  add(anyLevel([](const CaseLevel &l) { return !l.link.topology.empty(); }) ||
          anyArray([](const CaseArray &a) { return !a.link.topology.empty(); }),
      "links");
  add(anyLevel([](const CaseLevel &l) { return l.chunk > 1; }), "chunks");
  add(anyLevel([](const CaseLevel &l) { return l.latency > 0; }), "latency");
  add(anyLevel([](const CaseLevel &l) { return !l.instances.empty(); }),
      "instances");
  add(anyLevel([&](const CaseLevel &l) { return limits(l.instances); }) ||
          anyArray([&](const CaseArray &a) { return limits(a.dims); }),
      "widths of dimensions");
  add(any([](const Tree &t) {
        std::set<std::string> seen;
        const Tree *at = &t;
        for (; at->children.size() == 1; at = &at->children.front())
          if (at->kind == TreeKind::spatial && !seen.insert(at->dim).second)
            return true;
        return false;
      }),
      "several loops along one dimension");
  auto isStored = [](const auto &tensor) { return !tensor.storage.empty(); };
  add(std::any_of(c.inputs.begin(), c.inputs.end(), isStored) ||
          std::any_of(c.einsums.begin(), c.einsums.end(), isStored),
      "number formats");
  add(any([](const Tree &t) { return t.kind == TreeKind::transfer; }),
      "transfer");
  add(any([](const Tree &t) { return t.resident.has_value(); }), "resident");
  add(any([](const Tree &t) { return t.shared; }), "shared");
  add(any([](const Tree &t) { return t.streamRank >= 0; }), "stream");
  add(any([](const Tree &t) { return t.passthrough; }), "passthrough");
  add(any([](const Tree &t) { return t.buffers > 1; }), "buffers");
  add(any([](const Tree &t) { return t.halo == "retained"; }), "retained");
  add(any([](const Tree &t) { return t.halo == "recomputed"; }), "recomputed");
  FeatureFinder found(c);
  add(found.madeRetained, "retained, of what is made there");
  add(found.madeRecomputed, "recomputed, of what is made there");
  add(found.ragged, "tiles that do not divide");
  add(any([](const Tree &t) { return t.kind == TreeKind::spatial; }), "units");
  add(std::any_of(c.einsums.begin(), c.einsums.end(),
                  [](const CaseEinsum &einsum) {
                    return std::any_of(
                        einsum.reads.begin(), einsum.reads.end(),
                        [](const CaseRead &read) { return read.isIndex; });
                  }),
      "a coordinate that is data");
  add(found.unitsAboveStorage, "units above a storage node");
  add(found.sumsAboveStorage, "units above a node that add to one sum");
  add(found.residentBelowUnits, "resident on units");
  add(found.unitsWalkOn, "units with several steps each");
  add(found.spills, "recurrence held below its loop");
  add(found.cutsBlocks, "blocks of a format that a tile cuts");
  bool filters = std::any_of(c.einsums.begin(), c.einsums.end(),
                             [](const auto &e) { return !e.filter.empty(); });
  auto isWindow = [](const CaseRank &rank) { return rank.p >= 0; };
  auto windows = std::count_if(c.ranks.begin(), c.ranks.end(), isWindow);
  add(filters, "filter");
  add(windows > 0, "window");
  add(windows > 1, "several windows");
  add(windows > 0 && filters, "window and filter");
  add(std::any_of(c.ranks.begin(), c.ranks.end(),
                  [](const CaseRank &rank) { return rank.outer >= 0; }),
      "split");
  add(std::any_of(c.einsums.begin(), c.einsums.end(),
                  [](const auto &e) { return e.isRecurrence(); }),
      "recurrence");
  return features;
}

std::string Case::printCascade() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "cascade c(";
  llvm::ListSeparator separator;
  for (const CaseRank &rank : ranks) {
    bool isOuter = false;
    for (const CaseRank &whole : ranks)
      isOuter |= whole.outer >= 0 && &ranks[whole.outer] == &rank;
    if (!isOuter)
      os << separator << llvm::StringRef(rank.name).upper() << "="
         << rank.extent;
  }
  os << ") : " << type << "\n";
  for (const CaseInput &input : inputs)
    os << "  input " << input.name << "[" << listRanks(*this, input.ranks)
       << "]" << (input.storage.empty() ? "" : " : ") << input.storage << "\n";
  for (const CaseRank &rank : ranks)
    if (rank.outer >= 0)
      os << "  split " << rank.name << " = " << ranks[rank.outer].name << ", "
         << ranks[rank.inner].name << "("
         << llvm::StringRef(ranks[rank.inner].name).upper() << ")\n";
  for (const CaseEinsum &einsum : einsums) {
    os << "  " << einsum.name << "[" << listRanks(*this, einsum.out) << "]"
       << (einsum.storage.empty() ? "" : " : ") << einsum.storage << " = ";
    if (!einsum.monoid.empty() && !einsum.reduced.empty())
      os << einsum.monoid << "(" << listRanks(*this, einsum.reduced) << ") ";
    os << printMap(*this, einsum);
    if (einsum.isRecurrence())
      os << " init " << (einsum.kind == MapKind::runningMax ? "-inf" : "0");
    if (!einsum.filter.empty())
      os << " where " << einsum.filter;
    os << "\n";
  }
  os << "  output " << llvm::join(outputs, ", ") << "\n";
  return text;
}

static std::string quoteAll(const std::vector<std::string> &names) {
  std::vector<std::string> quoted;
  for (const std::string &name : names)
    quoted.push_back("\"" + name + "\"");
  return llvm::join(quoted, ", ");
}

static void printTree(const Case &c, const Tree &tree, unsigned depth,
                      llvm::raw_ostream &os) {
  os.indent(2 * depth) << "schedule.";
  switch (tree.kind) {
  case TreeKind::temporal:
    os << "temporal \"" << c.ranks[tree.rank].name << "\" tile " << tree.tile;
    break;
  case TreeKind::spatial:
    os << "spatial \"" << c.ranks[tree.rank].name << "\" tile " << tree.tile
       << " across \"" << tree.dim << "\"";
    break;
  case TreeKind::storage:
    os << "storage \"" << tree.level << "\" [" << quoteAll(tree.tensors) << "]";
    if (tree.buffers > 1)
      os << " buffers " << tree.buffers;
    if (tree.resident)
      os << " resident " << *tree.resident;
    if (tree.shared)
      os << " shared";
    if (tree.passthrough)
      os << " passthrough";
    if (tree.streamRank >= 0)
      os << " stream \"" << c.ranks[tree.streamRank].name << "\" depth "
         << tree.depth;
    if (!tree.halo.empty())
      os << " halo \"" << tree.halo << "\"";
    break;
  case TreeKind::sequence:
    os << "sequence";
    break;
  case TreeKind::pipeline: {
    std::vector<std::string> lags;
    for (int64_t lag : tree.lags)
      lags.push_back(std::to_string(lag));
    os << "pipeline lags [" << llvm::join(lags, ", ") << "]";
    break;
  }
  case TreeKind::leaf:
    os << "compute \"" << tree.einsum << "\" on \"" << tree.array << "\""
       << (tree.chained ? " chained" : "") << "\n";
    return;
  case TreeKind::transfer:
    os << "transfer [" << quoteAll(tree.tensors) << "] on \"" << tree.engine
       << "\"\n";
    return;
  }
  os << " {\n";
  for (const Tree &child : tree.children)
    printTree(c, child, depth + 1, os);
  os.indent(2 * depth) << "}\n";
}

std::string Case::printSchedule() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "schedule.mapping @m of @c on \"spec\" {\n";
  printTree(*this, tree, 1, os);
  os << "}\n";
  return text;
}

static std::string printDims(const std::vector<CaseDim> &dims) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::ListSeparator separator;
  os << "{";
  for (const CaseDim &dim : dims) {
    os << separator << "\"" << dim.name << "\": {\"size\": " << dim.size;
    if (dim.multicast)
      os << ", \"multicast\": " << dim.multicast;
    if (dim.reduction)
      os << ", \"reduction\": " << dim.reduction;
    os << "}";
  }
  os << "}";
  return text;
}

/// Nothing, if there is none.
static std::string printLink(const CaseLink &link) {
  if (link.topology.empty())
    return "";
  std::string text;
  llvm::raw_string_ostream os(text);
  os << ", \"link\": {\"topology\": \"" << link.topology
     << "\", \"energy\": \"1 pJ/B\", \"provenance\": \"random\"";
  if (link.bandwidth)
    os << ", \"bandwidth\": \"" << link.bandwidth << " GB/s\"";
  if (link.latency)
    os << ", \"latency\": " << link.latency;
  os << "}";
  return text;
}

/// Any width, if it is 0. What units share always costs something, so that it
/// is counted.
static std::string printFanout(const std::string &name, int64_t width) {
  return ", \"" + name + "\": {" +
         (width ? "\"width\": " + std::to_string(width) + ", " : "") +
         "\"energy\": \"1 pJ\", \"provenance\": \"random\"}";
}

std::string Case::printSpec() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "{\"schema\": \"einsum-arch/1\", \"name\": \"spec\", \"clock\": \"1 "
        "GHz\", "
        "\"word\": \"32 bit\",\n";
  if (perPoint || singleBuffers || onePerPoint || sequential || buffered)
    os << " \"accounting\": {\"operands\": \""
       << (perPoint ? "per_point" : "latched") << "\", \"buffers\": \""
       << (singleBuffers ? "ignored" : "counted") << "\", \"sums\": \""
       << (singleBuffers ? "free" : "drained") << "\", \"first_sums\": \""
       << (singleBuffers ? "unread" : "read") << "\", \"operators\": \""
       << (onePerPoint ? "one_per_point" : "each") << "\", \"einsums\": \""
       << (sequential ? "sequential" : "as_scheduled") << "\", \"overlap\": \""
       << (buffered ? "buffered" : "perfect") << "\"},\n";
  os << " \"levels\": [";
  llvm::ListSeparator levelSeparator(",\n  ");
  for (const CaseLevel &level : levels) {
    os << levelSeparator << "{\"name\": \"" << level.name << "\"";
    if (!level.parent.empty())
      os << ", \"parent\": \"" << level.parent << "\"";
    if (!level.per.empty())
      os << ", \"per\": \"" << level.per << "\"";
    os << ", \"access\": \"" << level.access << " B\"";
    if (level.bandwidth)
      os << ", \"bandwidth\": \"" << level.bandwidth << " GB/s\"";
    if (level.readBandwidth)
      os << ", \"read_bandwidth\": \"" << level.readBandwidth << " GB/s\"";
    if (level.writeBandwidth)
      os << ", \"write_bandwidth\": \"" << level.writeBandwidth << " GB/s\"";
    if (level.ports)
      os << ", \"ports\": " << level.ports;
    if (!level.instances.empty())
      os << ", \"instances\": " << printDims(level.instances);
    if (level.chunk > 1)
      os << ", \"chunk\": \"" << level.chunk << " B\"";
    if (level.latency)
      os << ", \"latency\": " << level.latency;
    os << printLink(level.link);
    os << printFanout("multicast", level.multicast);
    os << ", \"energy\": {\"read\": \"1 pJ\", \"write\": \"1 pJ\"}, "
          "\"provenance\": "
          "\"test\"}";
  }
  os << "],\n \"arrays\": [";
  llvm::ListSeparator arraySeparator(",\n  ");
  for (const CaseArray &array : arrays) {
    os << arraySeparator << "{\"name\": \"" << array.name << "\", \"level\": \""
       << array.level << "\"";
    if (!array.dims.empty())
      os << ", \"shape\": " << printDims(array.dims);
    os << printLink(array.link);
    os << ", \"ops\": {";
    llvm::ListSeparator separator;
    for (const auto &[name, cycles] : array.cycles)
      os << separator << "\"" << name << "\": {\"cycles\": " << cycles
         << (array.beyond
                 ? ", \"latency\": " + std::to_string(cycles + array.beyond)
                 : "")
         << ", \"energy\": \"1 pJ\"}";
    os << "}";
    if (array.fill)
      os << ", \"fill\": \"" << array.fill << " cycle\"";
    if (array.drain)
      os << ", \"drain\": \"" << array.drain << " cycle\"";
    os << printFanout("reduction", array.reduction);
    os << ", \"provenance\": \"test\"}";
  }
  os << "]";
  if (!engines.empty())
    os << ",\n \"engines\": [";
  llvm::ListSeparator engineSeparator(", ");
  for (const CaseEngine &engine : engines) {
    os << engineSeparator << "{\"name\": \"" << engine.name << "\"";
    if (engine.bandwidth)
      os << ", \"bandwidth\": \"" << engine.bandwidth << " GB/s\"";
    if (engine.latency)
      os << ", \"latency\": \"" << engine.latency << " cycle\"";
    os << ", \"provenance\": \"test\"}";
  }
  os << (engines.empty() ? "}\n" : "]}\n");
  return text;
}
