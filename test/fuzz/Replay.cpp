//===- Replay.cpp - What fuzzing found, again -----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   einsum-fuzz-replay CORPUS [TARGET]    every file of CORPUS/TARGET/
//   einsum-fuzz-replay --input TARGET FILE    one file
//
// Each file is also given cut short at up to 64 places, and with one byte
// changed at as many: a sample of what a damaged file is. Ends with 1 if an
// answer is wrong; a crash says in which file.
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/Targets.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace einsum::fuzz;
using llvm::StringRef;

static unsigned inputs = 0, failures = 0;

static void give(const Target &target, StringRef file, StringRef what,
                 StringRef input) {
  std::string where = (target.name + ": " + file + what).str();
  llvm::PrettyStackTraceString place(where.c_str());
  ++inputs;
  std::string wrong = target.run(input);
  if (wrong.empty())
    return;
  ++failures;
  llvm::errs() << where << ": " << wrong << "\n";
}

static void replay(const Target &target, StringRef file) {
  constexpr size_t places = 64;
  auto buffer = llvm::MemoryBuffer::getFile(file);
  if (!buffer) {
    llvm::errs() << file << ": " << buffer.getError().message() << "\n";
    ++failures;
    return;
  }
  std::string text = (*buffer)->getBuffer().str();
  give(target, file, "", text);
  size_t step = text.size() / places + 1;
  for (size_t at = 0; at < text.size(); at += step) {
    std::string number = std::to_string(at);
    give(target, file, ", cut at byte " + number,
         StringRef(text).take_front(at));
    char kept = text[at];
    text[at] = "\xFF\"[{9,-\n"[at / step % 8];
    give(target, file, ", changed at byte " + number, text);
    text[at] = kept;
  }
}

static void replayFolder(const Target &target, StringRef folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator file(folder, error), end;
       !error && file != end; file.increment(error))
    files.push_back(file->path());
  llvm::sort(files);
  for (const std::string &file : files)
    replay(target, file);
  if (files.empty()) {
    llvm::errs() << folder << ": there is no corpus for this target\n";
    ++failures;
  }
}

int main(int argc, char **argv) {
  llvm::sys::PrintStackTraceOnErrorSignal(argv[0]);
  std::vector<StringRef> arguments(argv + 1, argv + argc);
  if (arguments.size() == 3 && arguments[0] == "--input") {
    if (const Target *target = findTarget(arguments[1]))
      replay(*target, arguments[2]);
    else
      llvm::errs() << "there is no target '" << arguments[1] << "'\n";
  } else if (arguments.size() == 1 || arguments.size() == 2) {
    for (const Target &target : getTargets())
      if (arguments.size() == 1 || arguments[1] == target.name)
        replayFolder(target, (arguments[0] + "/" + target.name).str());
  } else {
    llvm::errs() << "usage: einsum-fuzz-replay CORPUS [TARGET]\n"
                    "       einsum-fuzz-replay --input TARGET FILE\n";
  }
  llvm::outs() << inputs << " inputs, " << failures << " wrong\n";
  return failures > 0 || inputs == 0;
}
