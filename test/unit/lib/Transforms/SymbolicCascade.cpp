//===- SymbolicCascade.cpp - Cascades over unknown reals ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/lib/Transforms/SymbolicCascade.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <set>
#include <z3++.h>

using namespace mlir;
using namespace einsum;
using namespace einsum::test;

namespace {

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// num/den, an infinity, a truth value (in `num`), or no value at all (NaN).
struct Sym {
  enum class Kind { finite, minusInf, plusInf, boolean, undefined };
  Kind kind;
  z3::expr num, den;
};

/// What all formulas of one proof share: unknowns and the axioms about them.
class Theory {
public:
  z3::context context;
  std::vector<z3::expr> axioms;
  /// While true, denominators are assumed nonzero; otherwise they are
  /// obligations.
  bool assumeDefined = true;
  std::vector<z3::expr> denominators;

  Sym number(const std::string &decimal) {
    return finite(context.real_val(decimal.c_str()), one());
  }
  Sym unknown(const std::string &name) {
    return finite(context.real_const(name.c_str()), one());
  }
  Sym infinity(bool positive) {
    return {positive ? Sym::Kind::plusInf : Sym::Kind::minusInf, one(), one()};
  }
  Sym undefined() { return {Sym::Kind::undefined, one(), one()}; }
  Sym boolean(const z3::expr &truth) {
    return {Sym::Kind::boolean, truth, one()};
  }

  Sym add(const Sym &a, const Sym &b);
  Sym neg(const Sym &a);
  Sym mul(const Sym &a, const Sym &b);
  Sym div(const Sym &a, const Sym &b);
  Sym exp(const Sym &a);
  Sym log(const Sym &a);
  Sym sqrt(const Sym &a);
  Sym abs(const Sym &a) { return extremum({a, neg(a)}, true); }
  Sym extremum(ArrayRef<Sym> values, bool isMax);
  Sym apply(const std::string &function, ArrayRef<Sym> args);
  Sym select(const Sym &condition, const Sym &yes, const Sym &no);
  Sym compare(StringRef relation, const Sym &a, const Sym &b);

  z3::expr normal(const z3::expr &e) {
    z3::params params(context);
    params.set("som", true);
    params.set("flat", true);
    return e.simplify(params);
  }
  /// a/b - c/d with the denominators multiplied out: zero iff they are equal.
  z3::expr difference(const Sym &a, const Sym &b) {
    return normal(a.num * b.den - b.num * a.den);
  }
  static bool isNumber(const z3::expr &e, int value) {
    return e.is_numeral() && e.get_decimal_string(6) == std::to_string(value);
  }

private:
  /// A product of unknowns to integer powers, by the identity of the unknowns.
  using Monomial = std::map<unsigned, int>;

  z3::expr one() { return context.real_val(1); }
  Sym finite(const z3::expr &num, const z3::expr &den) {
    return {Sym::Kind::finite, normal(num), normal(den)};
  }
  z3::expr fresh(const std::string &stem) {
    return context.real_const((stem + "!" + std::to_string(count++)).c_str());
  }
  bool areEqual(const Sym &a, const Sym &b) {
    return a.kind == b.kind &&
           (a.kind != Sym::Kind::finite || isNumber(difference(a, b), 0));
  }
  z3::expr quotient(const Sym &a) {
    return isNumber(a.den, 1) ? a.num : a.num / a.den;
  }
  void splitProduct(const z3::expr &product, z3::expr &coefficient,
                    Monomial &factors);
  z3::expr expOfMonomial(const Monomial &monomial);

  unsigned count = 0;
  std::map<unsigned, z3::expr> factorsById;
  std::map<Monomial, z3::expr> exponentials;
  std::map<unsigned, z3::expr> logarithms; ///< of the unknowns E(t): t
  struct Extremum {
    bool isMax;
    std::vector<Sym> elements;
    Sym value;
  };
  std::vector<Extremum> extrema;
  struct Application {
    std::string function;
    std::vector<Sym> args;
    Sym value;
  };
  std::vector<Application> applications;
};

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Sym Theory::neg(const Sym &a) {
  if (a.kind == Sym::Kind::finite)
    return finite(-a.num, a.den);
  if (a.kind == Sym::Kind::undefined)
    return a;
  return infinity(a.kind == Sym::Kind::minusInf);
}

Sym Theory::add(const Sym &a, const Sym &b) {
  if (a.kind == Sym::Kind::undefined || b.kind == Sym::Kind::undefined)
    return undefined();
  if (a.kind == Sym::Kind::finite && b.kind == Sym::Kind::finite) {
    if (z3::eq(a.den, b.den))
      return finite(a.num + b.num, a.den);
    return finite(a.num * b.den + b.num * a.den, a.den * b.den);
  }
  if (a.kind == Sym::Kind::finite)
    return b;
  if (b.kind == Sym::Kind::finite || a.kind == b.kind)
    return a;
  return undefined(); // inf - inf
}

Sym Theory::mul(const Sym &a, const Sym &b) {
  if (a.kind == Sym::Kind::finite && b.kind == Sym::Kind::finite)
    return finite(a.num * b.num, a.den * b.den);
  // An infinity times a number of known sign; zero and unknowns have no
  // product.
  const Sym &number = a.kind == Sym::Kind::finite ? a : b,
            &other = &number == &a ? b : a;
  if (number.kind != Sym::Kind::finite || other.kind == Sym::Kind::undefined ||
      !number.num.is_numeral() || !number.den.is_numeral() ||
      isNumber(number.num, 0))
    return undefined();
  bool positive = normal(number.num * number.den > 0).is_true();
  return positive ? other : neg(other);
}

Sym Theory::div(const Sym &a, const Sym &b) {
  if (a.kind == Sym::Kind::finite && b.kind != Sym::Kind::finite)
    return b.kind == Sym::Kind::undefined ? b : number("0");
  if (a.kind != Sym::Kind::finite)
    return undefined();
  if (isNumber(b.num, 0))
    return undefined();
  if (!b.num.is_numeral()) {
    if (assumeDefined)
      axioms.push_back(b.num != 0);
    else
      denominators.push_back(b.num);
  }
  return finite(a.num * b.den, a.den * b.num);
}

//===----------------------------------------------------------------------===//
// exp: a homomorphism from sums to products
//===----------------------------------------------------------------------===//

void Theory::splitProduct(const z3::expr &product, z3::expr &coefficient,
                          Monomial &factors) {
  if (product.is_numeral()) {
    coefficient = normal(coefficient * product);
    return;
  }
  if (product.is_app() && product.decl().decl_kind() == Z3_OP_MUL) {
    for (unsigned i = 0; i < product.num_args(); ++i)
      splitProduct(product.arg(i), coefficient, factors);
    return;
  }
  if (product.is_app() && product.decl().decl_kind() == Z3_OP_UMINUS) {
    coefficient = normal(-coefficient);
    splitProduct(product.arg(0), coefficient, factors);
    return;
  }
  if (product.is_app() && product.decl().decl_kind() == Z3_OP_POWER &&
      product.arg(1).is_numeral()) {
    factorsById.emplace(product.arg(0).id(), product.arg(0));
    factors[product.arg(0).id()] +=
        std::stoi(product.arg(1).get_decimal_string(0));
    return;
  }
  factorsById.emplace(product.id(), product);
  ++factors[product.id()];
}

z3::expr Theory::expOfMonomial(const Monomial &monomial) {
  if (auto it = exponentials.find(monomial); it != exponentials.end())
    return it->second;
  z3::expr power = fresh("E");
  axioms.push_back(power > 0);
  exponentials.emplace(monomial, power);
  z3::expr term = one();
  for (auto [id, exponent] : monomial)
    for (int i = 0; i < std::abs(exponent); ++i)
      term =
          exponent > 0 ? term * factorsById.at(id) : term / factorsById.at(id);
  factorsById.emplace(power.id(), power);
  logarithms.emplace(power.id(), term);
  // exp is monotone: a maximum of terms has the maximum of their exponentials.
  if (monomial.size() != 1 || monomial.begin()->second != 1)
    return power;
  for (size_t i = 0; i < extrema.size(); ++i) {
    Extremum extremum = extrema[i];
    if (!isNumber(extremum.value.den, 1) ||
        extremum.value.num.id() != monomial.begin()->first)
      continue;
    z3::expr_vector reached(context);
    for (const Sym &element : extremum.elements) {
      Sym e = exp(element);
      z3::expr scaled = power * e.den;
      axioms.push_back(extremum.isMax ? scaled >= e.num : scaled <= e.num);
      axioms.push_back(z3::implies(
          extremum.value.num * element.den == element.num, scaled == e.num));
      reached.push_back(scaled == e.num);
    }
    axioms.push_back(z3::mk_or(reached));
  }
  return power;
}

Sym Theory::exp(const Sym &a) {
  if (a.kind == Sym::Kind::minusInf)
    return number("0");
  if (a.kind != Sym::Kind::finite)
    return a;
  // One term per monomial of the numerator, divided by the denominator.
  Monomial below;
  z3::expr denominatorFactor = one();
  bool isSum = a.den.is_app() && a.den.decl().decl_kind() == Z3_OP_ADD;
  if (isSum) {
    factorsById.emplace(a.den.id(), a.den);
    below[a.den.id()] = 1;
  } else {
    splitProduct(a.den, denominatorFactor, below);
  }
  z3::expr num = one(), den = one();
  bool sums = a.num.is_app() && a.num.decl().decl_kind() == Z3_OP_ADD;
  for (unsigned i = 0, n = sums ? a.num.num_args() : 1; i < n; ++i) {
    z3::expr coefficient = one();
    Monomial term;
    splitProduct(sums ? a.num.arg(i) : a.num, coefficient, term);
    coefficient = normal(coefficient / denominatorFactor);
    for (auto [factor, power] : below)
      if ((term[factor] -= power) == 0)
        term.erase(factor);
    int64_t whole = 0;
    if (!coefficient.is_numeral_i64(whole)) {
      // A fraction of a term is a term of its own.
      factorsById.emplace(coefficient.id(), coefficient);
      ++term[coefficient.id()];
      whole = 1;
    }
    if (whole == 0)
      continue;
    z3::expr power = expOfMonomial(term);
    for (int64_t k = 0; k < std::abs(whole); ++k)
      (whole > 0 ? num : den) = (whole > 0 ? num : den) * power;
  }
  return finite(num, den);
}

/// Exponentials that divide the whole argument leave as their terms.
Sym Theory::log(const Sym &a) {
  if (a.kind == Sym::Kind::minusInf || a.kind == Sym::Kind::undefined)
    return undefined();
  if (a.kind == Sym::Kind::plusInf)
    return a;
  z3::expr terms = context.real_val(0), num = a.num, den = a.den;
  auto takeOut = [&](z3::expr &side, int sign) {
    // What all addends have in common.
    std::vector<Monomial> addends;
    std::vector<z3::expr> coefficients;
    bool sums = side.is_app() && side.decl().decl_kind() == Z3_OP_ADD;
    for (unsigned i = 0, n = sums ? side.num_args() : 1; i < n; ++i) {
      coefficients.push_back(one());
      splitProduct(sums ? side.arg(i) : side, coefficients.back(),
                   addends.emplace_back());
    }
    Monomial common;
    for (auto [id, power] : addends.front())
      if (logarithms.count(id))
        common[id] = power;
    for (const Monomial &addend : addends)
      for (auto &[id, power] : common)
        power = std::min(power, addend.count(id) ? addend.at(id) : 0);
    for (auto [id, power] : common)
      for (int i = 0; i < power; ++i)
        terms =
            sign > 0 ? terms + logarithms.at(id) : terms - logarithms.at(id);
    z3::expr rest = context.real_val(0);
    for (size_t i = 0; i < addends.size(); ++i) {
      z3::expr product = coefficients[i];
      for (auto [id, power] : addends[i])
        for (int k = common.count(id) ? common.at(id) : 0; k < power; ++k)
          product = product * factorsById.at(id);
      rest = rest + product;
    }
    side = rest;
  };
  takeOut(num, 1);
  takeOut(den, -1);
  Sym rest = finite(num, den);
  Sym sum = finite(terms, one());
  if (isNumber(rest.num, 1) && isNumber(rest.den, 1))
    return sum;
  return add(apply("log", rest), sum);
}

//===----------------------------------------------------------------------===//
// Other functions
//===----------------------------------------------------------------------===//

Sym Theory::extremum(ArrayRef<Sym> values, bool isMax) {
  std::vector<Sym> elements;
  auto include = [&](const Sym &value) {
    if (llvm::none_of(elements,
                      [&](const Sym &e) { return areEqual(e, value); }))
      elements.push_back(value);
  };
  for (const Sym &value : values) {
    if (value.kind == Sym::Kind::undefined)
      return value;
    if (value.kind == (isMax ? Sym::Kind::plusInf : Sym::Kind::minusInf))
      return value;
    if (value.kind != Sym::Kind::finite)
      continue; // the identity
    auto nested = llvm::find_if(extrema, [&](const Extremum &e) {
      return e.isMax == isMax && z3::eq(e.value.num, value.num) &&
             isNumber(value.den, 1);
    });
    if (nested == extrema.end()) {
      include(value);
      continue;
    }
    std::vector<Sym> inner = nested->elements;
    for (const Sym &element : inner)
      include(element);
  }
  if (elements.empty())
    return infinity(!isMax);
  if (elements.size() == 1)
    return elements.front();
  for (const Extremum &known : extrema)
    if (known.isMax == isMax && known.elements.size() == elements.size() &&
        llvm::all_of(elements, [&](const Sym &element) {
          return llvm::any_of(known.elements, [&](const Sym &e) {
            return areEqual(e, element);
          });
        }))
      return known.value;
  Sym value = finite(fresh(isMax ? "max" : "min"), one());
  z3::expr_vector reached(context);
  for (const Sym &element : elements) {
    z3::expr e = quotient(element);
    axioms.push_back(isMax ? value.num >= e : value.num <= e);
    reached.push_back(value.num == e);
  }
  axioms.push_back(z3::mk_or(reached));
  extrema.push_back({isMax, elements, value});
  return value;
}

Sym Theory::apply(const std::string &function, ArrayRef<Sym> args) {
  for (const Sym &arg : args)
    if (arg.kind != Sym::Kind::finite)
      return undefined();
  for (const Application &known : applications)
    if (known.function == function && known.args.size() == args.size() &&
        llvm::all_of(llvm::zip(known.args, args), [&](auto pair) {
          return areEqual(std::get<0>(pair), std::get<1>(pair));
        }))
      return known.value;
  Sym value = finite(fresh(function), one());
  // Arguments may be equal without looking so.
  for (const Application &known : applications) {
    if (known.function != function || known.args.size() != args.size())
      continue;
    z3::expr same = context.bool_val(true);
    for (auto [a, b] : llvm::zip(known.args, args))
      same = same && difference(a, b) == 0;
    axioms.push_back(z3::implies(same, known.value.num == value.num));
  }
  applications.push_back(
      {function, std::vector<Sym>(args.begin(), args.end()), value});
  return value;
}

Sym Theory::sqrt(const Sym &a) {
  size_t before = applications.size();
  Sym root = apply("sqrt", a);
  if (root.kind == Sym::Kind::finite && applications.size() > before) {
    axioms.push_back(root.num >= 0);
    axioms.push_back(
        z3::implies(quotient(a) >= 0, root.num * root.num * a.den == a.num));
  }
  return root;
}

Sym Theory::select(const Sym &condition, const Sym &yes, const Sym &no) {
  z3::expr truth = condition.num.simplify();
  if (truth.is_true())
    return yes;
  if (truth.is_false())
    return no;
  if (yes.kind == Sym::Kind::finite && no.kind == Sym::Kind::finite)
    return finite(z3::ite(truth, yes.num, no.num),
                  z3::ite(truth, yes.den, no.den));
  return yes.kind == no.kind ? yes : undefined();
}

Sym Theory::compare(StringRef relation, const Sym &a, const Sym &b) {
  auto truth = [&](bool value) { return boolean(context.bool_val(value)); };
  if (a.kind == Sym::Kind::undefined || b.kind == Sym::Kind::undefined)
    return undefined();
  if (a.kind != Sym::Kind::finite || b.kind != Sym::Kind::finite) {
    auto place = [](const Sym &s) {
      return s.kind == Sym::Kind::minusInf  ? -1
             : s.kind == Sym::Kind::plusInf ? 1
                                            : 0;
    };
    int order = place(a) - place(b);
    if (relation == "lt")
      return truth(order < 0);
    if (relation == "le")
      return truth(order <= 0);
    if (relation == "eq")
      return truth(order == 0);
    return truth(order != 0);
  }
  z3::expr l = quotient(a), r = quotient(b);
  if (relation == "lt")
    return boolean(l < r);
  if (relation == "le")
    return boolean(l <= r);
  if (relation == "eq")
    return boolean(l == r);
  return boolean(l != r);
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

using Coordinates = std::vector<int64_t>;
using Tuple = std::vector<Sym>;

class Evaluation {
public:
  Evaluation(Theory &theory, CascadeOp cascade)
      : theory(theory), cascade(cascade) {}

  /// Null if the element is absent.
  std::optional<Sym> read(Value tensor, const Coordinates &at);
  std::vector<int64_t> extents(Value tensor) {
    std::vector<int64_t> result;
    for (StringAttr rank : cast<NamedTensorType>(tensor.getType()).getRanks())
      result.push_back(extent(rank));
    return result;
  }

private:
  int64_t extent(StringAttr rank) {
    std::optional<int64_t> bound = cascade.findRank(rank).getBoundExtent();
    if (!bound)
      llvm::report_fatal_error("an extent is not bound");
    return *bound;
  }
  const std::optional<Tuple> &element(EinsumInterface einsum,
                                      const Coordinates &at);
  std::optional<Tuple> computeElement(EinsumInterface einsum,
                                      const Coordinates &at);
  std::optional<Sym> readAt(const Access &access, ArrayRef<int64_t> point,
                            ArrayRef<int64_t> symbols);
  std::optional<Tuple> mapAt(EinsumInterface einsum, ArrayRef<int64_t> point);
  bool conditionsHold(EinsumInterface einsum, ArrayRef<int64_t> point,
                      ArrayRef<int64_t> symbols, ArrayRef<bool> known);
  bool insideSplits(EinsumInterface einsum, ArrayRef<int64_t> point,
                    ArrayRef<bool> known);
  Tuple combine(const Reduction &reduction, const Tuple &a, const Tuple &b);
  Tuple identity(EinsumInterface einsum);
  Tuple evaluateBody(Block &body, ArrayRef<Sym> args,
                     ArrayRef<StringAttr> ranks, ArrayRef<int64_t> point);
  Sym evaluateOp(Operation &op, ArrayRef<Sym> args, ArrayRef<StringAttr> ranks,
                 ArrayRef<int64_t> point);
  Sym constant(Attribute value);

  Theory &theory;
  CascadeOp cascade;
  std::map<std::pair<void *, Coordinates>, std::optional<Tuple>> elements;
};

int64_t valueOf(AffineExpr expr, ArrayRef<int64_t> dims,
                ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t l = valueOf(binary.getLHS(), dims, symbols),
          r = valueOf(binary.getRHS(), dims, symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return l + r;
  case AffineExprKind::Mul:
    return l * r;
  case AffineExprKind::Mod:
    return ((l % r) + r) % r;
  case AffineExprKind::FloorDiv:
    return l >= 0 ? l / r : -((-l + r - 1) / r);
  default:
    return l >= 0 ? (l + r - 1) / r : -(-l / r);
  }
}

/// True if the expression speaks of known coordinates alone.
bool isKnown(AffineExpr expr, ArrayRef<bool> known) {
  bool all = true;
  expr.walk([&](AffineExpr part) {
    if (auto dim = dyn_cast<AffineDimExpr>(part))
      all &= known[dim.getPosition()];
  });
  return all;
}

std::optional<Sym> Evaluation::read(Value tensor, const Coordinates &at) {
  Operation *producer = tensor.getDefiningOp();
  if (auto input = dyn_cast<InputOp>(producer)) {
    std::string name = input.getTensor().str();
    for (int64_t c : at)
      name += "_" + std::to_string(c);
    return theory.unknown(name);
  }
  const std::optional<Tuple> &tuple =
      element(cast<EinsumInterface>(producer), at);
  if (!tuple)
    return std::nullopt;
  return (*tuple)[cast<OpResult>(tensor).getResultNumber()];
}

const std::optional<Tuple> &Evaluation::element(EinsumInterface einsum,
                                                const Coordinates &at) {
  auto key = std::make_pair(static_cast<void *>(einsum.getOperation()), at);
  auto it = elements.find(key);
  if (it == elements.end())
    it = elements.emplace(key, computeElement(einsum, at)).first;
  return it->second;
}

/// Out of range: an initial value if the producer has one, else absent.
std::optional<Sym> Evaluation::readAt(const Access &access,
                                      ArrayRef<int64_t> point,
                                      ArrayRef<int64_t> symbols) {
  std::vector<int64_t> size = extents(access.tensor);
  Coordinates at;
  for (auto [i, expr] : llvm::enumerate(access.map.getResults())) {
    int64_t c = valueOf(expr, point, symbols);
    if (c < 0 || c >= size[i]) {
      auto einsum = dyn_cast<EinsumInterface>(access.tensor.getDefiningOp());
      if (!einsum || einsum.getInitialValues().empty())
        return std::nullopt;
      return constant(einsum.getInitialValues()[cast<OpResult>(access.tensor)
                                                    .getResultNumber()]);
    }
    at.push_back(c);
  }
  return read(access.tensor, at);
}

/// The last tile of a split may be ragged.
bool Evaluation::insideSplits(EinsumInterface einsum, ArrayRef<int64_t> point,
                              ArrayRef<bool> known) {
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  for (SplitOp split : cascade.getBodyBlock()->getOps<SplitOp>()) {
    int64_t flat = 0;
    bool applies = true;
    for (Attribute part : split.getParts()) {
      auto *it = llvm::find(ranks, cast<StringAttr>(part));
      applies &= it != ranks.end() && known[it - ranks.begin()];
      if (!applies)
        break;
      flat = flat * extent(cast<StringAttr>(part)) + point[it - ranks.begin()];
    }
    if (applies && flat >= extent(split.getRankAttr().getAttr()))
      return false;
  }
  return true;
}

/// The conditions that known coordinates decide: filter, splits, absent
/// operands.
bool Evaluation::conditionsHold(EinsumInterface einsum, ArrayRef<int64_t> point,
                                ArrayRef<int64_t> symbols,
                                ArrayRef<bool> known) {
  if (!insideSplits(einsum, point, known))
    return false;
  if (std::optional<IntegerSet> filter = einsum.getFilterSet())
    for (auto [i, constraint] : llvm::enumerate(filter->getConstraints())) {
      if (!isKnown(constraint, known))
        continue;
      int64_t value = valueOf(constraint, point, symbols);
      if (filter->isEq(i) ? value != 0 : value < 0)
        return false;
    }
  for (const Access &access : einsum.getInputAccesses())
    if (llvm::all_of(access.map.getResults(),
                     [&](AffineExpr e) { return isKnown(e, known); }) &&
        !readAt(access, point, symbols))
      return false;
  return true;
}

std::optional<Tuple> Evaluation::mapAt(EinsumInterface einsum,
                                       ArrayRef<int64_t> point) {
  SmallVector<int64_t> symbols;
  for (StringAttr param : einsum.getSymbolNames())
    symbols.push_back(*cascade.getParam(param));
  SmallVector<bool> known(point.size(), true);
  if (!conditionsHold(einsum, point, symbols, known))
    return std::nullopt;
  std::vector<Sym> args;
  for (const Access &access : einsum.getInputAccesses())
    args.push_back(*readAt(access, point, symbols));
  return evaluateBody(einsum.getMapRegion().front(), args,
                      einsum.getIterationRanks(), point);
}

std::optional<Tuple> Evaluation::computeElement(EinsumInterface einsum,
                                                const Coordinates &at) {
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  SmallVector<int64_t> point(ranks.size(), 0), symbols;
  for (StringAttr param : einsum.getSymbolNames())
    symbols.push_back(*cascade.getParam(param));
  SmallVector<bool> kept(ranks.size(), false);
  for (auto [i, expr] :
       llvm::enumerate(einsum.getOutputAccess().getResults())) {
    unsigned dim = cast<AffineDimExpr>(expr).getPosition();
    kept[dim] = true;
    point[dim] = at[i];
  }
  if (!conditionsHold(einsum, point, symbols, kept))
    return std::nullopt;
  SmallVector<Reduction> reductions = einsum.getReductionList();
  if (reductions.empty())
    return mapAt(einsum, point);
  std::optional<Tuple> total;
  // Reduced ranks nest; with different monoids the inner ones finish first.
  std::function<std::optional<Tuple>(size_t)> reduce =
      [&](size_t depth) -> std::optional<Tuple> {
    if (depth == reductions.size())
      return mapAt(einsum, point);
    unsigned dim = llvm::find(ranks, reductions[depth].rank) - ranks.begin();
    std::optional<Tuple> sum;
    for (int64_t c = 0; c < extent(reductions[depth].rank); ++c) {
      point[dim] = c;
      std::optional<Tuple> term = reduce(depth + 1);
      if (!term)
        continue;
      sum = sum ? combine(reductions[depth], *sum, *term) : *term;
    }
    return sum;
  };
  total = reduce(0);
  return total ? total : identity(einsum);
}

Tuple Evaluation::identity(EinsumInterface einsum) {
  Reduction outer = einsum.getReductionList().front();
  if (auto monoid = dyn_cast_or_null<MonoidOp>(outer.definition)) {
    Tuple tuple;
    for (Attribute value : monoid.getIdentity())
      tuple.push_back(constant(value));
    return tuple;
  }
  StringRef name = outer.monoid.getValue();
  if (name == "add")
    return {theory.number("0")};
  if (name == "mul")
    return {theory.number("1")};
  if (name == "max" || name == "min")
    return {theory.infinity(name == "min")};
  return {theory.infinity(name == "argmin"), theory.undefined()};
}

Tuple Evaluation::combine(const Reduction &reduction, const Tuple &a,
                          const Tuple &b) {
  if (auto monoid = dyn_cast_or_null<MonoidOp>(reduction.definition)) {
    std::vector<Sym> args(a);
    args.insert(args.end(), b.begin(), b.end());
    return evaluateBody(monoid.getBody().front(), args, {}, {});
  }
  StringRef name = reduction.monoid.getValue();
  if (name == "add")
    return {theory.add(a[0], b[0])};
  if (name == "mul")
    return {theory.mul(a[0], b[0])};
  if (name == "max" || name == "min")
    return {theory.extremum({a[0], b[0]}, name == "max")};
  // argmax, argmin: the smaller index among equal values.
  Sym better = name == "argmax" ? theory.compare("lt", a[0], b[0])
                                : theory.compare("lt", b[0], a[0]);
  Sym same = theory.compare("eq", a[0], b[0]),
      lower = theory.compare("lt", b[1], a[1]);
  Sym take = theory.boolean(better.num || (same.num && lower.num));
  return {theory.select(take, b[0], a[0]), theory.select(take, b[1], a[1])};
}

//===----------------------------------------------------------------------===//
// Map expressions
//===----------------------------------------------------------------------===//

Sym Evaluation::constant(Attribute value) {
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    if (integer.getType().isInteger(1))
      return theory.boolean(
          theory.context.bool_val(integer.getValue().getBoolValue()));
    return theory.number(std::to_string(integer.getInt()));
  }
  APFloat number = cast<FloatAttr>(value).getValue();
  if (number.isInfinity())
    return theory.infinity(!number.isNegative());
  if (number.isNaN())
    return theory.undefined();
  // Exactly: a double is an integer times a power of two.
  bool loses;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &loses);
  int exponent;
  double fraction = std::frexp(number.convertToDouble(), &exponent);
  auto mantissa = static_cast<int64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  while (mantissa != 0 && mantissa % 2 == 0 && exponent < 0) {
    mantissa /= 2;
    ++exponent;
  }
  Sym result = theory.number(std::to_string(mantissa));
  for (; exponent > 0; --exponent)
    result = theory.mul(result, theory.number("2"));
  for (; exponent < 0; ++exponent)
    result = theory.mul(result, theory.number("1/2"));
  return result;
}

Tuple Evaluation::evaluateBody(Block &body, ArrayRef<Sym> args,
                               ArrayRef<StringAttr> ranks,
                               ArrayRef<int64_t> point) {
  llvm::DenseMap<Value, size_t> slots;
  std::vector<Sym> values;
  auto define = [&](Value value, const Sym &sym) {
    slots[value] = values.size();
    values.push_back(sym);
  };
  for (auto [argument, sym] : llvm::zip(body.getArguments(), args))
    define(argument, sym);
  Tuple yielded;
  for (Operation &op : body) {
    std::vector<Sym> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values[slots.at(operand)]);
    if (isa<YieldOp>(op))
      return operands;
    define(op.getResult(0), evaluateOp(op, operands, ranks, point));
  }
  return yielded;
}

Sym Evaluation::evaluateOp(Operation &op, ArrayRef<Sym> args,
                           ArrayRef<StringAttr> ranks,
                           ArrayRef<int64_t> point) {
  if (auto c = dyn_cast<arith::ConstantOp>(op))
    return constant(c.getValue());
  if (auto index = dyn_cast<IndexOp>(op))
    return theory.number(std::to_string(
        point[llvm::find(ranks, index.getRankAttr()) - ranks.begin()]));
  if (auto param = dyn_cast<ParamOp>(op))
    return theory.number(std::to_string(*cascade.getParam(param.getParam())));
  if (auto apply = dyn_cast<ApplyOp>(op)) {
    auto callee = cast<FunctionOp>(
        SymbolTable::lookupSymbolIn(cascade, apply.getCallee()));
    return evaluateBody(callee.getBody().front(), args, ranks, point).front();
  }
  if (isa<arith::AddFOp, arith::AddIOp>(op))
    return theory.add(args[0], args[1]);
  if (isa<arith::SubFOp, arith::SubIOp>(op))
    return theory.add(args[0], theory.neg(args[1]));
  if (isa<arith::MulFOp, arith::MulIOp>(op))
    return theory.mul(args[0], args[1]);
  if (isa<arith::DivFOp>(op))
    return theory.div(args[0], args[1]);
  if (isa<arith::NegFOp>(op))
    return theory.neg(args[0]);
  if (isa<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp>(op))
    return theory.extremum(args, true);
  if (isa<arith::MinimumFOp, arith::MinNumFOp, arith::MinSIOp>(op))
    return theory.extremum(args, false);
  if (isa<arith::SelectOp>(op))
    return theory.select(args[0], args[1], args[2]);
  if (auto cmp = dyn_cast<arith::CmpFOp>(op)) {
    StringRef name =
        arith::stringifyCmpFPredicate(cmp.getPredicate()).drop_front();
    if (name == "gt" || name == "ge")
      return theory.compare(name == "gt" ? "lt" : "le", args[1], args[0]);
    return theory.compare(name, args[0], args[1]);
  }
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    StringRef name = arith::stringifyCmpIPredicate(cmp.getPredicate());
    if (name.size() == 3)
      name = name.drop_front();
    if (name == "gt" || name == "ge")
      return theory.compare(name == "gt" ? "lt" : "le", args[1], args[0]);
    return theory.compare(name, args[0], args[1]);
  }
  if (isa<math::ExpOp>(op))
    return theory.exp(args[0]);
  if (isa<math::LogOp>(op))
    return theory.log(args[0]);
  if (isa<math::SqrtOp>(op))
    return theory.sqrt(args[0]);
  if (isa<math::RsqrtOp>(op))
    return theory.div(theory.number("1"), theory.sqrt(args[0]));
  if (isa<math::AbsFOp>(op))
    return theory.abs(args[0]);
  if (isa<SigmoidOp>(op))
    return theory.div(
        theory.number("1"),
        theory.add(theory.number("1"), theory.exp(theory.neg(args[0]))));
  if (isa<math::PowFOp>(op) && args[1].kind == Sym::Kind::finite) {
    int64_t power = 0;
    if (args[1].num.is_numeral_i64(power) && Theory::isNumber(args[1].den, 1) &&
        power >= 0 && power < 16) {
      Sym result = theory.number("1");
      for (int64_t i = 0; i < power; ++i)
        result = theory.mul(result, args[0]);
      return result;
    }
  }
  // Over the reals a conversion between floats, or from an integer, changes
  // nothing.
  if (isa<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp,
          arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return args[0];
  return theory.apply(op.getName().getStringRef().str(), args);
}

//===----------------------------------------------------------------------===//
// The proof
//===----------------------------------------------------------------------===//

SmallVector<Value> outputsOf(CascadeOp cascade) {
  SmallVector<Value> outputs;
  for (OutputOp output : cascade.getBodyBlock()->getOps<OutputOp>())
    llvm::append_range(outputs, output.getTensors());
  return outputs;
}

template <typename Fn> void forEachPoint(ArrayRef<int64_t> extents, Fn &&fn) {
  Coordinates at(extents.size(), 0);
  while (true) {
    fn(at);
    size_t i = at.size();
    while (i > 0 && ++at[i - 1] == extents[i - 1])
      at[--i] = 0;
    if (i == 0)
      return;
  }
}

std::string describe(size_t output, const Coordinates &at) {
  std::string text = "output " + std::to_string(output) + " at [";
  for (size_t i = 0; i < at.size(); ++i)
    text += (i ? "," : "") + std::to_string(at[i]);
  return text + "]";
}

/// Is `claim` false in every model of the axioms?
Proof refute(Theory &theory, const z3::expr &claim, const std::string &what,
             unsigned timeoutMs) {
  z3::solver solver(theory.context);
  z3::params params(theory.context);
  params.set("timeout", timeoutMs);
  solver.set(params);
  for (const z3::expr &axiom : theory.axioms)
    solver.add(axiom);
  solver.add(claim);
  switch (solver.check()) {
  case z3::unsat:
    return {Verdict::proved, ""};
  case z3::sat: {
    std::string model;
    llvm::raw_string_ostream os(model);
    os << what << " with ";
    z3::model found = solver.get_model();
    for (unsigned i = 0; i < found.num_consts(); ++i)
      os << found.get_const_decl(i).name().str() << " = "
         << found.get_const_interp(found.get_const_decl(i)).to_string() << " ";
    return {Verdict::refuted, os.str()};
  }
  default:
    return {Verdict::unknown, what + ": " + solver.reason_unknown()};
  }
}

Proof compareElements(Theory &theory, const std::optional<Sym> &want,
                      const std::optional<Sym> &got, const std::string &where,
                      unsigned timeoutMs) {
  if (!want || want->kind == Sym::Kind::undefined)
    return {Verdict::proved, ""}; // nothing is promised
  if (!got)
    return {Verdict::refuted, where + " is absent in the derived cascade"};
  if (want->kind != got->kind)
    return {Verdict::refuted, where + " has another kind of value"};
  if (want->kind != Sym::Kind::finite)
    return {Verdict::proved, ""};
  z3::expr difference = theory.difference(*want, *got);
  if (Theory::isNumber(difference, 0))
    return {Verdict::proved, ""};
  return refute(theory, difference != 0, where + " differs", timeoutMs);
}

} // namespace

Proof einsum::test::proveEqual(CascadeOp truth, CascadeOp derived,
                               unsigned timeoutMs) {
  Theory theory;
  Evaluation reference(theory, truth), candidate(theory, derived);
  SmallVector<Value> wanted = outputsOf(truth), given = outputsOf(derived);
  if (wanted.size() != given.size())
    return {Verdict::refuted, "the number of outputs differs"};

  struct Pair {
    std::optional<Sym> want, got;
    std::string where;
  };
  std::vector<Pair> pairs;
  for (size_t i = 0; i < wanted.size(); ++i) {
    Value tensor = wanted[i];
    if (reference.extents(tensor) != candidate.extents(given[i]))
      return {Verdict::refuted,
              "the shape of output " + std::to_string(i) + " differs"};
    forEachPoint(reference.extents(tensor), [&](const Coordinates &at) {
      pairs.push_back({reference.read(tensor, at), {}, describe(i, at)});
    });
  }
  theory.assumeDefined = false;
  size_t next = 0;
  for (Value tensor : given)
    forEachPoint(candidate.extents(tensor), [&](const Coordinates &at) {
      pairs[next++].got = candidate.read(tensor, at);
    });

  for (const Pair &pair : pairs)
    if (Proof proof =
            compareElements(theory, pair.want, pair.got, pair.where, timeoutMs);
        proof.verdict != Verdict::proved)
      return proof;
  std::set<unsigned> seen;
  for (const z3::expr &denominator : theory.denominators)
    if (seen.insert(denominator.id()).second)
      if (Proof proof = refute(theory, denominator == 0,
                               "a new denominator can be zero", timeoutMs);
          proof.verdict != Verdict::proved)
        return proof;
  // Axioms that contradict each other would prove anything.
  if (refute(theory, theory.context.bool_val(true), "", timeoutMs).verdict ==
      Verdict::proved)
    return {Verdict::unknown,
            "the assumptions about the truth contradict each other"};
  return {Verdict::proved, ""};
}
