//===- CascadePattern.cpp - One cascade in other words --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ranks first: those that the Einsums of both cascades use alike are paired, in
// every possible way, of which there are few. Given the ranks, an Einsum either
// is another one or not, up to the tensors that it reads; these are bound on
// the way and taken back where a choice turns out wrong.
//
//===----------------------------------------------------------------------===//

#include "lib/Plugin/CascadePattern.h"

#include "lib/Frontend/Cascade/Cascade.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;

static std::string translate(const llvm::StringMap<std::string> &names,
                             StringRef name) {
  auto it = names.find(name);
  return it == names.end() ? name.str() : it->second;
}

std::string CascadeMatch::tensor(StringRef name) const {
  return translate(tensors, name);
}

std::string CascadeMatch::rank(StringRef name) const {
  return translate(ranks, name);
}

CascadePattern::CascadePattern(StringRef source, MLIRContext *context)
    : text(source) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(text, "pattern.ein"), llvm::SMLoc());
  module = frontend::parseCascadeSource(sources, context);
  assert(module && "a pattern is a correct cascade");
  pattern = *module->getOps<CascadeOp>().begin();
}

static SmallVector<EinsumInterface> einsumsOf(CascadeOp cascade) {
  SmallVector<EinsumInterface> einsums;
  for (Operation &op : *cascade.getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op))
      einsums.push_back(einsum);
  return einsums;
}

static StringRef nameOf(Value tensor) {
  Operation *definition = tensor.getDefiningOp();
  if (auto input = dyn_cast<InputOp>(definition))
    return input.getTensor();
  return cast<EinsumInterface>(definition)
      .getTensorNames()[cast<OpResult>(tensor).getResultNumber()];
}

static StringRef nameOf(EinsumInterface einsum) {
  for (StringAttr name : einsum.getTensorNames())
    if (!name.getValue().empty())
      return name;
  return {};
}

//===----------------------------------------------------------------------===//
// What can be said without names
//===----------------------------------------------------------------------===//

/// Equal for Einsums that can be partners.
static std::string signatureOf(EinsumInterface einsum) {
  std::vector<std::string> parts;
  for (Operation &op : einsum.getMapRegion().front())
    parts.push_back(op.getName().getStringRef().str());
  for (const Reduction &reduction : einsum.getReductionList())
    parts.push_back("by " + reduction.monoid.str());
  llvm::sort(parts);
  return llvm::join(parts, " ") + " over " +
         std::to_string(einsum.getIterationRanks().size()) + " reads " +
         std::to_string(einsum.getInputAccesses().size()) + " gives " +
         std::to_string(einsum->getNumResults()) +
         (einsum.getInitialValues().empty() ? "" : " recurs") +
         (einsum.getFilterSet() ? " filters" : "");
}

namespace {
struct RankUse {
  StringAttr name;
  std::string use; ///< equal for ranks that can be partners
};
} // namespace

/// The ranks that tensors and Einsums have, with how they are used.
static std::vector<RankUse> ranksOf(CascadeOp cascade) {
  llvm::MapVector<StringAttr, std::vector<std::string>> uses;
  for (Operation &op : *cascade.getBodyBlock()) {
    if (auto input = dyn_cast<InputOp>(op))
      for (StringAttr rank : cast<NamedTensorType>(input.getType()).getRanks())
        uses[rank].push_back("input");
    auto einsum = dyn_cast<EinsumInterface>(op);
    if (!einsum)
      continue;
    std::string signature = signatureOf(einsum);
    llvm::SmallPtrSet<Attribute, 4> reduced;
    for (const Reduction &reduction : einsum.getReductionList())
      reduced.insert(reduction.rank);
    for (StringAttr rank : einsum.getIterationRanks())
      uses[rank].push_back(
          (reduced.contains(rank) ? "reduced in " : "kept in ") + signature);
  }
  std::vector<RankUse> ranks;
  for (auto &[rank, parts] : uses) {
    llvm::sort(parts);
    ranks.push_back({rank, llvm::join(parts, "; ")});
  }
  return ranks;
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

namespace {

class Matcher {
public:
  Matcher(StringRef text, CascadeOp pattern, CascadeOp cascade)
      : text(text), pattern(pattern), cascade(cascade),
        context(cascade.getContext()), wanted(einsumsOf(pattern)),
        found(einsumsOf(cascade)), wantedRanks(ranksOf(pattern)),
        foundRanks(ranksOf(cascade)) {}

  FailureOr<CascadeMatch> run(std::string &reason) {
    if (wanted.size() == found.size() &&
        wantedRanks.size() == foundRanks.size() && pairRanks(0))
      return result();
    reason = explain();
    return failure();
  }

private:
  /// More pairings than this mean ranks that all look alike.
  static constexpr unsigned kMostPairings = 5040;

  //===--- Ranks ----------------------------------------------------------===//

  bool pairRanks(size_t next) {
    if (next == wantedRanks.size())
      return ++pairings <= kMostPairings && bindParameters() && matchEinsums(0);
    const RankUse &rank = wantedRanks[next];
    for (const RankUse &candidate : foundRanks) {
      if (candidate.use != rank.use || taken.contains(candidate.name))
        continue;
      partnerOf[rank.name] = candidate.name;
      taken.insert(candidate.name);
      if (pairRanks(next + 1))
        return true;
      taken.erase(candidate.name);
    }
    return false;
  }

  /// A parameter of the pattern that is the extent of a rank has that of its
  /// partner; the other ranks then have to agree.
  bool bindParameters() {
    parameters.clear();
    for (Attribute name : pattern.getParamNames())
      if (std::optional<int64_t> value =
              pattern.getParam(cast<StringAttr>(name)))
        parameters[cast<StringAttr>(name)] = *value;
    llvm::SmallPtrSet<Attribute, 8> bound;
    for (const RankUse &rank : wantedRanks) {
      RankOp op = pattern.findRank(rank.name);
      auto symbol = dyn_cast<AffineSymbolExpr>(op.getExtent().getResult(0));
      if (!symbol)
        continue;
      auto name = cast<StringAttr>(op.getParams()[symbol.getPosition()]);
      std::optional<int64_t> extent = extentOf(rank.name);
      if (!extent)
        return false;
      bool isNew = bound.insert(name).second;
      if (!isNew && parameters[name] != *extent)
        return false;
      parameters[name] = *extent;
    }
    return llvm::all_of(wantedRanks, [&](const RankUse &rank) {
      RankOp op = pattern.findRank(rank.name);
      AffineExpr extent = bind(op.getExtent().getResult(0), 0, op.getParams());
      auto constant = dyn_cast<AffineConstantExpr>(extent);
      return constant && constant.getValue() == extentOf(rank.name);
    });
  }

  std::optional<int64_t> extentOf(StringAttr wantedRank) {
    return cascade.findRank(partnerOf[wantedRank]).getBoundExtent();
  }

  AffineExpr bind(AffineExpr expr, unsigned numDims, ArrayAttr names) {
    SmallVector<AffineExpr> values;
    for (Attribute name : names)
      values.push_back(getAffineConstantExpr(
          parameters.lookup(cast<StringAttr>(name)), context));
    return simplifyAffineExpr(expr.replaceSymbols(values), numDims, 0);
  }

  //===--- Einsums --------------------------------------------------------===//

  bool matchEinsums(size_t next) {
    deepest = std::max(deepest, next);
    if (next == wanted.size())
      return sameOutputs();
    for (EinsumInterface candidate : found) {
      if (used.contains(candidate) ||
          signatureOf(wanted[next]) != signatureOf(candidate))
        continue;
      size_t before = trail.size();
      used.insert(candidate);
      if (sameEinsum(wanted[next], candidate) && matchEinsums(next + 1))
        return true;
      used.erase(candidate);
      undo(before);
    }
    return false;
  }

  bool bindTensor(Value wantedTensor, Value foundTensor) {
    if (Value bound = tensors.lookup(wantedTensor))
      return bound == foundTensor;
    if (boundTo.contains(foundTensor))
      return false;
    auto wantedType = cast<NamedTensorType>(wantedTensor.getType());
    auto foundType = cast<NamedTensorType>(foundTensor.getType());
    Operation *a = wantedTensor.getDefiningOp(),
              *b = foundTensor.getDefiningOp();
    if (isa<InputOp>(a) != isa<InputOp>(b) ||
        cast<OpResult>(wantedTensor).getResultNumber() !=
            cast<OpResult>(foundTensor).getResultNumber() ||
        wantedType.getRanks().size() != foundType.getRanks().size() ||
        !llvm::all_of(wantedType.getRanks(), [&](StringAttr rank) {
          return foundType.findRank(partnerOf[rank]) >= 0;
        }))
      return false;
    tensors[wantedTensor] = foundTensor;
    boundTo.insert(foundTensor);
    trail.push_back(wantedTensor);
    return true;
  }

  void undo(size_t length) {
    while (trail.size() > length) {
      Value tensor = trail.pop_back_val();
      boundTo.erase(tensors[tensor]);
      tensors.erase(tensor);
    }
  }

  bool sameEinsum(EinsumInterface a, EinsumInterface b) {
    for (auto [mine, other] : llvm::zip(a->getResults(), b->getResults()))
      if (!bindTensor(mine, other))
        return false;
    if (!sameRanks(a, b) || !sameFilter(a, b) || !sameInit(a, b))
      return false;
    Operation *mine = a.getMapRegion().front().getTerminator();
    Operation *other = b.getMapRegion().front().getTerminator();
    return llvm::all_of(
        llvm::zip(mine->getOperands(), other->getOperands()), [&](auto pair) {
          return sameValue(a, std::get<0>(pair), b, std::get<1>(pair));
        });
  }

  bool sameRanks(EinsumInterface a, EinsumInterface b) {
    if (!a.getGatheredOperands().empty() || !b.getGatheredOperands().empty())
      return false; // patterns are of affine accesses
    SmallVector<StringAttr> ranks = b.getIterationRanks();
    for (StringAttr rank : a.getIterationRanks())
      if (!llvm::is_contained(ranks, partnerOf[rank]))
        return false;
    SmallVector<Reduction> reductions = b.getReductionList();
    return llvm::all_of(a.getReductionList(), [&](const Reduction &mine) {
      return !mine.definition &&
             llvm::any_of(reductions, [&](const Reduction &other) {
               return !other.definition && other.monoid == mine.monoid &&
                      other.rank == partnerOf[mine.rank];
             });
    });
  }

  /// An expression of `a`'s ranks in those of its partner.
  AffineExpr carryOver(AffineExpr expr, EinsumInterface a, EinsumInterface b) {
    SmallVector<StringAttr> theirs = b.getIterationRanks();
    SmallVector<AffineExpr> dims;
    for (StringAttr rank : a.getIterationRanks())
      dims.push_back(getAffineDimExpr(
          llvm::find(theirs, partnerOf[rank]) - theirs.begin(), context));
    SmallVector<AffineExpr> values;
    for (StringAttr name : a.getSymbolNames())
      values.push_back(getAffineConstantExpr(parameters.lookup(name), context));
    return simplifyAffineExpr(expr.replaceDimsAndSymbols(dims, values),
                              theirs.size(), 0);
  }

  AffineExpr ownValue(AffineExpr expr, EinsumInterface b) {
    SmallVector<AffineExpr> values;
    for (StringAttr name : b.getSymbolNames())
      values.push_back(getAffineConstantExpr(
          cascade.getParam(name).value_or(CascadeOp::kUnbound), context));
    return simplifyAffineExpr(expr.replaceSymbols(values),
                              b.getIterationRanks().size(), 0);
  }

  bool sameFilter(EinsumInterface a, EinsumInterface b) {
    std::optional<IntegerSet> mine = a.getFilterSet(), other = b.getFilterSet();
    if (!mine || !other)
      return !mine && !other;
    return mine->getNumConstraints() == other->getNumConstraints() &&
           llvm::all_of(llvm::seq(mine->getNumConstraints()), [&](unsigned i) {
             return llvm::any_of(
                 llvm::seq(other->getNumConstraints()), [&](unsigned j) {
                   return mine->isEq(i) == other->isEq(j) &&
                          carryOver(mine->getConstraint(i), a, b) ==
                              ownValue(other->getConstraint(j), b);
                 });
           });
  }

  static bool sameNumber(Attribute a, Attribute b) {
    auto number = [](Attribute attr) -> std::optional<double> {
      if (auto real = dyn_cast<FloatAttr>(attr))
        return real.getValueAsDouble();
      if (auto integer = dyn_cast<IntegerAttr>(attr))
        return static_cast<double>(integer.getInt());
      return std::nullopt;
    };
    return number(a) && number(a) == number(b);
  }

  static bool sameInit(EinsumInterface a, EinsumInterface b) {
    SmallVector<TypedAttr> mine = a.getInitialValues(),
                           other = b.getInitialValues();
    return mine.size() == other.size() &&
           llvm::all_of(llvm::zip(mine, other), [](auto pair) {
             return sameNumber(std::get<0>(pair), std::get<1>(pair));
           });
  }

  //===--- Map expressions ------------------------------------------------===//

  bool sameValue(EinsumInterface a, Value mine, EinsumInterface b,
                 Value other) {
    auto mineRead = dyn_cast<BlockArgument>(mine);
    auto otherRead = dyn_cast<BlockArgument>(other);
    if (mineRead || otherRead)
      return mineRead && otherRead &&
             sameAccess(a, a.getInputAccesses()[mineRead.getArgNumber()], b,
                        b.getInputAccesses()[otherRead.getArgNumber()]);
    Operation *x = mine.getDefiningOp(), *y = other.getDefiningOp();
    if (x->getName() != y->getName() ||
        x->getNumOperands() != y->getNumOperands() || !sameAttributes(x, y))
      return false;
    size_t before = trail.size();
    if (sameOperands(a, x->getOperands(), b, y->getOperands()))
      return true;
    undo(before);
    if (!x->hasTrait<OpTrait::IsCommutative>() || x->getNumOperands() != 2)
      return false;
    if (sameValue(a, x->getOperand(0), b, y->getOperand(1)) &&
        sameValue(a, x->getOperand(1), b, y->getOperand(0)))
      return true;
    undo(before);
    return false;
  }

  bool sameOperands(EinsumInterface a, ValueRange mine, EinsumInterface b,
                    ValueRange other) {
    return llvm::all_of(llvm::zip(mine, other), [&](auto pair) {
      return sameValue(a, std::get<0>(pair), b, std::get<1>(pair));
    });
  }

  bool sameAttributes(Operation *x, Operation *y) {
    if (auto constant = dyn_cast<arith::ConstantOp>(x))
      return sameNumber(constant.getValue(),
                        cast<arith::ConstantOp>(y).getValue());
    if (auto index = dyn_cast<IndexOp>(x))
      return partnerOf[index.getRankAttr()] == cast<IndexOp>(y).getRankAttr();
    if (auto param = dyn_cast<ParamOp>(x))
      return parameters.lookup(param.getParamAttr()) ==
             cascade.getParam(cast<ParamOp>(y).getParam());
    return x->getAttrDictionary() == y->getAttrDictionary();
  }

  bool sameAccess(EinsumInterface a, const Access &mine, EinsumInterface b,
                  const Access &other) {
    if (!bindTensor(mine.tensor, other.tensor))
      return false;
    auto theirs = cast<NamedTensorType>(other.tensor.getType());
    auto ours = cast<NamedTensorType>(mine.tensor.getType());
    for (auto [rank, index] : llvm::zip(ours.getRanks(), mine.map.getResults()))
      if (carryOver(index, a, b) !=
          ownValue(other.map.getResult(theirs.findRank(partnerOf[rank])), b))
        return false;
    return true;
  }

  bool sameOutputs() {
    llvm::DenseSet<Value> mine, other;
    for (OutputOp output : pattern.getBodyBlock()->getOps<OutputOp>())
      for (Value tensor : output.getTensors())
        mine.insert(tensors.lookup(tensor));
    for (OutputOp output : cascade.getBodyBlock()->getOps<OutputOp>())
      other.insert(output.getTensors().begin(), output.getTensors().end());
    return mine == other;
  }

  //===--- Results --------------------------------------------------------===//

  CascadeMatch result() {
    CascadeMatch match;
    for (const auto &[mine, other] : tensors)
      match.tensors[nameOf(mine)] = nameOf(other).str();
    for (const auto &[mine, other] : partnerOf)
      match.ranks[mine] = other.str();
    return match;
  }

  /// The first Einsum of the pattern for which there is no other one like it
  /// or, if there is for each, the one at which the search got no further.
  std::string explain() {
    SmallVector<EinsumInterface> left(found);
    for (EinsumInterface einsum : wanted) {
      auto *partner = llvm::find_if(left, [&](EinsumInterface other) {
        return signatureOf(other) == signatureOf(einsum);
      });
      if (partner == left.end())
        return describe(einsum);
      left.erase(partner);
    }
    if (!left.empty())
      return "'" + nameOf(left.front()).str() + "' has no counterpart in '" +
             pattern.getSymName().str() + "'";
    return describe(wanted[std::min(deepest, wanted.size() - 1)]);
  }

  std::string describe(EinsumInterface einsum) {
    unsigned line = cast<FileLineColLoc>(einsum->getLoc()).getLine();
    SmallVector<StringRef> lines;
    text.split(lines, '\n');
    return "none of its Einsums does what '" + lines[line - 1].trim().str() +
           "' does in '" + pattern.getSymName().str() + "'";
  }

  StringRef text; ///< of the pattern
  CascadeOp pattern, cascade;
  MLIRContext *context;
  SmallVector<EinsumInterface> wanted, found;
  std::vector<RankUse> wantedRanks, foundRanks;
  llvm::DenseMap<StringAttr, StringAttr> partnerOf;
  llvm::SmallPtrSet<Attribute, 8> taken;
  llvm::DenseMap<StringAttr, int64_t> parameters;
  llvm::SmallPtrSet<Operation *, 16> used;
  llvm::DenseMap<Value, Value> tensors;
  llvm::SmallPtrSet<Value, 16> boundTo;
  SmallVector<Value> trail;
  unsigned pairings = 0;
  size_t deepest = 0;
};

} // namespace

FailureOr<CascadeMatch> CascadePattern::match(CascadeOp cascade,
                                              std::string &reason) const {
  return Matcher(text, pattern, cascade).run(reason);
}
