// Runs passes on a cascade given as text, with its parameters set to tiny
// values, and asks Z3 whether the result equals what went in. `// Checked at
// M=7, P=2.` in a file of examples/ gives the values.

#ifndef TEST_UNIT_LIB_TRANSFORMS_PROVEDPASS_H
#define TEST_UNIT_LIB_TRANSFORMS_PROVEDPASS_H

#include "test/unit/lib/Transforms/SymbolicCascade.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <memory>
#include <vector>

namespace einsum::test {

class ProvedPass {
public:
  /// `text` is a file with one cascade.
  explicit ProvedPass(const std::string &text);
  ~ProvedPass();

  /// Values that the text asks to be checked at.
  std::map<std::string, int64_t> checkedAt() const;
  bool isParsed() const;
  /// Sets parameters; false if the cascade is then no longer valid.
  bool bind(const std::map<std::string, int64_t> &values);
  /// For example `einsum-fuse-maps{duplicate}`.
  bool run(const std::string &pipeline);
  /// Did the passes leave the cascade as it was?
  bool isUnchanged() const;
  std::string print() const;
  /// Remarks, warnings and errors of the run, a line each.
  std::string diagnostics() const;
  Proof prove(unsigned timeoutMs = 20000) const;

private:
  struct State;
  std::unique_ptr<State> state;
};

/// The text of examples/<path>.
std::string readExample(const std::string &path);
/// Names of all .ein files of examples/<folder>, sorted.
std::vector<std::string> listExamples(const std::string &folder);

} // namespace einsum::test

#endif // TEST_UNIT_LIB_TRANSFORMS_PROVEDPASS_H
