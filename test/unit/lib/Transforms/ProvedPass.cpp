// See ProvedPass.h.

#include "test/unit/lib/Transforms/ProvedPass.h"

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Transforms/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <algorithm>

using namespace mlir;
using namespace einsum;
using namespace einsum::test;

struct ProvedPass::State {
  std::string text, diagnostics;
  MLIRContext context;
  llvm::SourceMgr sources;
  OwningOpRef<ModuleOp> module, original;

  static CascadeOp cascadeOf(ModuleOp module) {
    return *module.getOps<CascadeOp>().begin();
  }
};

ProvedPass::ProvedPass(const std::string &text)
    : state(std::make_unique<State>()) {
  [[maybe_unused]] static bool registered =
      (registerEinsumTransformsPasses(), true);
  state->text = text;
  state->context
      .loadDialect<EinsumDialect, arith::ArithDialect, math::MathDialect>();
  state->context.getDiagEngine().registerHandler(
      [this](Diagnostic &diagnostic) {
        llvm::raw_string_ostream os(state->diagnostics);
        os << diagnostic << "\n";
        return success();
      });
  state->sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(text, "test.ein"), {});
  state->module = frontend::parseCascadeSource(state->sources, &state->context);
  if (state->module)
    state->original = state->module->clone();
}

ProvedPass::~ProvedPass() = default;
bool ProvedPass::isParsed() const { return static_cast<bool>(state->module); }
std::string ProvedPass::diagnostics() const { return state->diagnostics; }

std::map<std::string, int64_t> ProvedPass::checkedAt() const {
  std::map<std::string, int64_t> values;
  auto [before, rest] = StringRef(state->text).split("// Checked at ");
  SmallVector<StringRef> pairs;
  rest.take_until([](char c) { return c == '.'; }).split(pairs, ", ");
  for (StringRef pair : pairs) {
    auto [name, value] = pair.split('=');
    int64_t number = 0;
    if (!value.getAsInteger(10, number))
      values[name.str()] = number;
  }
  return values;
}

bool ProvedPass::bind(const std::map<std::string, int64_t> &values) {
  for (ModuleOp module : {*state->module, *state->original})
    for (const auto &[name, value] : values)
      State::cascadeOf(module).setParam(name, value);
  return succeeded(verify(*state->module));
}

bool ProvedPass::run(const std::string &pipeline) {
  PassManager manager(&state->context);
  std::string errors;
  llvm::raw_string_ostream os(errors);
  if (failed(parsePassPipeline(pipeline, manager.nest<CascadeOp>(), os))) {
    state->diagnostics += os.str();
    return false;
  }
  return succeeded(manager.run(*state->module)) &&
         succeeded(verify(*state->module));
}

std::string ProvedPass::print() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  state->module->print(os);
  return text;
}

bool ProvedPass::isUnchanged() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  state->original->print(os);
  return os.str() == print();
}

Proof ProvedPass::prove(unsigned timeoutMs) const {
  return proveEqual(State::cascadeOf(*state->original),
                    State::cascadeOf(*state->module), timeoutMs);
}

std::string einsum::test::readExample(const std::string &path) {
  auto buffer =
      llvm::MemoryBuffer::getFile(EINSUM_SOURCE_DIR "/examples/" + path);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

std::vector<std::string> einsum::test::listExamples(const std::string &folder) {
  std::vector<std::string> names;
  std::error_code error;
  llvm::sys::fs::directory_iterator it(EINSUM_SOURCE_DIR "/examples/" + folder,
                                       error),
      end;
  for (; it != end && !error; it.increment(error))
    if (StringRef(it->path()).ends_with(".ein"))
      names.push_back(folder + "/" +
                      llvm::sys::path::filename(it->path()).str());
  std::sort(names.begin(), names.end());
  return names;
}
