//===- ScheduleText.cpp - A schedule for a person -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tree stands on the left as LoopTree and FuseMax draw it, and what is true
// of a node beside it, in one column; a note that the tree leaves no room for
// goes below its node. Where the passes over a rank part, a line says so.
//
//===----------------------------------------------------------------------===//

#include "lib/Export/LevelAllocation.h"
#include "lib/Export/LoopTreeLines.h"
#include "lib/Export/PassMarks.h"
#include "lib/Export/ScheduleReport.h"
#include "lib/Support/Format.h"
#include "lib/Support/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::exporting;
using namespace einsum::schedule;

namespace {

constexpr size_t kColumns = 100, kNotes = 62;

class Printer {
public:
  Printer(const ScheduleReport &report, raw_ostream &os)
      : report(report), facts(*report.facts), marks(facts, *report.passes),
        os(os) {}

  void print() {
    printHead();
    std::vector<TreeLine> lines = listTreeLines(report.mapping, facts);
    for (auto [id, line] : llvm::enumerate(lines)) {
      printPassEnds(line);
      printNode(line, describeNotes(id, line.node));
    }
    if (!report.profile)
      return;
    os << "\n";
    printLevels();
    for (const LevelAllocation &one :
         allocateLevels(*report.profile, *report.arch))
      if (one.capacity)
        printAllocation(one);
  }

private:
  void printHead() {
    MappingOp mapping = report.mapping;
    os << "schedule  " << mapping.getSymName() << " of " << mapping.getCascade()
       << " on " << mapping.getArch() << "\n";
    std::string binding;
    for (const auto &[name, value] : report.binding)
      binding +=
          (binding.empty() ? "" : " ") + name + "=" + std::to_string(value);
    if (!binding.empty())
      printWrapped("binding   " + binding, 0, kColumns, os);
    std::string passes;
    for (const PassMarks::Rank &rank : marks.all())
      passes += (passes.empty() ? "" : ", ") + std::to_string(rank.passes) +
                " over " + rank.name;
    printWrapped("passes    " +
                     (passes.empty() ? "one over every rank" : passes),
                 0, kColumns, os);
    if (report.cost)
      os << "cost      " << formatSi(report.cost->cycles, "cycles") << ", "
         << formatSi(report.cost->latencySeconds, "s") << ", "
         << formatSi(report.cost->energyJoules(), "J") << "\n";
    os << "\n";
  }

  /// Before a child of a sequence in which a later pass begins than those of
  /// the children before it.
  void printPassEnds(const TreeLine &line) {
    auto sequence = dyn_cast_or_null<SequenceOp>(line.node->getParentOp());
    if (!sequence)
      return;
    for (const PassMarks::Rank &rank : marks.all()) {
      uint64_t before = 0, from = UINT64_MAX, to = 0;
      bool reached = false;
      for (Operation *child : getChildren(sequence)) {
        reached |= child == line.node;
        child->walk([&](LeafOp leaf) {
          auto found = rank.passOf.find(facts.findEinsum(leaf.getEinsum()));
          if (found == rank.passOf.end())
            return;
          if (!reached)
            before = std::max(before, found->second);
          else if (child == line.node) {
            from = std::min(from, found->second);
            to = std::max(to, found->second);
          }
        });
      }
      if (before == 0 || to == 0 || from <= before)
        continue;
      std::string text = "--- pass " + std::to_string(before) + " of " +
                         std::to_string(rank.passes) + " over " + rank.name +
                         " ends ";
      os.indent(2 * line.depth)
          << text
          << std::string(std::max<int>(3, int(kNotes) - 2 -
                                              2 * int(line.depth) -
                                              int(text.size())),
                         '-')
          << "\n";
    }
  }

  void printNode(const TreeLine &line, ArrayRef<std::string> notes) {
    size_t used = 2 * size_t{line.depth} + line.text.size();
    bool beside = used + 2 <= kNotes;
    if (!beside || notes.empty())
      printWrapped(line.text, 2 * line.depth, kColumns, os);
    for (auto [i, note] : llvm::enumerate(notes)) {
      if (i == 0 && beside)
        os.indent(2 * line.depth)
            << line.text << std::string(kNotes - used, ' ');
      else
        os.indent(kNotes);
      os << note << "\n";
    }
  }

  //===--------------------------------------------------------------------===//
  // Notes
  //===--------------------------------------------------------------------===//

  std::vector<std::string> describeNotes(size_t id, Operation *node) {
    std::vector<std::string> notes;
    if (isa<TemporalOp, SpatialOp>(node))
      notePasses(node, notes);
    if (report.profile) {
      if (isa<StorageOp>(node))
        noteSpace(static_cast<int>(id), notes);
      if (auto leaf = dyn_cast<LeafOp>(node))
        noteWork(leaf, notes);
      if (isa<PipelineOp>(node) || isa<TransferOp>(node))
        notes.push_back(formatNumber(report.profile->nodes[id].visits) +
                        (isa<PipelineOp>(node) ? " iterations" : " times"));
    }
    return notes;
  }

  /// At the outermost loop over a rank, which passes over it are made below.
  void notePasses(Operation *node, std::vector<std::string> &notes) {
    int id = facts.findRank(node->getAttrOfType<StringAttr>("rank").getValue());
    const PassMarks::Rank *rank = marks.find(id);
    if (!rank)
      return;
    for (Operation *up = node->getParentOp(); !isa<MappingOp>(up);
         up = up->getParentOp())
      if (auto outer = up->getAttrOfType<StringAttr>("rank"))
        if (marks.find(facts.findRank(outer.getValue())) == rank)
          return;
    uint64_t first = UINT64_MAX, last = 0;
    node->walk([&](LeafOp leaf) {
      auto found = rank->passOf.find(facts.findEinsum(leaf.getEinsum()));
      if (found == rank->passOf.end())
        return;
      first = std::min(first, found->second);
      last = std::max(last, found->second);
    });
    if (last == 0)
      return;
    notes.push_back((first == last ? "pass " + std::to_string(first)
                                   : "passes " + std::to_string(first) + ".." +
                                         std::to_string(last)) +
                    " of " + std::to_string(rank->passes) + " over " +
                    rank->name);
  }

  void noteSpace(int id, std::vector<std::string> &notes) {
    for (const cost::Reservation &one : report.profile->reservations) {
      if (one.node != id)
        continue;
      std::string text;
      for (int tensor : one.tensors)
        text += (text.empty() ? "" : "/") + facts.tensors[tensor].name;
      text += " " + formatBytes(one.bytes);
      if (one.copies > 1)
        text += " x " + std::to_string(one.copies) + " copies";
      if (one.units > 1)
        text += " x " + std::to_string(one.units) + " units";
      // Several to a line.
      if (!notes.empty() &&
          kNotes + notes.back().size() + 2 + text.size() <= kColumns)
        notes.back() += ", " + text;
      else
        notes.push_back(text);
    }
  }

  void noteWork(LeafOp leaf, std::vector<std::string> &notes) {
    const cost::EinsumCost &cost =
        report.cost->einsums[facts.findEinsum(leaf.getEinsum())];
    notes.push_back(formatSi(cost.cycles, "cycles") + ", " +
                    formatPercent(report.cost->cycles == 0
                                      ? 0
                                      : cost.cycles / report.cost->cycles) +
                    " of the time");
  }

  void printLevels() {
    TextTable table({"level", ">held at most", ">capacity", ">of it", "while"});
    size_t levels = report.arch->levels.size();
    for (auto [id, level] : llvm::enumerate(report.arch->levels)) {
      uint64_t peak = report.cost->levels[id].peakBytes;
      if (peak == 0)
        continue;
      std::vector<std::string> fullest;
      for (auto [i, leaf] : llvm::enumerate(report.profile->leaves))
        if (report.profile->occupancy[i * levels + id] == peak)
          fullest.push_back(describeWork(report.profile->nodes[leaf].op));
      if (fullest.size() == report.profile->leaves.size())
        fullest = {"throughout"};
      uint64_t capacity =
          level.capacityBytes.value_or(0) * report.arch->instances(level);
      table.add({level.name, formatBytes(peak),
                 level.capacityBytes ? formatBytes(capacity) : "unlimited",
                 level.capacityBytes
                     ? formatPercent(static_cast<double>(peak) /
                                     static_cast<double>(capacity))
                     : "-",
                 llvm::join(fullest, ", ")});
    }
    table.print(os, kColumns);
  }

  /// By address; a tile has as many lines as copies.
  void printAllocation(const LevelAllocation &one) {
    const arch::Level &level = report.arch->levels[one.level];
    os << "\n" << level.name << ": " << formatBytes(one.found.peak);
    if (uint64_t paid = one.found.paidForBanks)
      os << " with copies in different banks, "
         << formatBytes(one.found.peak - paid) << " without";
    if (one.found.isOptimal)
      os << ", optimal";
    else
      os << ", best found, " << formatNumber(one.found.gap())
         << " x what is live at once";
    os << ", aligned to " << formatBytes(one.alignment);
    if (!one.found.fits)
      os << ", DOES NOT FIT " << formatBytes(*one.capacity);
    if (one.found.bankConflicts > 0)
      os << ", " << one.found.bankConflicts << " copies share a bank";
    os << "\n";
    TextTable table({">address", ">size", "tile", "live"});
    std::vector<size_t> order(one.reservations.size());
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    llvm::sort(order, [&](size_t a, size_t b) {
      return std::pair(one.found.addresses[a], a) <
             std::pair(one.found.addresses[b], b);
    });
    for (size_t block : order) {
      const cost::Reservation &of =
          report.profile->reservations[one.reservations[block]];
      std::vector<std::string> names;
      for (int tensor : of.tensors)
        names.push_back(facts.tensors[tensor].name);
      if (of.firstLeaf < 0)
        continue;
      std::string first = describeWork(report.profile->nodes[of.firstLeaf].op),
                  last = describeWork(report.profile->nodes[of.lastLeaf].op);
      table.add({"0x" + llvm::utohexstr(one.found.addresses[block], true),
                 formatBytes(of.bytes * of.units), llvm::join(names, "/"),
                 first == last ? first : first + " .. " + last});
    }
    table.print(os, kColumns);
  }

  const ScheduleReport &report;
  const CascadeFacts &facts;
  PassMarks marks;
  raw_ostream &os;
};

} // namespace

void einsum::exporting::printSchedule(const ScheduleReport &report,
                                      llvm::raw_ostream &os) {
  Printer(report, os).print();
}
