//===- SweepDriver.cpp - Many designs, and those that nothing beats -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/SweepDriver.h"

#include "lib/Arch/ArchSpec.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/SweepTasks.h"
#include "lib/Support/Format.h"
#include "lib/Support/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Process.h"

#include <cmath>

using namespace einsum;
using llvm::StringRef;

using Records = std::map<std::string, SweepRecord>;

namespace {

/// The numbers of a design over all of its workloads.
struct Design {
  size_t number = 0;
  bool isComplete = true, isFeasible = true, isOnFront = false;
  std::string why; ///< it is not feasible
  double latency = 0, energy = 0, traffic = 0, area = 0;

  double metric(StringRef name) const {
    return name == "latency"  ? latency
           : name == "energy" ? energy
           : name == "edp"    ? latency * energy
           : name == "area"   ? area
                              : traffic;
  }
};

struct Shard {
  size_t index = 0, count = 1;
};

} // namespace

static bool parseShard(StringRef text, Shard &shard) {
  if (text.empty())
    return true;
  auto [index, count] = text.split('/');
  if (index.getAsInteger(10, shard.index) ||
      count.getAsInteger(10, shard.count) || shard.index < 1 ||
      shard.index > shard.count)
    return failOption("--shard",
                      "takes I/N with I from 1 to N, found '" + text + "'");
  --shard.index;
  return true;
}

/// Whether the architecture has the parameters and can be read at all.
static bool checkArch(const Sweep &sweep) {
  std::map<std::string, double> settings;
  std::vector<double> values = sweep.valuesOf(0);
  for (auto [parameter, value] : llvm::zip(sweep.parameters, values))
    settings[parameter.name] = value;
  Diagnostics diags;
  auto spec = arch::readArchSpec(sweep.arch, diags, settings);
  if (!spec)
    diags.print(llvm::errs());
  return spec.has_value();
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

static std::vector<Design> summarize(const Sweep &sweep,
                                     llvm::ArrayRef<SweepTask> tasks,
                                     const Records &records) {
  std::vector<Design> designs(sweep.countDesigns());
  for (const SweepTask &task : tasks) {
    Design &design = designs[task.design];
    design.number = task.design;
    auto found = records.find(task.key);
    if (found == records.end()) {
      design.isComplete = false;
      continue;
    }
    const SweepRecord &record = found->second;
    const SweepWorkload &workload = sweep.workloads[task.workload];
    if (!record.get("latency_s")) {
      design.isFeasible = false;
      if (design.why.empty())
        design.why = workload.name + ": " +
                     record.getString("status").value_or("").str() + ", " +
                     record.getString("reason").value_or("").str();
      continue;
    }
    auto number = [&](const char *key) {
      return record.getNumber(key).value_or(0);
    };
    design.latency += workload.weight * number("latency_s");
    design.energy += workload.weight * number("energy_j");
    design.traffic += workload.weight * number("traffic_bytes");
    design.area = number("area_mm2");
  }
  return designs;
}

/// Marks the designs that no other one beats: at most as much of every metric,
/// less of one. In the order of the first metric, only the best so far of all
/// others can beat what follows, so that the front is compared with and no
/// more.
static void markFront(const Sweep &sweep, std::vector<Design> &designs) {
  std::vector<Design *> order;
  for (Design &design : designs)
    if (design.isComplete && design.isFeasible)
      order.push_back(&design);
  auto values = [&](const Design &design) {
    std::vector<double> list;
    for (const std::string &metric : sweep.pareto)
      list.push_back(design.metric(metric));
    return list;
  };
  llvm::sort(order, [&](Design *a, Design *b) {
    return std::pair(values(*a), a->number) < std::pair(values(*b), b->number);
  });
  std::vector<std::vector<double>> front;
  for (Design *design : order) {
    std::vector<double> mine = values(*design);
    bool isBeaten = llvm::any_of(front, [&](const std::vector<double> &other) {
      return other != mine &&
             llvm::all_of(llvm::zip(other, mine), [](auto both) {
               return std::get<0>(both) <= std::get<1>(both);
             });
    });
    design->isOnFront = !isBeaten;
    if (!isBeaten)
      front.push_back(std::move(mine));
  }
}

static std::vector<std::string> headingOf(const Sweep &sweep,
                                          const char *mark) {
  std::vector<std::string> heading;
  for (const SweepParameter &parameter : sweep.parameters)
    heading.push_back(mark + parameter.name);
  return heading;
}

static void printDesigns(const Sweep &sweep, llvm::ArrayRef<Design> designs,
                         llvm::raw_ostream &os) {
  std::vector<std::string> heading = headingOf(sweep, ">");
  for (const char *column :
       {">latency", ">energy", ">traffic", ">area mm^2", "front"})
    heading.push_back(column);
  TextTable table(heading);
  for (const Design &design : designs) {
    if (!design.isComplete)
      continue;
    std::vector<std::string> row;
    for (double value : sweep.valuesOf(design.number))
      row.push_back(formatNumber(value));
    if (design.isFeasible)
      for (std::string &cell : std::vector<std::string>{
               formatSi(design.latency, "s"), formatSi(design.energy, "J"),
               formatSi(design.traffic, "B"), formatNumber(design.area),
               design.isOnFront ? "*" : ""})
        row.push_back(cell);
    else
      for (std::string &cell :
           std::vector<std::string>{"-", "-", "-", "-", design.why})
        row.push_back(cell);
    table.add(row);
  }
  table.print(os, 120);
}

static void writeCsv(const Sweep &sweep, llvm::ArrayRef<Design> designs,
                     llvm::raw_ostream &os) {
  for (const std::string &name : headingOf(sweep, ""))
    os << name << ",";
  os << "latency_s,energy_j,edp_js,traffic_bytes,area_mm2,front\n";
  for (const Design &design : designs) {
    if (!design.isComplete || !design.isFeasible)
      continue;
    for (double value : sweep.valuesOf(design.number))
      os << llvm::format("%.17g,", value);
    os << llvm::format("%.17g,%.17g,%.17g,%.17g,%.17g,", design.latency,
                       design.energy, design.metric("edp"), design.traffic,
                       design.area)
       << (design.isOnFront ? 1 : 0) << "\n";
  }
}

//===----------------------------------------------------------------------===//
// The sweep
//===----------------------------------------------------------------------===//

static void writeRecord(llvm::raw_ostream &os, const SweepRecord &record) {
  os << llvm::json::Value(llvm::json::Object(record)) << "\n";
}

/// Records in the order of the tasks, then those that belong to other sweeps.
static bool writeRecords(StringRef path, llvm::ArrayRef<SweepTask> tasks,
                         const Records &records) {
  return writeOutput(path, [&](llvm::raw_ostream &os) {
    std::set<std::string> written;
    for (const SweepTask &task : tasks)
      if (auto found = records.find(task.key);
          found != records.end() && written.insert(task.key).second)
        writeRecord(os, found->second);
    for (const auto &[key, record] : records)
      if (!written.count(key))
        writeRecord(os, record);
  });
}

/// The file of records, without what was cut off, so that lines stay whole.
static std::unique_ptr<llvm::raw_fd_ostream>
openLog(StringRef path, llvm::ArrayRef<SweepTask> tasks,
        const Records &records) {
  if (!writeRecords(path, tasks, records))
    return nullptr;
  std::error_code error;
  auto log = std::make_unique<llvm::raw_fd_ostream>(path, error,
                                                    llvm::sys::fs::OF_Append);
  if (!error)
    return log;
  failOption(path, "cannot write the file: " + error.message());
  return nullptr;
}

/// Runs what is missing of this shard; records go to the log, if there is one,
/// as they come.
static bool runMissing(const Sweep &sweep, llvm::ArrayRef<SweepTask> tasks,
                       const Shard &shard, const SweepOptions &options,
                       llvm::raw_fd_ostream *log, Records &records) {
  std::vector<SweepTask> missing;
  std::set<std::string> keys;
  for (const SweepTask &task : tasks)
    if (task.design % shard.count == shard.index && !records.count(task.key) &&
        keys.insert(task.key).second)
      missing.push_back(task);
  size_t done = 0;
  bool isShown = llvm::sys::Process::StandardErrIsDisplayed();
  return runTasks(
      sweep, missing, std::max(1u, options.jobs), [&](SweepRecord record) {
        if (isShown)
          llvm::errs() << "\r" << ++done << " of " << missing.size() << " tasks"
                       << (done == missing.size() ? "\n" : "");
        bool isWritten = true;
        if (log) {
          writeRecord(*log, record);
          log->flush();
          isWritten = !log->has_error();
          log->clear_error();
        }
        std::string key = record.getString("key")->str();
        records[key] = std::move(record);
        return isWritten || failOption(options.out, "cannot write the file");
      });
}

ExitCode einsum::sweep(const SweepOptions &options) {
  Shard shard;
  Diagnostics diags;
  if (options.sweep.empty()) {
    failOption("einsum-sweep", "needs a SWEEP.json");
    return ExitCode::BadInput;
  }
  std::optional<Sweep> sweep = readSweep(options.sweep, diags);
  diags.print(llvm::errs());
  if (!sweep || !parseShard(options.shard, shard) || !checkArch(*sweep))
    return ExitCode::BadInput;
  auto tasks = listTasks(*sweep);
  Records records;
  std::vector<std::string> sources = options.from;
  if (!options.out.empty())
    sources.push_back(options.out);
  if (!tasks || !llvm::all_of(sources, [&](const std::string &source) {
        return readRecords(source, records);
      }))
    return ExitCode::BadInput;
  std::unique_ptr<llvm::raw_fd_ostream> log;
  if (!options.out.empty() && !(log = openLog(options.out, *tasks, records)))
    return ExitCode::BadInput;
  bool isDone = runMissing(*sweep, *tasks, shard, options, log.get(), records);
  if (!options.out.empty() && !writeRecords(options.out, *tasks, records))
    return ExitCode::BadInput;
  std::vector<Design> designs = summarize(*sweep, *tasks, records);
  markFront(*sweep, designs);
  printDesigns(*sweep, designs, llvm::outs());
  if (!options.csv.empty() &&
      !writeOutput(options.csv, [&](llvm::raw_ostream &os) {
        writeCsv(*sweep, designs, os);
      }))
    return ExitCode::BadInput;
  auto missing = llvm::count_if(
      designs, [](const Design &design) { return !design.isComplete; });
  if (missing > 0)
    llvm::outs() << missing << " of " << designs.size()
                 << " designs are not done; run the sweep again, or its other "
                    "shards\n";
  if (!isDone || missing > 0)
    return ExitCode::LimitReached;
  bool isFeasible = llvm::any_of(
      designs, [](const Design &design) { return design.isFeasible; });
  return isFeasible ? ExitCode::Ok : ExitCode::Infeasible;
}
