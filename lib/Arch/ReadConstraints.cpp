//===- ReadConstraints.cpp - What a spec asks of mappers ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ParsedArch.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::arch;

namespace {

constexpr uint64_t unlimited = std::numeric_limits<uint64_t>::max();

template <typename T> std::vector<std::string> namesOf(const T &items) {
  std::vector<std::string> names;
  for (const auto &item : items)
    names.push_back(item.name);
  return names;
}

/// Roles by the words that stand for them; also the order of "there are ...".
const std::pair<const char *, TensorTerm::Kind> roles[] = {
    {"all", TensorTerm::Kind::All},
    {"inputs", TensorTerm::Kind::Inputs},
    {"outputs", TensorTerm::Kind::Outputs},
    {"weights", TensorTerm::Kind::Weights},
    {"intermediates", TensorTerm::Kind::Intermediates},
};

class ConstraintReader {
public:
  ConstraintReader(const JsonValue &json, ParsedArch &arch, Diagnostics &diags)
      : reader(json, "the constraint", arch.parameters, diags), json(json),
        arch(arch), spec(arch.spec), diags(diags) {}

  void read();

private:
  void readLevel(int level, EinsumSelection on);
  void readDimension(llvm::ArrayRef<int> arrays, const std::string &name,
                     EinsumSelection on);
  void readArrays(const JsonValue &names, EinsumSelection on);
  void suggestSubject();
  EinsumSelection readSelection();
  TensorSet readTensors(const JsonValue &list, int level);
  TensorTerm readTensor(const JsonValue &entry, int level);
  std::vector<WorkloadName> readNames(const char *key);
  Bounds readBounds(const JsonValue &json, const std::string &what,
                    uint64_t *multipleOf = nullptr);
  std::vector<TileBound> readTile();
  int findLevel(const JsonValue &name);
  int findArray(const JsonValue &name);
  std::vector<int> arraysBelow(int level) const;

  ObjectReader reader;
  const JsonValue &json;
  ParsedArch &arch;
  ArchSpec &spec;
  Diagnostics &diags;
};

int ConstraintReader::findLevel(const JsonValue &name) {
  int level = spec.findLevel(name.string);
  if (level < 0)
    diags.error(name.loc, "there is no level '" + name.string + "'" +
                              didYouMean(name.string, namesOf(spec.levels)));
  return level;
}

int ConstraintReader::findArray(const JsonValue &name) {
  int array = spec.findArray(name.string);
  if (array < 0)
    diags.error(name.loc, "there is no array '" + name.string + "'" +
                              didYouMean(name.string, namesOf(spec.arrays)));
  return array;
}

/// Arrays that have the dimensions of a level.
std::vector<int> ConstraintReader::arraysBelow(int level) const {
  std::vector<int> below;
  for (size_t i = 0; i < spec.arrays.size(); ++i) {
    int at = spec.arrays[i].level;
    while (at >= 0 && at != level)
      at = spec.levels[at].parent;
    if (at == level)
      below.push_back(int(i));
  }
  return below;
}

void ConstraintReader::read() {
  if (json.kind != JsonValue::Kind::Object)
    return;
  const JsonValue *level = reader.get("level", JsonValue::Kind::String);
  const JsonValue *array = reader.get("array", JsonValue::Kind::String);
  const JsonValue *arrays = reader.get("arrays", JsonValue::Kind::Array);
  const JsonValue *dimension = reader.get("dimension", JsonValue::Kind::String);
  EinsumSelection on = readSelection();
  int subjects = reader.places().has("level") + reader.places().has("array") +
                 reader.places().has("arrays");
  if (subjects != 1 || (array && !dimension) || (arrays && dimension)) {
    diags.error(json.loc, "a constraint is about one thing: a 'level', a "
                          "'dimension' of an 'array' or of a 'level', or the "
                          "'arrays' that Einsums may use");
    suggestSubject();
    return;
  }
  int levelIndex = level ? findLevel(*level) : -1;
  int arrayIndex = array ? findArray(*array) : -1;
  if (arrays)
    readArrays(*arrays, std::move(on));
  else if (dimension && array && arrayIndex >= 0)
    readDimension(arrayIndex, dimension->string, std::move(on));
  else if (dimension && level && levelIndex >= 0)
    readDimension(arraysBelow(levelIndex), dimension->string, std::move(on));
  else if (!dimension && levelIndex >= 0)
    readLevel(levelIndex, std::move(on));
  else
    return; // the name was wrong, so nobody knows which keys it would have
  reader.finish();
}

/// A key that was to name what the constraint is about.
void ConstraintReader::suggestSubject() {
  const std::vector<std::string> subjects = {"level", "array", "arrays",
                                             "dimension"};
  for (const JsonMember &member : json.members)
    if (auto meant = nearestName(member.key, subjects);
        meant && !llvm::is_contained(subjects, member.key))
      diags.error(member.keyLoc, "unknown key '" + member.key +
                                     "' in a constraint; did you mean '" +
                                     *meant + "'?");
}

EinsumSelection ConstraintReader::readSelection() {
  EinsumSelection on;
  on.einsums = readNames("einsums");
  on.operators = readNames("operators");
  on.operands.max = unlimited;
  if (const JsonValue *operands = reader.any("operands"))
    on.operands = readBounds(*operands, "operands");
  if (reader.places().has("copies")) {
    std::string word = reader.string("copies");
    on.exceptCopies = word == "exempt";
    if (word != "exempt" && word != "constrained")
      diags.error(reader.places().of("copies"),
                  "copies is 'constrained' or 'exempt', found '" + word + "'");
  }
  return on;
}

void ConstraintReader::readLevel(int level, EinsumSelection on) {
  LevelConstraint constraint;
  constraint.level = level;
  constraint.on = std::move(on);
  constraint.loc = json.loc;
  if (auto *list = reader.get("must_keep", JsonValue::Kind::Array))
    constraint.mustKeep = readTensors(*list, level);
  if (auto *list = reader.get("may_keep", JsonValue::Kind::Array))
    constraint.mayKeep = readTensors(*list, level);
  constraint.order = readNames("order");
  constraint.tile = readTile();
  const Places &at = reader.places();
  if (!at.has("must_keep") && !at.has("may_keep") && !at.has("order") &&
      !at.has("tile"))
    diags.error(json.loc, "this constrains nothing about level '" +
                              spec.levels[level].name +
                              "'; give 'must_keep', 'may_keep', 'order' or "
                              "'tile', or leave it out");
  spec.constraints.levels.push_back(std::move(constraint));
}

void ConstraintReader::readDimension(llvm::ArrayRef<int> arrays,
                                     const std::string &name,
                                     EinsumSelection on) {
  DimensionConstraint constraint;
  constraint.on = std::move(on);
  constraint.loc = json.loc;
  if (auto *list = reader.get("reuse", JsonValue::Kind::Array))
    constraint.reuse = readTensors(*list, -1);
  if (reader.places().has("ranks"))
    constraint.ranks = readNames("ranks");
  if (auto share = reader.quantity("min_utilization", Dimension::Count,
                                   Range::Positive)) {
    constraint.minUtilization = *share;
    if (*share > 1)
      diags.error(reader.places().of("min_utilization"),
                  "min_utilization is a share of the units along the "
                  "dimension, more than 0 and at most 1");
  }
  if (reader.places().has("if_unreachable")) {
    std::string word = reader.string("if_unreachable");
    constraint.relax = word == "relax";
    if (word != "relax" && word != "refuse")
      diags.error(reader.places().of("if_unreachable"),
                  "if_unreachable is 'refuse' or 'relax', found '" + word +
                      "'");
    else if (!reader.places().has("min_utilization"))
      diags.error(reader.places().of("if_unreachable"),
                  "'if_unreachable' is about 'min_utilization', which is not "
                  "given");
  }
  const Places &at = reader.places();
  if (!at.has("reuse") && !at.has("ranks") && !at.has("min_utilization"))
    diags.error(json.loc, "this constrains nothing about dimension '" + name +
                              "'; give 'reuse', 'ranks' or "
                              "'min_utilization', or leave it out");
  std::vector<std::string> known;
  bool found = false;
  for (int array : arrays)
    for (auto [dim, candidate] : llvm::enumerate(spec.arrays[array].dims)) {
      known.push_back(candidate.name);
      if (candidate.name != name)
        continue;
      found = true;
      constraint.array = array;
      constraint.dim = int(dim);
      spec.constraints.dimensions.push_back(constraint);
    }
  if (!found)
    diags.error(at.of("dimension"), "there is no dimension '" + name +
                                        "' here" + didYouMean(name, known));
}

void ConstraintReader::readArrays(const JsonValue &names, EinsumSelection on) {
  ArrayChoice choice;
  choice.loc = json.loc;
  if (on.isAll())
    diags.error(json.loc, "say which Einsums the arrays are for: give "
                          "'einsums', 'operators', 'operands' or 'copies'");
  choice.on = std::move(on);
  if (names.elements.empty())
    diags.error(names.loc, "'arrays' names no array, so that these Einsums "
                           "could run nowhere");
  for (const JsonValue &name : names.elements) {
    if (name.kind != JsonValue::Kind::String)
      diags.error(name.loc, "'arrays' lists names of arrays, found " +
                                describe(name.kind));
    else if (int array = findArray(name); array >= 0)
      choice.arrays.push_back(array);
  }
  spec.constraints.arrays.push_back(std::move(choice));
}

std::vector<WorkloadName> ConstraintReader::readNames(const char *key) {
  std::vector<WorkloadName> names;
  const JsonValue *list = reader.get(key, JsonValue::Kind::Array);
  if (!list)
    return names;
  if (list->elements.empty())
    diags.error(list->loc, "'" + llvm::Twine(key) +
                               "' is empty; leave it out, or name something");
  for (const JsonValue &entry : list->elements) {
    if (entry.kind != JsonValue::Kind::String || entry.string.empty())
      diags.error(entry.loc, "'" + llvm::Twine(key) + "' lists names, found " +
                                 (entry.kind == JsonValue::Kind::String
                                      ? llvm::StringRef("an empty one")
                                      : describe(entry.kind)));
    else if (llvm::is_contained(
                 llvm::map_range(names, [](auto &n) { return n.name; }),
                 entry.string))
      diags.error(entry.loc, "'" + entry.string + "' is listed twice");
    else
      names.push_back({entry.string, entry.loc});
  }
  return names;
}

TensorSet ConstraintReader::readTensors(const JsonValue &list, int level) {
  TensorSet set;
  for (const JsonValue &entry : list.elements) {
    if (entry.kind == JsonValue::Kind::String && !entry.string.empty())
      set.push_back(readTensor(entry, level));
    else
      diags.error(entry.loc, "a set of tensors lists roles (all, inputs, "
                             "outputs, weights, intermediates), '@LEVEL' or "
                             "names, each with or without 'not '");
  }
  return set;
}

TensorTerm ConstraintReader::readTensor(const JsonValue &entry, int level) {
  TensorTerm term;
  llvm::StringRef text = entry.string;
  term.negated = text.consume_front("not ");
  text = text.trim();
  term.name = {text.str(), entry.loc};
  if (text.consume_front("@")) {
    term.kind = TensorTerm::Kind::KeptAt;
    JsonValue name = entry;
    name.string = text.str();
    term.level = findLevel(name);
    int outer = level;
    while (outer >= 0 && outer != term.level)
      outer = spec.levels[outer].parent;
    if (term.level >= 0 && (outer < 0 || term.level == level))
      diags.error(entry.loc,
                  "'@" + text + "' must be a level further out" +
                      (level < 0 ? " of a level's constraint"
                                 : " than '" + spec.levels[level].name + "'"));
    return term;
  }
  auto role = llvm::find_if(roles, [&](auto &r) { return r.first == text; });
  term.kind = role == std::end(roles) ? TensorTerm::Kind::Tensor : role->second;
  return term;
}

Bounds ConstraintReader::readBounds(const JsonValue &json,
                                    const std::string &what,
                                    uint64_t *multipleOf) {
  Bounds bounds{0, unlimited};
  auto whole = [&](const JsonValue &value, const std::string &name) {
    return readWhole(value, name, Dimension::Count, arch.parameters, diags);
  };
  if (json.kind != JsonValue::Kind::Object) {
    if (auto exact = whole(json, what))
      bounds = {*exact, *exact};
    return bounds;
  }
  ObjectReader inner(json, what, arch.parameters, diags);
  if (const JsonValue *min = inner.any("min"))
    bounds.min = whole(*min, "min of " + what).value_or(0);
  if (const JsonValue *max = inner.any("max"))
    bounds.max = whole(*max, "max of " + what).value_or(unlimited);
  if (multipleOf)
    if (const JsonValue *factor = inner.any("multiple_of"))
      *multipleOf = whole(*factor, "multiple_of of " + what).value_or(1);
  inner.finish();
  if (json.members.empty())
    diags.error(json.loc, what + " gives no bound");
  if (bounds.min > bounds.max)
    diags.error(json.loc, what + " is at least " + llvm::utostr(bounds.min) +
                              " and at most " + llvm::utostr(bounds.max) +
                              ", which nothing is");
  else if (multipleOf && bounds.max / *multipleOf * *multipleOf < bounds.min)
    diags.error(json.loc, what + " has no multiple of " +
                              llvm::utostr(*multipleOf) + " from " +
                              llvm::utostr(bounds.min) + " to " +
                              llvm::utostr(bounds.max));
  return bounds;
}

std::vector<TileBound> ConstraintReader::readTile() {
  std::vector<TileBound> tile;
  const JsonValue *ranks = reader.get("tile", JsonValue::Kind::Object);
  if (!ranks)
    return tile;
  if (ranks->members.empty())
    diags.error(ranks->loc, "'tile' is empty; leave it out, or bound a rank");
  for (const JsonMember &rank : ranks->members) {
    TileBound bound;
    bound.rank = {rank.key, rank.keyLoc};
    bound.extent = readBounds(rank.value, "the tile of rank '" + rank.key + "'",
                              &bound.multipleOf);
    tile.push_back(std::move(bound));
  }
  return tile;
}

} // namespace

void arch::readConstraints(ParsedArch &arch, Diagnostics &diags) {
  if (!arch.constraints)
    return;
  for (const JsonValue &one : arch.constraints->elements)
    ConstraintReader(one, arch, diags).read();
}

//===----------------------------------------------------------------------===//
// Names of a workload
//===----------------------------------------------------------------------===//

namespace {

class NameChecker {
public:
  NameChecker(const WorkloadNames &names, Diagnostics &diags)
      : names(names), diags(diags) {}

  void check(const WorkloadName &name, const char *noun,
             llvm::ArrayRef<std::string> known) {
    if (llvm::is_contained(known, name.name))
      return;
    diags.warning(name.loc, "workload '" + names.workload + "' has no " + noun +
                                " '" + name.name + "'" +
                                didYouMean(name.name, known));
  }
  void check(const EinsumSelection &on) {
    for (const WorkloadName &name : on.einsums)
      check(name, "Einsum", names.einsums);
    for (const WorkloadName &name : on.operators)
      check(name, "operator", names.operators);
  }
  void check(const TensorSet &set) {
    for (const TensorTerm &term : set)
      if (term.kind == TensorTerm::Kind::Tensor)
        check(term.name, "tensor", names.tensors);
  }
  void checkRanks(llvm::ArrayRef<WorkloadName> ranks) {
    for (const WorkloadName &name : ranks)
      check(name, "rank", names.ranks);
  }

private:
  const WorkloadNames &names;
  Diagnostics &diags;
};

} // namespace

void arch::warnAboutNames(const Constraints &constraints,
                          const WorkloadNames &names, Diagnostics &diags) {
  NameChecker checker(names, diags);
  for (const LevelConstraint &level : constraints.levels) {
    checker.check(level.on);
    checker.check(level.mustKeep.value_or(TensorSet()));
    checker.check(level.mayKeep.value_or(TensorSet()));
    checker.checkRanks(level.order);
    for (const TileBound &bound : level.tile)
      checker.checkRanks(bound.rank);
  }
  const DimensionConstraint *previous = nullptr;
  for (const DimensionConstraint &dimension : constraints.dimensions) {
    // One entry of the spec stands for every array below a level.
    bool isSame = previous && previous->loc.line == dimension.loc.line &&
                  previous->loc.col == dimension.loc.col;
    previous = &dimension;
    if (isSame)
      continue;
    checker.check(dimension.on);
    checker.check(dimension.reuse);
    checker.checkRanks(dimension.ranks.value_or(std::vector<WorkloadName>()));
  }
  for (const ArrayChoice &choice : constraints.arrays)
    checker.check(choice.on);
}
