//===- TimeloopProblem.cpp - Problems of Timeloop v4 ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `problem: {shape: {dimensions, data_spaces, coefficients}, instance}`. A
// projection is a list per coordinate, of sums of products [DIMENSION,
// COEFFICIENT]. The data space that is `read_write` is the result; the map is
// the product of the others, summed over what the result lacks.
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Import/CascadeText.h"
#include "lib/Arch/Import/Import.h"
#include "lib/Arch/Import/YamlReader.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::arch;

namespace {

class ProblemImporter {
public:
  explicit ProblemImporter(YamlFile &file) : file(file), diags(file.diags) {}

  std::optional<std::string> import() {
    if (!file.root().IsMap() || !file.root()["problem"]) {
      if (!diags.hasErrors())
        diags.error({file.file, 1, 1}, "there is no 'problem' in this file");
      return std::nullopt;
    }
    YamlReader problem(file, file.root()["problem"], "'problem'");
    problem.string("version");
    YAML::Node shapeNode = problem.get("shape");
    instance = problem.get("instance");
    problem.finish();
    if (!shapeNode || !shapeNode.IsMap()) {
      diags.error(problem.loc(), "'shape' must be a map with dimensions and "
                                 "data_spaces; the names of shapes that "
                                 "Timeloop brings along are not known here");
      return std::nullopt;
    }
    YamlReader shape(file, shapeNode, "'shape'");
    std::string name = shape.string("name");
    cascade.name = makeIdentifier(name.empty() ? "problem" : name);
    readCoefficients(shape.get("coefficients"));
    readDimensions(shape.get("dimensions"), shape.loc());
    readSpaces(shape.get("data_spaces"), shape.loc());
    shape.finish();
    if (diags.hasErrors())
      return std::nullopt;
    diags.note(shape.loc(), "a problem does not say what is computed: the "
                            "product of what is read, in f16");
    return cascade.print(diags);
  }

private:
  std::optional<int64_t> whole(const YAML::Node &node, llvm::StringRef what) {
    int64_t value;
    if (node && node.IsScalar() && YAML::convert<int64_t>::decode(node, value))
      return value;
    diags.error(node ? file.locOf(node) : SourceLocation{file.file, 1, 1},
                "'" + what + "' must be a whole number");
    return std::nullopt;
  }

  YAML::Node instanceOf(const std::string &name) const {
    return instance && instance.IsMap() ? instance[name] : YAML::Node();
  }

  void readCoefficients(const YAML::Node &list) {
    if (!list || !list.IsSequence())
      return;
    for (const YAML::Node &one : list) {
      YamlReader reader(file, one, "a coefficient");
      std::string name = reader.string("name");
      YAML::Node value = reader.get("default");
      if (YAML::Node given = instanceOf(name); given && given.IsScalar())
        value = given;
      reader.finish();
      if (auto number = whole(value, name))
        coefficients[name] = *number;
    }
  }

  void readDimensions(const YAML::Node &list, const SourceLocation &loc) {
    if (!list || !list.IsSequence()) {
      diags.error(loc, "'shape' has no list of 'dimensions'");
      return;
    }
    for (const YAML::Node &one : list) {
      std::string name = one.IsScalar() ? one.Scalar() : "";
      YAML::Node size = instanceOf(name);
      if (!size || !size.IsScalar()) {
        diags.error(file.locOf(one),
                    "'instance' gives no size of dimension '" + name + "'");
        continue;
      }
      auto number = whole(size, name);
      if (number && *number < 1)
        diags.error(file.locOf(size), "'" + name + "' must be at least 1");
      if (number)
        cascade.extents[rankOf(name)] = *number;
    }
  }

  static std::string rankOf(const std::string &name) {
    return llvm::StringRef(makeIdentifier(name)).lower();
  }

  void readSpaces(const YAML::Node &list, const SourceLocation &loc) {
    if (!list || !list.IsSequence()) {
      diags.error(loc, "'shape' has no list of 'data_spaces'");
      return;
    }
    EinsumText einsum;
    einsum.loc = loc;
    bool hasResult = false;
    for (const YAML::Node &one : list) {
      YamlReader reader(file, one, "a data space");
      AccessText access;
      access.tensor = makeIdentifier(reader.string("name"));
      readProjection(reader.get("projection"), access, reader.loc());
      bool isResult = reader.string("read_write") == "true" ||
                      reader.string("read_write") == "True";
      reader.finish();
      if (isResult && hasResult)
        diags.error(reader.loc(), "there is a second data space that is "
                                  "'read_write'; an Einsum has one result");
      if (isResult) {
        einsum.result = access;
        hasResult = true;
        continue;
      }
      einsum.expression += (einsum.reads.empty() ? "$" : " * $") +
                           std::to_string(einsum.reads.size()) + "$";
      einsum.reads.push_back(access);
    }
    if (!hasResult)
      diags.error(loc, "no data space is 'read_write': which is the result?");
    if (einsum.reads.empty())
      diags.error(loc, "nothing is read");
    cascade.einsums.push_back(std::move(einsum));
  }

  void readProjection(const YAML::Node &list, AccessText &access,
                      const SourceLocation &loc) {
    if (!list || !list.IsSequence()) {
      diags.error(loc, "'" + access.tensor + "' has no projection");
      return;
    }
    for (const YAML::Node &sum : list) {
      AffineText coordinate;
      if (!sum.IsSequence()) {
        diags.error(file.locOf(sum), "a coordinate must be a list of products, "
                                     "as in [[R], [P, stride]]");
        continue;
      }
      for (const YAML::Node &product : sum)
        readProduct(product, coordinate);
      access.coordinates.push_back(std::move(coordinate));
    }
  }

  void readProduct(const YAML::Node &product, AffineText &coordinate) {
    if (!product.IsSequence() || product.size() < 1 || product.size() > 2 ||
        !product[0].IsScalar()) {
      diags.error(file.locOf(product), "a product must be a dimension, or a "
                                       "dimension and a coefficient");
      return;
    }
    int64_t factor = 1;
    if (product.size() == 2) {
      auto known = coefficients.find(product[1].Scalar());
      if (known == coefficients.end()) {
        diags.error(file.locOf(product[1]),
                    "there is no coefficient '" + product[1].Scalar() + "'");
        return;
      }
      factor = known->second;
    }
    coordinate.terms.push_back({rankOf(product[0].Scalar()), factor});
  }

  YamlFile &file;
  Diagnostics &diags;
  YAML::Node instance;
  CascadeText cascade;
  std::map<std::string, int64_t> coefficients;
};

} // namespace

std::optional<std::string>
einsum::arch::importTimeloopProblem(llvm::StringRef text, llvm::StringRef file,
                                    Diagnostics &diags) {
  YamlFile yaml(text, file, diags);
  return ProblemImporter(yaml).import();
}
