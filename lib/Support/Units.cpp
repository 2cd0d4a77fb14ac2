//===- Units.cpp - Quantities written with their units --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Units.h"
#include "lib/Support/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>
#include <cmath>

using namespace einsum;

namespace {

struct Unit {
  const char *name;
  Dimension dimension;
  double factor;
};

constexpr double kibi = 1024, mebi = kibi * kibi, gibi = kibi * mebi,
                 tebi = kibi * gibi;

/// Units of data; each also exists per second.
constexpr Unit dataUnits[] = {
    {"B", Dimension::Bytes, 1},
    {"kB", Dimension::Bytes, 1e3},
    {"MB", Dimension::Bytes, 1e6},
    {"GB", Dimension::Bytes, 1e9},
    {"TB", Dimension::Bytes, 1e12},
    {"KiB", Dimension::Bytes, kibi},
    {"MiB", Dimension::Bytes, mebi},
    {"GiB", Dimension::Bytes, gibi},
    {"TiB", Dimension::Bytes, tebi},
    {"bit", Dimension::Bytes, 1. / 8},
    {"kbit", Dimension::Bytes, 1e3 / 8},
    {"Mbit", Dimension::Bytes, 1e6 / 8},
    {"Gbit", Dimension::Bytes, 1e9 / 8},
    {"Kibit", Dimension::Bytes, kibi / 8},
    {"Mibit", Dimension::Bytes, mebi / 8},
    {"Gibit", Dimension::Bytes, gibi / 8},
};

constexpr Unit otherUnits[] = {
    {"cycle", Dimension::Cycles, 1},
    {"cycles", Dimension::Cycles, 1},
    {"Hz", Dimension::Hertz, 1},
    {"kHz", Dimension::Hertz, 1e3},
    {"MHz", Dimension::Hertz, 1e6},
    {"GHz", Dimension::Hertz, 1e9},
    {"fJ", Dimension::Picojoules, 1e-3},
    {"pJ", Dimension::Picojoules, 1},
    {"nJ", Dimension::Picojoules, 1e3},
    {"uJ", Dimension::Picojoules, 1e6},
    {"mJ", Dimension::Picojoules, 1e9},
    {"J", Dimension::Picojoules, 1e12},
    {"um^2", Dimension::SquareMicrometres, 1},
    {"um2", Dimension::SquareMicrometres, 1},
    {"mm^2", Dimension::SquareMicrometres, 1e6},
    {"mm2", Dimension::SquareMicrometres, 1e6},
    {"W", Dimension::Watts, 1},
    {"mW", Dimension::Watts, 1e-3},
    {"uW", Dimension::Watts, 1e-6},
    {"nW", Dimension::Watts, 1e-9},
    {"s", Dimension::Seconds, 1},
    {"ms", Dimension::Seconds, 1e-3},
    {"us", Dimension::Seconds, 1e-6},
    {"ns", Dimension::Seconds, 1e-9},
    {"ps", Dimension::Seconds, 1e-12},
    {"nm", Dimension::Nanometres, 1},
    {"um", Dimension::Nanometres, 1e3},
    {"V", Dimension::Volts, 1},
    {"mV", Dimension::Volts, 1e-3},
    {"fJ/bit", Dimension::PicojoulesPerByte, 8e-3},
    {"pJ/bit", Dimension::PicojoulesPerByte, 8},
    {"fJ/B", Dimension::PicojoulesPerByte, 1e-3},
    {"pJ/B", Dimension::PicojoulesPerByte, 1},
    {"nJ/B", Dimension::PicojoulesPerByte, 1e3},
};

struct NamedUnit {
  std::string name;
  Dimension dimension;
  double factor;
};

const std::vector<NamedUnit> &allUnits() {
  static const std::vector<NamedUnit> units = [] {
    std::vector<NamedUnit> all;
    for (const Unit &u : dataUnits) {
      all.push_back({u.name, u.dimension, u.factor});
      all.push_back(
          {std::string(u.name) + "/s", Dimension::BytesPerSecond, u.factor});
    }
    for (const Unit &u : otherUnits)
      all.push_back({u.name, u.dimension, u.factor});
    return all;
  }();
  return units;
}

/// Thrown inside this file only; parseQuantity turns it into its error result.
struct Failure {
  size_t offset;
  std::string message;
};

/// Evaluates the longest expression at the start of a text.
///   sum     = product (('+' | '-') product)*
///   product = power (('*' | '/') power)*
///   power   = '-' power | primary ('^' power)?
///   primary = number | parameter | function '(' sum (',' sum)* ')' | '(' sum
///   ')'
class Evaluator {
public:
  Evaluator(llvm::StringRef text, Parameters &parameters)
      : text(text), parameters(parameters) {}

  double sum();
  size_t end() const { return pos; }
  void skipSpaces() {
    pos = std::min(text.find_first_not_of(" \t", pos), text.size());
  }

private:
  double product();
  double power();
  double primary();
  double number();
  double named();
  double call(llvm::StringRef function, size_t at);

  char peek() {
    skipSpaces();
    return pos < text.size() ? text[pos] : '\0';
  }
  bool consume(char c) {
    if (peek() != c)
      return false;
    ++pos;
    return true;
  }
  void expectClose(size_t open) {
    if (!consume(')'))
      throw Failure{open, "this '(' is not closed"};
  }
  double finite(double value, size_t at, llvm::StringRef operation) {
    if (std::isnan(value))
      throw Failure{at, (operation + " is undefined here").str()};
    if (std::isinf(value))
      throw Failure{at, (operation + " overflows here").str()};
    return value;
  }

  llvm::StringRef text;
  Parameters &parameters;
  size_t pos = 0;
  unsigned depth = 0; // every recursion passes through power()
};

double Evaluator::sum() {
  double value = product();
  while (peek() == '+' || peek() == '-') {
    size_t at = pos;
    bool plus = text[pos++] == '+';
    double right = product();
    value = finite(plus ? value + right : value - right, at, "the sum");
  }
  return value;
}

double Evaluator::product() {
  double value = power();
  while (peek() == '*' || peek() == '/') {
    size_t at = pos;
    bool times = text[pos++] == '*';
    double right = power();
    if (!times && right == 0)
      throw Failure{at, "division by zero"};
    value = finite(times ? value * right : value / right, at, "the product");
  }
  return value;
}

double Evaluator::power() {
  constexpr unsigned maxDepth = 100;
  if (++depth > maxDepth)
    throw Failure{pos, "the expression nests too deeply"};
  double value = 0;
  if (consume('-')) {
    value = -power();
  } else {
    value = primary();
    if (peek() == '^') {
      size_t at = pos++;
      value = finite(std::pow(value, power()), at, "the power");
    }
  }
  --depth;
  return value;
}

double Evaluator::primary() {
  char c = peek();
  if (llvm::isDigit(c) || c == '.')
    return number();
  if (llvm::isAlpha(c) || c == '_')
    return named();
  size_t open = pos;
  if (!consume('('))
    throw Failure{pos, "expected a number or a parameter"};
  double value = sum();
  expectClose(open);
  return value;
}

double Evaluator::number() {
  size_t begin = pos;
  auto skipDigits = [&] {
    while (pos < text.size() && llvm::isDigit(text[pos]))
      ++pos;
  };
  skipDigits();
  if (pos < text.size() && text[pos] == '.')
    ++pos;
  skipDigits();
  // "2e9" has an exponent, "2 eggs" and "2e" have not.
  llvm::StringRef rest = text.substr(pos);
  if (rest.consume_front_insensitive("e")) {
    if (!rest.consume_front("-"))
      rest.consume_front("+");
    if (!rest.empty() && llvm::isDigit(rest[0])) {
      pos = text.size() - rest.size();
      skipDigits();
    }
  }
  double value = 0;
  llvm::StringRef spelling = text.slice(begin, pos);
  if (spelling.getAsDouble(value))
    throw Failure{begin, "'" + spelling.str() + "' is not a number"};
  return finite(value, begin, "the number");
}

double Evaluator::named() {
  size_t begin = pos;
  while (pos < text.size() && (llvm::isAlnum(text[pos]) || text[pos] == '_'))
    ++pos;
  llvm::StringRef name = text.slice(begin, pos);
  if (peek() == '(')
    return call(name, begin);
  auto parameter = parameters.values.find(name.str());
  if (parameter == parameters.values.end())
    throw Failure{begin, "unknown parameter '" + name.str() + "'" +
                             didYouMean(name, parameters.names())};
  parameters.used.insert(name.str());
  return parameter->second;
}

double Evaluator::call(llvm::StringRef function, size_t at) {
  size_t open = pos++;
  std::vector<double> arguments;
  do
    arguments.push_back(sum());
  while (consume(','));
  expectClose(open);

  if (function == "min" && arguments.size() > 1)
    return *llvm::min_element(arguments);
  if (function == "max" && arguments.size() > 1)
    return *llvm::max_element(arguments);
  if (function == "min" || function == "max")
    throw Failure{at, "'" + function.str() + "' takes at least two values"};

  static const std::map<std::string, double (*)(double)> unary = {
      {"ceil", [](double x) { return std::ceil(x); }},
      {"floor", [](double x) { return std::floor(x); }},
      {"log2", [](double x) { return std::log2(x); }},
  };
  auto found = unary.find(function.str());
  if (found == unary.end())
    throw Failure{at, "unknown function '" + function.str() +
                          "'; there are min, max, ceil, floor and log2"};
  if (arguments.size() != 1)
    throw Failure{at, "'" + function.str() + "' takes one value"};
  return finite(found->second(arguments[0]), at, function);
}

std::vector<std::string> unitNames(Dimension dimension) {
  std::vector<std::string> names;
  for (const NamedUnit &unit : allUnits())
    if (unit.dimension == dimension)
      names.push_back(unit.name);
  return names;
}

/// The factor of the unit that `text` ends with, from byte `begin` on.
double unitFactor(llvm::StringRef text, size_t begin, llvm::StringRef what,
                  Dimension dimension) {
  // "GiB / s" and "um ^2" are the same units as "GiB/s" and "um^2".
  std::string spelling;
  for (char c : text.substr(begin))
    if (!llvm::isSpace(c))
      spelling += c;

  std::string takes = (what + " takes " + describe(dimension)).str();
  std::string found = "found '" + text.str() + "'";
  bool unitless =
      dimension == Dimension::Count || dimension == Dimension::Cycles;
  if (spelling.empty()) {
    if (unitless)
      return 1;
    throw Failure{0, takes + ", " + found + " without a unit"};
  }
  const std::vector<NamedUnit> &units = allUnits();
  auto unit = llvm::find_if(
      units, [&](const NamedUnit &u) { return u.name == spelling; });
  if (unit == units.end())
    throw Failure{begin, "unknown unit '" + spelling + "'; " + takes +
                             didYouMean(spelling, unitNames(dimension))};
  if (unit->dimension != dimension)
    throw Failure{begin, takes + ", " + found};
  return unit->factor;
}

} // namespace

llvm::StringRef einsum::describe(Dimension dimension) {
  switch (dimension) {
  case Dimension::Count:
    return "a number without a unit";
  case Dimension::Cycles:
    return "cycles";
  case Dimension::Bytes:
    return "bytes (B, KiB, MiB, GiB, ...)";
  case Dimension::BytesPerSecond:
    return "bytes per second (B/s, GiB/s, GB/s, ...)";
  case Dimension::Hertz:
    return "a frequency (Hz, kHz, MHz, GHz)";
  case Dimension::Picojoules:
    return "an energy (fJ, pJ, nJ, uJ, mJ, J)";
  case Dimension::SquareMicrometres:
    return "an area (um^2, mm^2)";
  case Dimension::Watts:
    return "a power (nW, uW, mW, W)";
  case Dimension::Seconds:
    return "a time (ps, ns, us, ms, s)";
  case Dimension::Nanometres:
    return "a length (nm, um)";
  case Dimension::Volts:
    return "a voltage (mV, V)";
  case Dimension::PicojoulesPerByte:
    return "an energy per byte (pJ/bit, pJ/B, nJ/B, ...)";
  }
  llvm_unreachable("all dimensions are listed");
}

std::vector<std::string> Parameters::names() const {
  std::vector<std::string> names;
  for (const auto &[name, value] : values)
    names.push_back(name);
  return names;
}

std::optional<double> einsum::parseQuantity(llvm::StringRef text,
                                            llvm::StringRef what,
                                            Dimension dimension,
                                            Parameters &parameters,
                                            QuantityError &error) {
  try {
    Evaluator evaluator(text, parameters);
    double value = evaluator.sum();
    evaluator.skipSpaces();
    size_t unit = evaluator.end();
    if (unit < text.size() && !llvm::isAlpha(text[unit]))
      throw Failure{unit, "expected an operator or a unit here"};
    value *= unitFactor(text, unit, what, dimension);
    if (!std::isfinite(value))
      throw Failure{0, "'" + text.str() + "' overflows"};
    return value;
  } catch (const Failure &failure) {
    error = {failure.offset, failure.message};
    return std::nullopt;
  }
}
