//===- SweepTasks.cpp - One design with one workload ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/SweepTasks.h"

#include "lib/Init/CompileDriver.h"
#include "lib/Init/Interrupt.h"
#include "lib/Init/OptionValues.h"
#include "lib/Support/InputFile.h"
#include "lib/Support/Version.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MD5.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>

using namespace einsum;
using llvm::StringRef;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

static std::string spellNumber(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.17g", value);
  return text;
}

/// "N=64", ...
static std::vector<std::string> settingsOf(const Sweep &sweep, size_t design) {
  std::vector<std::string> settings;
  for (auto [parameter, value] :
       llvm::zip(sweep.parameters, sweep.valuesOf(design)))
    settings.push_back(parameter.name + "=" + spellNumber(value));
  return settings;
}

/// Adds texts to a digest so that no two lists of them look the same.
static void update(llvm::MD5 &digest, StringRef text) {
  digest.update(std::to_string(text.size()) + ":");
  digest.update(text);
}

static bool updateWithFile(llvm::MD5 &digest, StringRef path) {
  std::string reason;
  auto file = readInputFile(path, reason);
  if (!file)
    return failOption(path, reason);
  update(digest, file->getBuffer());
  return true;
}

/// The architecture and what it may read from the folder beside it.
static bool updateWithArch(llvm::MD5 &digest, StringRef path) {
  if (!updateWithFile(digest, path))
    return false;
  llvm::SmallString<128> folder(llvm::sys::path::parent_path(path));
  llvm::sys::path::append(folder, "energy");
  std::vector<std::string> profiles;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator file(folder, error), end;
       !error && file != end; file.increment(error))
    if (StringRef(file->path()).ends_with(".json"))
      profiles.push_back(file->path());
  llvm::sort(profiles);
  return llvm::all_of(profiles, [&](const std::string &profile) {
    return updateWithFile(digest, profile);
  });
}

static std::string finish(llvm::MD5 digest) {
  return digest.final().digest().str().str();
}

std::optional<std::vector<SweepTask>> einsum::listTasks(const Sweep &sweep) {
  llvm::MD5 common;
  update(common, EINSUM_CASCADE_VERSION);
  if (!updateWithArch(common, sweep.arch))
    return std::nullopt;
  update(common, sweep.objective);
  update(common, sweep.timeLimit);
  std::vector<llvm::MD5> workloads;
  for (const SweepWorkload &workload : sweep.workloads) {
    llvm::MD5 digest = common;
    if (!updateWithFile(digest, workload.file) ||
        (StringRef(workload.mapping).ends_with(".mlir") &&
         !updateWithFile(digest, workload.mapping)))
      return std::nullopt;
    for (const std::string &text :
         {workload.cascade, workload.mapping, workload.rewrite})
      update(digest, text);
    for (const std::string &binding : workload.bind)
      update(digest, binding);
    workloads.push_back(digest);
  }
  std::vector<SweepTask> tasks;
  for (size_t design = 0; design < sweep.countDesigns(); ++design)
    for (size_t workload = 0; workload < workloads.size(); ++workload) {
      llvm::MD5 digest = workloads[workload];
      for (const std::string &setting : settingsOf(sweep, design))
        update(digest, setting);
      tasks.push_back({design, workload, finish(digest)});
    }
  return tasks;
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

bool einsum::readRecords(StringRef path,
                         std::map<std::string, SweepRecord> &records) {
  if (!llvm::sys::fs::exists(path))
    return true;
  std::string reason;
  auto file = readInputFile(path, reason);
  if (!file)
    return failOption(path, reason);
  unsigned number = 0;
  for (StringRef rest = file->getBuffer(); !rest.empty();) {
    auto [line, others] = rest.split('\n');
    bool isLast = rest.size() == line.size(); // no line break follows
    rest = others;
    ++number;
    llvm::Expected<json::Value> value = json::parse(line);
    json::Object *record = value ? value->getAsObject() : nullptr;
    std::optional<StringRef> key =
        record ? record->getString("key") : std::optional<StringRef>();
    if (!value)
      llvm::consumeError(value.takeError());
    if (key)
      records[key->str()] = std::move(*record);
    else if (!isLast)
      return failOption((path + ":" + llvm::Twine(number) + ":1").str(),
                        "this is no result of a sweep; delete the line, or "
                        "write to another file");
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

namespace {

/// A task under way, with the files that its process writes.
struct Running {
  const SweepTask *task;
  pid_t process;
  std::string result, errors;
};

} // namespace

static CompileOptions optionsOf(const Sweep &sweep, const SweepTask &task,
                                unsigned threads) {
  const SweepWorkload &workload = sweep.workloads[task.workload];
  CompileOptions options;
  options.workload = workload.file;
  options.cascade = workload.cascade;
  options.arch = sweep.arch;
  options.bind = workload.bind;
  options.set = settingsOf(sweep, task.design);
  options.mapping = workload.mapping;
  options.rewriteIsGiven = !workload.rewrite.empty();
  options.rewrite = workload.rewrite;
  if (workload.mapping == "auto") {
    options.request.objective = sweep.objective;
    options.timeLimit = sweep.timeLimit;
    options.threads = threads;
  }
  return options;
}

/// In the child: never returns.
[[noreturn]] static void runChild(const CompileOptions &options,
                                  const std::string &errors) {
  int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  int file = open(errors.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  dup2(nowhere, STDIN_FILENO);
  dup2(nowhere, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  auto code = static_cast<int>(compile(options));
  llvm::outs().flush();
  llvm::errs().flush();
  _exit(code);
}

static std::string readAll(StringRef path) {
  std::string reason;
  auto file = readInputFile(path, reason);
  return file ? file->getBuffer().str() : "";
}

/// The first error, without its place in a file and the line it shows.
static std::string firstError(StringRef errors) {
  size_t at = errors.find("error: ");
  return at == StringRef::npos ? ""
                               : errors.substr(at + 7).split('\n').first.str();
}

static void addNumbers(SweepRecord &record, const json::Object &result) {
  for (const char *key : {"latency_s", "energy_j", "edp_js", "area_mm2"})
    if (auto value = result.getNumber(key))
      record[key] = *value;
  if (const json::Object *mapping = result.getObject("mapping"))
    if (auto status = mapping->getString("status"))
      record["status"] = status->str(); // the text outlives `result`
  const json::Array *levels = result.getArray("levels");
  if (levels && !levels->empty())
    if (const json::Object *backing = levels->front().getAsObject())
      record["traffic_bytes"] = backing->getNumber("read_bytes").value_or(0) +
                                backing->getNumber("write_bytes").value_or(0);
  if (const json::Object *bounds = result.getObject("bounds"))
    if (auto gap = bounds->getNumber("gap"))
      record["gap"] = *gap;
}

static SweepRecord makeRecord(const Sweep &sweep, const Running &running,
                              int status) {
  const SweepTask &task = *running.task;
  json::Object parameters;
  for (auto [parameter, value] :
       llvm::zip(sweep.parameters, sweep.valuesOf(task.design)))
    parameters[parameter.name] = value;
  SweepRecord record{{"key", task.key},
                     {"parameters", std::move(parameters)},
                     {"workload", sweep.workloads[task.workload].name}};
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 4;
  if (code == 0 || code == 3) {
    if (auto result = json::parse(readAll(running.result)))
      addNumbers(record, *result->getAsObject());
    else
      llvm::consumeError(result.takeError());
  }
  if (!record.get("latency_s")) {
    record["status"] = code == 1   ? "bad input"
                       : code == 2 ? "infeasible"
                       : code == 3 ? "no time"
                                   : "internal error";
    record["reason"] = firstError(readAll(running.errors));
  }
  return record;
}

bool einsum::runTasks(const Sweep &sweep, llvm::ArrayRef<SweepTask> tasks,
                      unsigned jobs,
                      llvm::function_ref<bool(SweepRecord)> finish) {
  llvm::SmallString<128> folder;
  if (tasks.empty())
    return true;
  if (llvm::sys::fs::createUniqueDirectory("einsum-sweep", folder))
    return failOption("einsum-sweep", "cannot make a temporary folder");
  Interrupt interrupt;
  std::vector<Running> running;
  bool goesOn = true;
  for (size_t next = 0; !running.empty() || (goesOn && next < tasks.size());) {
    goesOn &= !*interrupt.flag();
    if (goesOn && next < tasks.size() && running.size() < jobs) {
      std::string base = (folder + "/" + llvm::Twine(next)).str();
      Running one{&tasks[next++], 0, base + ".json", base + ".err"};
      CompileOptions options = optionsOf(sweep, *one.task, jobs > 1 ? 1 : 0);
      options.json = one.result;
      one.process = fork();
      if (one.process == 0)
        runChild(options, one.errors);
      goesOn &= one.process > 0;
      if (one.process > 0)
        running.push_back(one);
      continue;
    }
    int status = 0;
    pid_t done = waitpid(-1, &status, 0);
    auto ended = llvm::find_if(
        running, [&](const Running &one) { return one.process == done; });
    if (ended == running.end())
      continue;
    // What a search had when it was interrupted is no result of the sweep.
    if (goesOn && !*interrupt.flag())
      goesOn &= finish(makeRecord(sweep, *ended, status));
    running.erase(ended);
  }
  // What is left of it harms nobody.
  std::ignore = llvm::sys::fs::remove_directories(folder);
  return goesOn && !*interrupt.flag();
}
