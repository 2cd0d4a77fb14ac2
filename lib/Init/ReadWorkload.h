//===- ReadWorkload.h - Cascades and mappings from files --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What einsum-compile is given, as IR:
//
//   Workload workload(context)             keeps sources for diagnostics
//   workload.read(path, flags)             .ein, .mlir, or a config.json of
//   which
//                                          flags say what is computed
//   workload.chooseCascade(name)           the one cascade, or the one named
//   bindParameters(cascade, bindings)      M=65536 and so on; verified again
//   workload.readMapping(path, cascade)    the schedule.mapping of that cascade
//
// A mapping file may hold the cascade too, as written by --schedule; the
// cascade of the workload is the one that counts, and the mapping is verified
// against it. A schedule in JSON says which program it is of: before its
// mapping is read, `adoptProgram` makes sure that the workload is that program,
// or what it was derived from.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_READWORKLOAD_H
#define LIB_INIT_READWORKLOAD_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Export/ReadSchedule.h"
#include "lib/Export/ScheduleFormats.h"
#include "lib/Init/ModelFlags.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>

namespace einsum {

using Bindings = std::vector<std::pair<std::string, int64_t>>;

/// The files read and the module made of them. While it lives, diagnostics of
/// the context go to standard error with their line.
class Workload {
public:
  explicit Workload(mlir::MLIRContext &context);

  /// `path` "-" is standard input. Errors are reported.
  mlir::LogicalResult read(llvm::StringRef path, const ModelFlags &flags = {});
  /// The only cascade if `name` is empty. Other cascades, and mappings that
  /// came with the workload, are dropped. Null, with an error, if there is no
  /// choice.
  mlir::FailureOr<CascadeOp> chooseCascade(llvm::StringRef name);
  /// Reads the file of a schedule, from which parameters of `cascade` that have
  /// no value take theirs. `adoptProgram` and `readMapping` go on with it.
  mlir::LogicalResult readScheduleFile(llvm::StringRef path, CascadeOp cascade);
  /// The cascade that the schedule read is of: `cascade`, or the one that was
  /// derived from it, `written` being its text before it was rewritten here.
  mlir::FailureOr<CascadeOp> adoptProgram(CascadeOp cascade,
                                          llvm::StringRef written);
  /// Goes on with the cascade that the file of a schedule holds, from whatever
  /// it was derived. Null if it holds none.
  mlir::FailureOr<CascadeOp> readProgramOf(llvm::StringRef path);
  /// How that cascade was quantised, if the file says so.
  mlir::FailureOr<std::optional<exporting::ScheduleFormats>> getFormats() {
    return exporting::getFormats(*mapping);
  }
  /// Where `other` has read the file of a schedule: goes on with that text, for
  /// pipes are read once.
  void shareSchedule(const Workload &other) {
    scheduleText = other.scheduleText;
  }
  /// Moves the one mapping that the file holds below `cascade`, verified.
  mlir::FailureOr<schedule::MappingOp> readMapping(llvm::StringRef path,
                                                   CascadeOp cascade);

  mlir::ModuleOp getModule() { return *module; }
  /// Goes on with another version of what was read.
  void replaceModule(mlir::OwningOpRef<mlir::ModuleOp> other) {
    module = std::move(other);
  }

private:
  mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef path, bool verify,
                                          const ModelFlags *flags = nullptr);
  mlir::OwningOpRef<mlir::ModuleOp>
  parse(std::unique_ptr<llvm::MemoryBuffer> file, llvm::StringRef path,
        bool verify, const ModelFlags *flags = nullptr);

  mlir::LogicalResult openSchedule(llvm::StringRef path);
  mlir::LogicalResult openJsonSchedule(llvm::StringRef path);
  mlir::LogicalResult openMlirSchedule(llvm::StringRef path);
  mlir::FailureOr<CascadeOp> takeProgram();

  mlir::MLIRContext &context;
  std::string path;
  std::shared_ptr<const llvm::MemoryBuffer> scheduleText;
  /// What the file of a schedule holds: the mapping, and maybe the cascade.
  mlir::OwningOpRef<schedule::MappingOp> mapping;
  std::optional<exporting::ScheduleFile> json;
  mlir::OwningOpRef<mlir::ModuleOp> program; ///< of a .mlir
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler handler;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// Refuses MLIR text on which MLIR's parser would overflow the stack.
mlir::LogicalResult checkNesting(const llvm::MemoryBuffer &buffer);

/// A cascade with its values as MLIR, for comparison.
std::string printProgram(CascadeOp cascade);

/// A schedule in IR says of which program as written it is, by its fingerprint.
constexpr llvm::StringLiteral kDerivedFrom = "einsum.derived_from";
std::string fingerprint(llvm::StringRef program);

/// Parameters with their values.
Bindings listBinding(CascadeOp cascade);

/// Gives parameters their values; says which ones there are if one is unknown.
mlir::LogicalResult bindParameters(CascadeOp cascade, const Bindings &bindings);

} // namespace einsum

#endif // LIB_INIT_READWORKLOAD_H
