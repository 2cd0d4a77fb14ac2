//===- VerifyArch.cpp - Judges a machine as a whole -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a single key cannot show: names that clash, levels that do not form one
// tree, register files that feed the wrong array, sizes that contradict each
// other. Nothing here stops at the first fault.
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ParsedArch.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::arch;

namespace {

std::string bytes(double count) {
  char text[32]; // totals over all PEs may exceed 64 bits
  std::snprintf(text, sizeof(text), "%.15g bytes", count);
  return text;
}

class Verifier {
public:
  Verifier(const ParsedArch &arch, Diagnostics &diags)
      : arch(arch), spec(arch.spec), diags(diags) {}

  void run() {
    checkNames();
    for (size_t i = 0; i < spec.levels.size(); ++i) {
      checkPlaceInTree(i);
      checkPrivacy(i);
      checkDims(spec.levels[i].dims, arch.levels[i].dimLocs,
                "level '" + spec.levels[i].name + "'");
    }
    for (const Link &link : spec.links)
      checkLink(link);
    for (size_t i = 0; i < spec.arrays.size(); ++i) {
      checkFeed(i);
      checkDims(spec.arrays[i].dims, arch.arrays[i].dimLocs,
                "array '" + spec.arrays[i].name + "'");
    }
    // Warnings about a machine that was not understood would be about defaults.
    if (diags.hasErrors())
      return;
    for (size_t i = 0; i < spec.levels.size(); ++i) {
      warnAboutSizes(i);
      warnAboutEnergy(i);
    }
    for (const ParsedArray &array : arch.arrays)
      for (const ParsedOp &op : array.ops)
        warnAboutOperator(op);
    warnAboutReach();
    warnAboutParameters();
  }

private:
  void checkNames();
  void checkPlaceInTree(int index);
  void checkBeside(int index);
  void checkPrivacy(int index);
  void checkFeed(int index);
  void checkLink(const Link &link);
  void checkDims(llvm::ArrayRef<ArrayDim> dims,
                 llvm::ArrayRef<SourceLocation> own, const std::string &what);
  void warnAboutSizes(int index);
  void warnAboutEnergy(int index);
  void warnAboutOperator(const ParsedOp &op);
  void warnAboutReach();
  void warnAboutParameters();

  const ParsedArch &arch;
  const ArchSpec &spec;
  Diagnostics &diags;
};

/// A schedule names levels, arrays and engines alike, so they share one name
/// space.
void Verifier::checkNames() {
  std::map<std::string, SourceLocation> first;
  auto check = [&](const std::string &name, const SourceLocation &loc) {
    if (name.empty())
      return;
    auto [earlier, isNew] = first.try_emplace(name, loc);
    if (!isNew)
      diags.error(loc, "duplicate name '" + name + "'")
          .note(earlier->second, "first given here");
  };
  for (size_t i = 0; i < spec.levels.size(); ++i)
    check(spec.levels[i].name, arch.levels[i].at.of("name"));
  for (size_t i = 0; i < spec.arrays.size(); ++i)
    check(spec.arrays[i].name, arch.arrays[i].at.of("name"));
  for (size_t i = 0; i < spec.engines.size(); ++i)
    check(spec.engines[i].name, arch.engines[i].at.of("name"));
}

void Verifier::checkPlaceInTree(int index) {
  const Level &level = spec.levels[index];
  const Places &at = arch.levels[index].at;
  if (at.has("beside"))
    return checkBeside(index);
  if (!at.has("parent") && index > 0)
    diags.error(level.loc, "level '" + level.name + "' has no 'parent', but '" +
                               spec.levels[0].name +
                               "' already is the backing level; name the "
                               "level that encloses it, or the one that it is "
                               "'beside'");
  if (level.parent < index)
    return;

  // Listing parents first also rules out cycles; if there is one, show it.
  std::vector<std::string> path{level.name};
  int ancestor = level.parent;
  while (ancestor >= 0 && ancestor != index &&
         path.size() <= spec.levels.size()) {
    path.push_back(spec.levels[ancestor].name);
    ancestor = spec.levels[ancestor].parent;
  }
  path.push_back(level.name);
  if (ancestor == index)
    diags.error(at.of("parent"),
                "level '" + level.name +
                    "' encloses itself: " + llvm::join(path, " in "));
  else
    diags
        .error(at.of("parent"),
               "level '" + level.name + "' is listed before its parent '" +
                   arch.levels[index].parent + "'; list the outermost first")
        .note(spec.levels[level.parent].loc, "the parent stands here");
}

/// A further backing memory.
void Verifier::checkBeside(int index) {
  const Level &level = spec.levels[index];
  const Places &at = arch.levels[index].at;
  if (at.has("parent"))
    diags.error(at.of("beside"), "level '" + level.name +
                                     "' has a 'parent' and is 'beside' another "
                                     "backing level; keep one");
  if (level.beside < 0)
    return;
  const Level &other = spec.levels[level.beside];
  if (level.beside >= index || other.parent >= 0 || other.beside >= 0)
    diags.error(at.of("beside"),
                "level '" + level.name + "' must be beside '" +
                    spec.levels[0].name +
                    "', the first level; others lie inside it or are "
                    "themselves beside it");
}

void Verifier::checkPrivacy(int index) {
  const Level &level = spec.levels[index];
  if (level.parent < 0)
    return;
  const Level &parent = spec.levels[level.parent];
  if (level.perArray >= 0 && parent.perArray < 0) {
    llvm::ArrayRef<ArrayDim> outer = spec.arrays[level.perArray].dims;
    for (const ArrayDim &dim : parent.dims)
      if (llvm::none_of(outer, [&](const ArrayDim &d) {
            return d.level == dim.level && d.name == dim.name;
          }))
        diags.error(arch.levels[index].at.of("parent"),
                    "level '" + level.name + "' is private to the PEs of '" +
                        spec.arrays[level.perArray].name +
                        "', which do not lie inside the instances of '" +
                        spec.levels[dim.level].name + "'");
  }
  if (parent.perArray >= 0 && level.perArray != parent.perArray)
    diags.error(arch.levels[index].at.of("parent"),
                "level '" + level.name + "' is inside '" + parent.name +
                    "', which is private to the PEs of '" +
                    spec.arrays[parent.perArray].name +
                    "', and must be private to them too");
}

void Verifier::checkFeed(int index) {
  const Array &array = spec.arrays[index];
  const Places &at = arch.arrays[index].at;
  if (array.level < 0)
    return;
  const Level &feed = spec.levels[array.level];
  if (feed.perArray >= 0 && feed.perArray != index)
    diags.error(at.of("level"), "array '" + array.name +
                                    "' cannot be fed by '" + feed.name +
                                    "', which is private to the PEs of '" +
                                    spec.arrays[feed.perArray].name + "'");
}

void Verifier::checkLink(const Link &link) {
  if (link.level < 0)
    return;
  const Level &level = spec.levels[link.level];
  if (level.perArray >= 0)
    diags.error(link.loc, "level '" + level.name + "' is inside the PEs of '" +
                              spec.arrays[level.perArray].name +
                              "' and has no link; give one to the array");
  else if (level.parent < 0)
    diags.error(link.loc, "level '" + level.name +
                              "' has nothing around it to be linked to; give "
                              "the link to the level inside it");
}

/// Dimensions of levels further out come first; the last ones are `own`.
void Verifier::checkDims(llvm::ArrayRef<ArrayDim> dims,
                         llvm::ArrayRef<SourceLocation> own,
                         const std::string &what) {
  constexpr double most = 9007199254740992.0; // 2^53
  if (own.empty())
    return;
  size_t inherited = dims.size() - own.size();
  double count = 1;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    count *= double(dim.size);
    for (const ArrayDim &outer : dims.take_front(std::min(i, inherited)))
      if (i >= inherited && outer.name == dim.name)
        diags.error(own[i - inherited],
                    "dimension '" + dim.name + "' of " + what +
                        " is already that of level '" +
                        spec.levels[outer.level].name +
                        "' around it; call it something else");
  }
  if (count > most)
    diags.error(own.front(),
                what + " exists more than 2^53 times; dimensions of levels "
                       "around it count too");
}

void Verifier::warnAboutSizes(int index) {
  const Level &level = spec.levels[index];
  const Places &at = arch.levels[index].at;
  if (level.chunkBytes > 1 && level.chunkBytes % level.accessBytes != 0)
    diags.warning(at.of("chunk"), "level '" + level.name +
                                      "' moves chunks of " +
                                      bytes(double(level.chunkBytes)) +
                                      ", which are not whole accesses of " +
                                      bytes(double(level.accessBytes)));
  if (!level.capacityBytes)
    return;
  if (*level.capacityBytes % level.accessBytes != 0)
    diags.warning(at.of("access"),
                  "level '" + level.name + "' moves " +
                      bytes(level.accessBytes) +
                      " per access, which does not divide its capacity of " +
                      bytes(*level.capacityBytes));
  // Further in, memories often hold more than the one around them.
  if (level.parent < 0 || spec.levels[level.parent].parent >= 0 ||
      !spec.levels[level.parent].capacityBytes)
    return;
  const Level &parent = spec.levels[level.parent];
  double inner = double(*level.capacityBytes) * double(spec.instances(level));
  double outer = double(*parent.capacityBytes) * double(spec.instances(parent));
  if (inner > outer)
    diags
        .warning(at.of("capacity"), "level '" + level.name + "' holds " +
                                        bytes(inner) +
                                        " in all, more than its parent '" +
                                        parent.name + "' with " + bytes(outer))
        .note(arch.levels[level.parent].at.of("capacity"),
              "the parent's capacity is given here");
}

void Verifier::warnAboutEnergy(int index) {
  const Level &level = spec.levels[index];
  const Places &at = arch.levels[index].at;
  if (!at.has("energy") && !at.has("memory") && !at.has("estimate"))
    diags.warning(level.loc, "level '" + level.name +
                                 "' has no energy, which results will leave "
                                 "out; give 'energy', 'memory' or 'estimate'");
}

/// Cascades may use any function that MLIR has, so a name that nobody knows is
/// nothing wrong, but one beside a known name is likely a slip.
void Verifier::warnAboutOperator(const ParsedOp &op) {
  static const std::vector<std::string> known = {
      "abs",     "add",     "atan",  "atan2",     "cbrt",  "ceil",   "compare",
      "compute", "convert", "cos",   "cosh",      "div",   "erf",    "exp",
      "exp2",    "expm1",   "floor", "fma",       "log",   "log10",  "log1p",
      "log2",    "logic",   "mac",   "max",       "min",   "mul",    "neg",
      "pow",     "rem",     "round", "roundeven", "rsqrt", "select", "sigmoid",
      "sin",     "sinh",    "sqrt",  "sub",       "tan",   "tanh",   "trunc"};
  if (llvm::is_contained(known, op.name))
    return;
  if (std::string meant = didYouMean(op.name, known); !meant.empty())
    diags.warning(op.nameLoc, "no operator of a cascade is called '" + op.name +
                                  "'" + meant);
}

/// A level that encloses no array's feed can hold nothing anybody asks for.
void Verifier::warnAboutReach() {
  std::vector<bool> reached(spec.levels.size(), false);
  for (const Array &array : spec.arrays)
    for (int level = array.level; level >= 0 && !reached[level];
         level = spec.levels[level].parent)
      reached[level] = true;
  for (size_t i = 0; i < reached.size(); ++i)
    if (!reached[i] && !spec.arrays.empty() && spec.levels[i].beside < 0)
      diags.warning(spec.levels[i].loc,
                    "level '" + spec.levels[i].name + "' feeds no array");
}

void Verifier::warnAboutParameters() {
  for (const auto &[name, loc] : arch.parameterLocs)
    if (!arch.parameters.used.count(name))
      diags.warning(loc, "parameter '" + name + "' is not used");
}

} // namespace

void arch::verifyArch(const ParsedArch &arch, Diagnostics &diags) {
  Verifier(arch, diags).run();
}
