// A cascade written out element by element, and rank passes by definition: the
// judges of the symbolic analysis. Shares no code with it beyond the dialect.
//
// `countLevels` is the definition itself (lib/Analysis/README.md): one sweep
// over all elements and terms. `countTraversals` does not know levels: it goes
// through every order in which the elements can be computed and counts, for
// each, how many disjoint intervals contain a use of every coordinate.
#ifndef TEST_UNIT_LIB_ANALYSIS_UNROLLEDCASCADE_H
#define TEST_UNIT_LIB_ANALYSIS_UNROLLEDCASCADE_H

#include "dialects/Einsum/Einsum.h"

#include <map>
#include <optional>
#include <set>
#include <unordered_map>

namespace einsum::test {

using Index = std::vector<int64_t>;

/// An element, or a term of a reduction.
struct Vertex {
  std::vector<int> operands;
  bool isReduction = false;
  mlir::Value tensor; ///< null for a term
  Index index;
};

class UnrolledCascade {
public:
  explicit UnrolledCascade(CascadeOp cascade) : cascade(cascade) {
    mlir::FailureOr<std::vector<EvaluationStep>> steps =
        orderEvaluation(cascade);
    for (const EvaluationStep &step : *steps)
      order(step, {});
    for (mlir::Operation *op : sequence)
      for (mlir::Value result : op->getResults())
        forEachIndex(extentsOf(result),
                     [&](const Index &index) { element(result, index); });
  }

  std::vector<Vertex> vertices; ///< operands before users
  /// Loop ranks of recurrences, by Einsum.
  std::map<mlir::Operation *, std::vector<mlir::StringAttr>> loops;

  Index extentsOf(mlir::Value tensor) const {
    Index extents;
    for (mlir::StringAttr rank :
         llvm::cast<NamedTensorType>(tensor.getType()).getRanks())
      extents.push_back(extentOf(rank));
    return extents;
  }

  template <typename F>
  static void forEachIndex(const Index &extents, F visit) {
    Index index(extents.size(), 0);
    for (int64_t extent : extents)
      if (extent == 0)
        return;
    while (true) {
      visit(index);
      size_t i = index.size();
      while (i > 0 && ++index[i - 1] == extents[i - 1])
        index[--i] = 0;
      if (i == 0)
        return;
    }
  }

private:
  struct Constraint {
    mlir::AffineExpr expr;
    bool isEq;
  };

  void order(const EvaluationStep &step, std::vector<mlir::StringAttr> around) {
    if (step.einsum) {
      sequence.push_back(step.einsum);
      loops[step.einsum] = around;
      addConditions(step.einsum);
      return;
    }
    around.push_back(step.rank);
    for (const EvaluationStep &inner : step.body)
      order(inner, around);
  }

  int64_t extentOf(mlir::StringAttr rank) const {
    return *cascade.findRank(rank).getBoundExtent();
  }

  /// An expression over the Einsum's ranks alone.
  mlir::AffineExpr bind(EinsumInterface einsum, mlir::AffineExpr expr) const {
    llvm::SmallVector<mlir::AffineExpr> values;
    for (mlir::StringAttr symbol : einsum.getSymbolNames())
      values.push_back(mlir::getAffineConstantExpr(*cascade.getParam(symbol),
                                                   expr.getContext()));
    return mlir::simplifyAffineExpr(expr.replaceSymbols(values),
                                    einsum.getIterationRanks().size(), 0);
  }

  static int64_t evaluate(mlir::AffineExpr expr, const Index &point) {
    llvm::SmallVector<mlir::AffineExpr> values;
    for (int64_t v : point)
      values.push_back(mlir::getAffineConstantExpr(v, expr.getContext()));
    return llvm::cast<mlir::AffineConstantExpr>(
               mlir::simplifyAffineExpr(expr.replaceDims(values), 0, 0))
        .getValue();
  }

  bool staysInside(EinsumInterface einsum, mlir::AffineExpr expr,
                   int64_t extent) const {
    Index extents;
    for (mlir::StringAttr rank : einsum.getIterationRanks())
      extents.push_back(expr.isFunctionOfDim(extents.size()) ? extentOf(rank)
                                                             : 1);
    bool inside = true;
    forEachIndex(extents, [&](const Index &point) {
      int64_t value = evaluate(expr, point);
      inside &= value >= 0 && value < extent;
    });
    return inside;
  }

  static bool hold(const std::vector<Constraint> &constraints,
                   const Index &point) {
    return llvm::all_of(constraints, [&](const Constraint &c) {
      int64_t value = evaluate(c.expr, point);
      return c.isEq ? value == 0 : value >= 0;
    });
  }

  /// Filter, ragged splits, and what operands lack.
  void addConditions(mlir::Operation *op) {
    auto einsum = llvm::cast<EinsumInterface>(op);
    llvm::SmallVector<mlir::StringAttr> ranks = einsum.getIterationRanks();
    mlir::MLIRContext *context = op->getContext();
    std::vector<Constraint> all;
    if (std::optional<mlir::IntegerSet> filter = einsum.getFilterSet())
      for (unsigned i = 0; i < filter->getNumConstraints(); ++i)
        all.push_back(
            {bind(einsum, filter->getConstraint(i)), filter->isEq(i)});
    for (SplitOp split : cascade.getBodyBlock()->getOps<SplitOp>()) {
      mlir::AffineExpr sum = mlir::getAffineConstantExpr(0, context);
      bool complete = true;
      for (auto part : split.getParts().getAsRange<mlir::StringAttr>()) {
        auto *it = llvm::find(ranks, part);
        complete &= it != ranks.end();
        sum = sum * extentOf(part) +
              mlir::getAffineDimExpr(it - ranks.begin(), context);
      }
      if (complete)
        all.push_back(
            {extentOf(split.getRankAttr().getAttr()) - 1 - sum, false});
    }
    for (const Access &access : einsum.getInputAccesses()) {
      mlir::Operation *producer = access.tensor.getDefiningOp();
      bool hasInitial =
          llvm::isa<EinsumInterface>(producer) &&
          !llvm::cast<EinsumInterface>(producer).getInitialValues().empty();
      llvm::SmallVector<mlir::AffineExpr> index;
      for (mlir::AffineExpr expr : access.map.getResults())
        index.push_back(bind(einsum, expr));
      for (auto [expr, extent] : llvm::zip(index, extentsOf(access.tensor)))
        if (!hasInitial && !staysInside(einsum, expr, extent)) {
          all.push_back({expr, false});
          all.push_back({extent - 1 - expr, false});
        }
      for (const Constraint &c : absent[access.tensor])
        all.push_back({c.expr.replaceDims(index), c.isEq});
    }
    points[op] = all;
    mlir::AffineMap output = einsum.getOutputAccess();
    llvm::SmallVector<mlir::AffineExpr> positions(ranks.size());
    for (auto [i, expr] : llvm::enumerate(output.getResults()))
      positions[llvm::cast<mlir::AffineDimExpr>(expr).getPosition()] =
          mlir::getAffineDimExpr(i, context);
    for (const Constraint &c : all) {
      bool kept = true;
      llvm::SmallVector<mlir::AffineExpr> here = positions;
      for (auto [dim, position] : llvm::enumerate(here))
        if (!position) {
          kept &= !c.expr.isFunctionOfDim(dim);
          position = mlir::getAffineConstantExpr(0, context);
        }
      if (kept)
        for (mlir::Value result : op->getResults())
          absent[result].push_back({c.expr.replaceDims(here), c.isEq});
    }
  }

  /// The vertex of an element; -1 if it is absent, -2 for an initial value.
  int element(mlir::Value tensor, const Index &index) {
    Index extents = extentsOf(tensor);
    for (auto [i, extent] : llvm::zip(index, extents))
      if (i < 0 || i >= extent)
        return -2;
    auto key = std::pair(tensor.getAsOpaquePointer(), index);
    if (auto it = elements.find(key); it != elements.end())
      return it->second;
    int vertex = build(tensor, index);
    elements[key] = vertex;
    return vertex;
  }

  int add(Vertex vertex) {
    vertices.push_back(std::move(vertex));
    return vertices.size() - 1;
  }

  int build(mlir::Value tensor, const Index &index) {
    mlir::Operation *op = tensor.getDefiningOp();
    if (!llvm::isa<EinsumInterface>(op))
      return add({{}, false, tensor, index});
    // All results of an Einsum are one tuple.
    if (tensor != op->getResult(0))
      return element(op->getResult(0), index);
    if (!hold(absent[tensor], index))
      return -1;
    auto einsum = llvm::cast<EinsumInterface>(op);
    llvm::SmallVector<mlir::StringAttr> ranks = einsum.getIterationRanks();
    Index point(ranks.size(), 0), reducedExtents;
    std::vector<int> reduced;
    std::vector<bool> kept(ranks.size(), false);
    for (auto [i, expr] :
         llvm::enumerate(einsum.getOutputAccess().getResults())) {
      unsigned dim = llvm::cast<mlir::AffineDimExpr>(expr).getPosition();
      point[dim] = index[i];
      kept[dim] = true;
    }
    for (unsigned dim = 0; dim < ranks.size(); ++dim)
      if (!kept[dim]) {
        reduced.push_back(dim);
        reducedExtents.push_back(extentOf(ranks[dim]));
      }
    if (reduced.empty()) {
      std::optional<std::vector<int>> operands = read(einsum, point);
      return operands ? add({*operands, false, tensor, index}) : -1;
    }
    Vertex sum{{}, true, tensor, index};
    forEachIndex(reducedExtents, [&](const Index &choice) {
      for (auto [dim, value] : llvm::zip(reduced, choice))
        point[dim] = value;
      if (std::optional<std::vector<int>> operands = read(einsum, point))
        sum.operands.push_back(add({*operands, false, {}, {}}));
    });
    return add(std::move(sum));
  }

  std::optional<std::vector<int>> read(EinsumInterface einsum,
                                       const Index &point) {
    if (!hold(points[einsum], point))
      return std::nullopt;
    std::vector<int> operands;
    for (const Access &access : einsum.getInputAccesses()) {
      Index index;
      for (mlir::AffineExpr expr : access.map.getResults())
        index.push_back(evaluate(bind(einsum, expr), point));
      int vertex = element(access.tensor, index);
      if (vertex == -1)
        return std::nullopt;
      if (vertex >= 0)
        operands.push_back(vertex);
    }
    return operands;
  }

  mutable CascadeOp cascade; // a handle
  std::vector<mlir::Operation *> sequence;
  std::map<mlir::Operation *, std::vector<Constraint>> points;
  struct ByValue {
    bool operator()(mlir::Value a, mlir::Value b) const {
      return a.getAsOpaquePointer() < b.getAsOpaquePointer();
    }
  };
  std::map<mlir::Value, std::vector<Constraint>, ByValue> absent;
  std::map<std::pair<void *, Index>, int> elements;
};

//===----------------------------------------------------------------------===//
// One fiber
//===----------------------------------------------------------------------===//

/// Which coordinate of a fiber each vertex stands for; -1 for none.
struct Labels {
  std::vector<int> of;
  int coordinates = 0;
};

/// Elements of `tensor` whose index outside `positions` equals `fixed`.
inline Labels labelFiber(const UnrolledCascade &cascade, mlir::Value tensor,
                         const std::vector<int> &positions,
                         const Index &fixed) {
  // The results of one Einsum are one tuple.
  tensor = tensor.getDefiningOp()->getResult(0);
  auto coordinateOf = [&](const Vertex &v) {
    if (v.tensor != tensor)
      return -1;
    Index extents = cascade.extentsOf(tensor);
    int64_t coordinate = 0;
    for (int position : positions)
      coordinate = coordinate * extents[position] + v.index[position];
    for (size_t i = 0; i < fixed.size(); ++i)
      if (!llvm::is_contained(positions, static_cast<int>(i)) &&
          v.index[i] != fixed[i])
        return -1;
    return static_cast<int>(coordinate);
  };
  std::set<void *> voided;
  while (true) {
    Labels labels;
    labels.of.assign(cascade.vertices.size(), -1);
    // Labels of one tensor at indices that differ along a loop only.
    std::map<std::pair<void *, Index>, int> alongLoop;
    bool repeat = false;
    for (size_t i = 0; i < cascade.vertices.size(); ++i) {
      const Vertex &v = cascade.vertices[i];
      int label = coordinateOf(v);
      if (label < 0) {
        std::set<int> seen;
        for (int operand : v.operands)
          if (labels.of[operand] >= 0)
            seen.insert(labels.of[operand]);
        label = seen.size() == 1 ? *seen.begin() : -1;
        if (v.tensor && voided.count(v.tensor.getAsOpaquePointer()))
          label = -1;
      }
      labels.of[i] = label;
      labels.coordinates = std::max(labels.coordinates, label + 1);
      mlir::Operation *op =
          v.tensor && v.tensor != tensor ? v.tensor.getDefiningOp() : nullptr;
      auto loop = op ? cascade.loops.find(op) : cascade.loops.end();
      if (label < 0 || loop == cascade.loops.end() || loop->second.empty())
        continue;
      Index others = v.index;
      auto type = llvm::cast<NamedTensorType>(v.tensor.getType());
      for (mlir::StringAttr rank : loop->second)
        if (int position = type.findRank(rank); position >= 0)
          others[position] = 0;
      auto [it, isNew] =
          alongLoop.try_emplace({v.tensor.getAsOpaquePointer(), others}, label);
      if (!isNew && it->second != label) {
        voided.insert(v.tensor.getAsOpaquePointer());
        repeat = true;
      }
    }
    if (!repeat)
      return labels;
  }
}

/// How many coordinates something uses.
inline int countUsed(const UnrolledCascade &cascade, const Labels &labels) {
  std::set<int> used;
  for (const Vertex &v : cascade.vertices)
    for (int operand : v.operands)
      if (labels.of[operand] >= 0)
        used.insert(labels.of[operand]);
  return used.size();
}

/// N of one fiber by definition; 0 if nothing of it is used.
inline int countLevels(const UnrolledCascade &cascade, const Labels &labels) {
  size_t n = cascade.vertices.size(), width = labels.coordinates;
  std::vector<std::vector<int>> best(n, std::vector<int>(width, 0));
  std::vector<int> highest(width, 0);
  auto least = [&](const std::vector<int> &levels) {
    return *std::min_element(levels.begin(), levels.end());
  };
  // Coordinates without any use are no part of the fiber.
  std::vector<bool> used(width, false);
  for (const Vertex &v : cascade.vertices)
    for (int operand : v.operands)
      if (labels.of[operand] >= 0)
        used[labels.of[operand]] = true;
  if (width == 0 || llvm::none_of(used, [](bool b) { return b; }))
    return 0;
  for (size_t c = 0; c < width; ++c)
    if (!used[c])
      for (auto &levels : best)
        levels[c] = 1 << 20;
  for (size_t i = 0; i < n; ++i) {
    const Vertex &v = cascade.vertices[i];
    for (int operand : v.operands)
      for (size_t c = 0; c < width; ++c)
        best[i][c] = std::max(best[i][c], best[operand][c]);
    std::vector<int> behind = best[i];
    for (int operand : v.operands) {
      int label = labels.of[operand];
      if (label < 0)
        continue;
      int level = 1 + least(v.isReduction ? best[operand] : behind);
      best[i][label] = std::max(best[i][label], level);
      highest[label] = std::max(highest[label], level);
    }
  }
  int passes = 1 << 20;
  for (size_t c = 0; c < width; ++c)
    if (used[c])
      passes = std::min(passes, highest[c]);
  return passes;
}

/// Fewest traversals over all orders; nullopt if there are too many.
inline std::optional<int> countTraversals(const UnrolledCascade &cascade,
                                          const Labels &labels,
                                          size_t mostIdeals) {
  // Events: maps, and terms together with their addition.
  struct Event {
    uint64_t needs = 0, touches = 0;
  };
  size_t n = cascade.vertices.size();
  std::vector<int> eventOf(n, -1);
  std::vector<uint64_t> complete(n, 0); // events that make a vertex readable
  std::vector<Event> events;
  uint64_t everything = 0;
  for (size_t i = 0; i < n; ++i) {
    const Vertex &v = cascade.vertices[i];
    if (v.operands.empty())
      continue;
    if (v.isReduction) {
      for (int operand : v.operands) {
        complete[i] |= complete[operand];
        if (labels.of[operand] >= 0)
          events[eventOf[operand]].touches |= uint64_t(1) << labels.of[operand];
      }
      continue;
    }
    Event event;
    for (int operand : v.operands) {
      event.needs |= complete[operand];
      if (labels.of[operand] >= 0)
        event.touches |= uint64_t(1) << labels.of[operand];
    }
    if (events.size() == 64)
      return std::nullopt;
    eventOf[i] = events.size();
    complete[i] = uint64_t(1) << events.size();
    events.push_back(event);
  }
  for (const Event &event : events)
    everything |= event.touches;
  if (everything == 0)
    return 0;
  // Per set of executed events: the fewest traversals, and the coordinates met
  // since, of which smaller sets are better.
  struct Progress {
    int count;
    std::vector<uint64_t> met;
  };
  auto improve = [](Progress &progress, int count, uint64_t met) {
    if (count > progress.count)
      return;
    if (count < progress.count)
      progress = {count, {}};
    for (uint64_t known : progress.met)
      if ((known & met) == known)
        return;
    llvm::erase_if(progress.met,
                   [&](uint64_t known) { return (known & met) == met; });
    progress.met.push_back(met);
  };
  std::unordered_map<uint64_t, Progress> layer = {{0, {0, {0}}}};
  size_t ideals = 0;
  for (size_t done = 0; done < events.size(); ++done) {
    std::unordered_map<uint64_t, Progress> next;
    for (const auto &[ideal, progress] : layer)
      for (size_t e = 0; e < events.size(); ++e) {
        uint64_t bit = uint64_t(1) << e;
        if ((ideal & bit) || (events[e].needs & ~ideal))
          continue;
        Progress &target =
            next.try_emplace(ideal | bit, Progress{1 << 20, {}}).first->second;
        for (uint64_t met : progress.met) {
          uint64_t now = met | events[e].touches;
          if (now == everything)
            improve(target, progress.count + 1, 0);
          else
            improve(target, progress.count, now);
        }
      }
    layer = std::move(next);
    ideals += layer.size();
    if (ideals > mostIdeals)
      return std::nullopt;
  }
  return layer.begin()->second.count;
}

} // namespace einsum::test

#endif // TEST_UNIT_LIB_ANALYSIS_UNROLLEDCASCADE_H
