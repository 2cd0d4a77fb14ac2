//===- HtmlReport.cpp - A report for a browser ----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Html/HtmlReport.h"

#include "lib/Export/Html/Charts.h"
#include "lib/Export/Html/Style.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace einsum;
using namespace einsum::exporting;
using llvm::StringRef;

namespace {

/// Cells of a table; those of a column that starts with '>' stand flush right.
class HtmlTable {
public:
  HtmlTable(const std::vector<std::string> &heading, llvm::raw_ostream &os)
      : os(os) {
    os << "<div class=\"scroll\"><table><tr>";
    for (StringRef cell : heading) {
      right.push_back(cell.consume_front(">"));
      os << "<th" << (right.back() ? " class=\"n\"" : "") << ">"
         << escapeHtml(cell) << "</th>";
    }
    os << "</tr>\n";
  }
  ~HtmlTable() { os << "</table></div>\n"; }

  /// Cells are HTML.
  void add(const std::vector<std::string> &cells) {
    os << "<tr>";
    for (auto [i, cell] : llvm::enumerate(cells))
      os << "<td" << (right[i] ? " class=\"n\"" : "") << ">" << cell << "</td>";
    os << "</tr>\n";
  }

private:
  llvm::raw_ostream &os;
  std::vector<bool> right;
};

class Page {
public:
  Page(const HtmlReport &report, llvm::raw_ostream &os)
      : report(report), result("result", *report.result),
        schedule("schedule", *report.schedule),
        colours(chooseColours(schedule)), os(os) {}

  void write() {
    std::string title =
        schedule["cascade"].text() + " on " + schedule["arch"].text();
    os << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta "
          "charset=\"utf-8\">\n<meta name=\"viewport\" "
          "content=\"width=device-width, initial-scale=1\">\n<meta "
          "name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" "
          "href=\"data:,\">\n<title>"
       << escapeHtml(title) << "</title>\n<style>" << kStyle
       << "</style>\n</head>\n<body>\n<h1>" << escapeHtml(title) << "</h1>\n";
    writeHead();
    writeBounds();
    writeTree();
    writeTimeline();
    writeMemory();
    writeEnergy();
    writeRoofline();
    if (!report.skiSlope.empty())
      writeSkiSlope();
    writeCertificate();
    writeProvenance();
    os << "</body>\n</html>\n";
  }

private:
  void section(StringRef id, StringRef title) {
    os << "<h2 id=\"" << id << "\">" << escapeHtml(title) << "</h2>\n";
  }

  static std::string text(const Place &place) {
    return escapeHtml(place.text());
  }

  //===--------------------------------------------------------------------===//
  // Summary
  //===--------------------------------------------------------------------===//

  void writeHead() {
    std::string binding;
    Place values = result["binding"];
    for (const auto &[name, value] : values.get().items())
      binding += (binding.empty() ? "" : ", ") + escapeHtml(name) + " = " +
                 "<data " + values[name.c_str()].attribute() + ">" +
                 value.dump() + "</data>";
    std::string passes;
    Place counts = result["cascade"]["rank_passes"];
    for (const auto &[rank, count] : counts.get().items())
      passes += (passes.empty() ? "" : ", ") + escapeHtml(rank) + " " +
                "<data " + counts[rank.c_str()].attribute() + ">" +
                count.dump() + "</data>";
    os << "<dl class=\"facts\">\n<dt>workload</dt><dd>"
       << text(result["workload"]) << "</dd>\n";
    if (!binding.empty())
      os << "<dt>extents</dt><dd>" << binding << "</dd>\n";
    os << "<dt>rank passes</dt><dd>" << passes << "</dd>\n<dt>schedule</dt><dd>"
       << text(schedule["name"]) << ", " << text(result["mapping"]["status"])
       << (result["mapping"].has("variant")
               ? "; " + text(result["mapping"]["variant"])
               : "")
       << "</dd>\n<dt>bound by</dt><dd>" << text(result["bound_by"])
       << "</dd>\n</dl>\n<div class=\"figures\">\n";
    figure(result["latency_s"], Shown::seconds, "latency",
           result["bounds"]["latency"]["gap"]);
    figure(result["energy_j"], Shown::joules, "energy",
           result["bounds"]["energy"]["gap"]);
    figure(result["bounds"]["levels"][size_t{0}]["moved_bytes"], Shown::bytes,
           "moved at " + result["levels"][size_t{0}]["name"].text(),
           result["bounds"]["gap"]);
    figure(result["edp_js"], Shown::jouleSeconds, "energy × delay", {});
    figure(result["area_mm2"], Shown::mm2, "area", {});
    os << "</div>\n";
    writeArrays();
  }

  void figure(const Place &value, Shown how, const std::string &name,
              std::optional<Place> gap) {
    os << "<div class=\"figure\"><b>" << value.show(how) << "</b><span>"
       << escapeHtml(name);
    if (gap && gap->get().is_number())
      os << ", " << gap->show(Shown::ratio) << " the bound";
    os << "</span></div>\n";
  }

  void writeArrays() {
    HtmlTable table({"array", ">busy cycles", ">utilisation", "operators"}, os);
    Place arrays = result["arrays"];
    for (size_t i = 0; i < arrays.size(); ++i) {
      std::string operators;
      Place ops = arrays[i]["ops"];
      for (const auto &[name, count] : ops.get().items())
        operators += (operators.empty() ? "" : ", ") +
                     ops[name.c_str()].show(Shown::number) + " " +
                     escapeHtml(name);
      table.add({text(arrays[i]["name"]),
                 arrays[i]["busy_cycles"].show(Shown::cycles),
                 arrays[i]["utilization"].show(Shown::percent), operators});
    }
  }

  //===--------------------------------------------------------------------===//
  // Bounds
  //===--------------------------------------------------------------------===//

  void writeBounds() {
    section("bounds", "Gap to bounds");
    os << "<p class=\"note\">No schedule of this cascade on this machine can "
          "do "
          "with less.</p>\n";
    HtmlTable table({"of", ">here", ">bound", ">gap", "by"}, os);
    Place bounds = result["bounds"];
    table.add({"latency", result["latency_s"].show(Shown::seconds),
               bounds["latency"]["lower_bound_s"].show(Shown::seconds),
               bounds["latency"]["gap"].show(Shown::ratio),
               text(bounds["latency"]["name"])});
    table.add({"energy", result["energy_j"].show(Shown::joules),
               bounds["energy"]["lower_bound_j"].show(Shown::joules),
               bounds["energy"]["gap"].show(Shown::ratio),
               text(bounds["energy"]["name"])});
    Place levels = bounds["levels"];
    for (size_t i = 0; i < levels.size(); ++i)
      table.add({"bytes at " + text(levels[i]["level"]) +
                     (i == 0 ? "" : " and around it"),
                 levels[i]["moved_bytes"].show(Shown::bytes),
                 levels[i]["lower_bound_bytes"].show(Shown::bytes),
                 levels[i]["gap"].show(Shown::ratio), text(levels[i]["name"])});
  }

  //===--------------------------------------------------------------------===//
  // Tree, time, space
  //===--------------------------------------------------------------------===//

  void writeTree() {
    section("tree", "Loop tree");
    os << "<pre>" << escapeHtml(report.tree) << "</pre>\n";
  }

  void writeLegend() {
    os << "<div class=\"legend\">";
    Place nodes = schedule["nodes"];
    for (size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i].has("einsum"))
        os << "<span><i class=\"" << colours[nodes[i]["einsum"].text()]
           << "\"></i>" << text(nodes[i]["einsum"]) << " on "
           << text(nodes[i]["array"]) << "</span>";
    os << "</div>\n";
  }

  void writeTimeline() {
    section("timeline", "Timeline");
    writeLegend();
    Place run = schedule["timeline"]["run"];
    os << "<h3>The whole run, " << run["cycles"].show(Shown::cycles)
       << " cycles</h3>\n";
    if (!run["complete"].get().get<bool>())
      os << "<p class=\"note\">Bars that reach over many visits are as high as "
            "the share of that time in which their array works for them.</p>\n";
    drawGantt(run, schedule, colours, os);
    Place epoch = schedule["timeline"]["epoch"];
    if (!epoch.has("node"))
      return;
    if (epoch.has("slots"))
      os << "<h3>" << epoch["slots"].show(Shown::number)
         << " slots of the pipeline, in the steady state: "
         << epoch["cycles_each"].show(Shown::cycles) << " cycles each, "
         << epoch["times"].show(Shown::number) << " iterations</h3>\n";
    else
      os << "<h3>One epoch: " << epoch["cycles_each"].show(Shown::cycles)
         << " cycles, " << epoch["times"].show(Shown::number)
         << " times</h3>\n";
    drawGantt(epoch, schedule, colours, os);
  }

  void writeMemory() {
    section("memory", "Memory");
    writeLevels();
    Place allocation = schedule["allocation"];
    os << "<p class=\"note\">Addresses of tiles while Einsums run, in their "
          "order. A tile reaches from the first Einsum to the last that it "
          "lives for; tiles of pipelined Einsums live together.</p>\n";
    for (size_t i = 0; i < allocation.size(); ++i) {
      Place one = allocation[i];
      if (!one["capacity_bytes"].get().is_number())
        continue;
      os << "<h3>" << text(one["level"]) << ": "
         << one["peak_bytes"].show(Shown::bytes) << " of "
         << one["capacity_bytes"].show(Shown::bytes);
      if (one["paid_for_banks_bytes"].number() > 0)
        os << ", " << one["paid_for_banks_bytes"].show(Shown::bytes)
           << " of it to keep copies in different banks";
      os << ", " << text(one["status"]);
      if (one["gap"].number() > 1)
        os << ", " << one["gap"].show(Shown::ratio) << " what is live at once";
      os << "</h3>\n";
      drawMemoryMap(one, schedule, os);
    }
    writeMovement();
  }

  void writeLevels() {
    HtmlTable table({"level", ">read", ">written", ">peak", ">capacity",
                     ">energy", ">busy"},
                    os);
    Place levels = result["levels"];
    for (size_t i = 0; i < levels.size(); ++i)
      table.add({text(levels[i]["name"]),
                 levels[i]["read_bytes"].show(Shown::bytes),
                 levels[i]["write_bytes"].show(Shown::bytes),
                 levels[i]["peak_bytes"].show(Shown::bytes),
                 levels[i]["capacity_bytes"].get().is_null()
                     ? "unlimited"
                     : levels[i]["capacity_bytes"].show(Shown::bytes),
                 levels[i]["energy_j"].show(Shown::joules),
                 levels[i]["busy_s"].number() == 0
                     ? "–"
                     : levels[i]["busy_s"].show(Shown::seconds)});
  }

  void writeMovement() {
    os << "<h3>Compulsory and other bytes</h3>\n";
    HtmlTable table(
        {"tensor", "level", ">moved", ">compulsory", ">non-compulsory"}, os);
    Place movement = schedule["movement"];
    for (size_t i = 0; i < movement.size(); ++i)
      if (movement[i]["moved_bytes"].number() > 0)
        table.add({text(movement[i]["tensor"]), text(movement[i]["level"]),
                   movement[i]["moved_bytes"].show(Shown::bytes),
                   movement[i]["compulsory_bytes"].show(Shown::bytes),
                   movement[i]["non_compulsory_bytes"].show(Shown::bytes)});
  }

  //===--------------------------------------------------------------------===//
  // Energy, roofline, ski slope
  //===--------------------------------------------------------------------===//

  void writeEnergy() {
    section("energy", "Energy");
    Place energy = schedule["energy"];
    os << "<h3>By Einsum</h3>\n";
    drawEnergy(energy, os);
    std::vector<std::pair<std::string, Place>> levels, operators;
    Place of = energy["levels"];
    for (size_t i = 0; i < of.size(); ++i)
      levels.push_back({of[i]["level"].text(), of[i]["total_pj"]});
    for (auto [name, key] :
         {std::pair("links", "links_pj"), {"leakage", "leakage_pj"}})
      if (energy[key].number() > 0)
        levels.push_back({name, energy[key]});
    of = energy["operators"];
    for (size_t i = 0; i < of.size(); ++i)
      operators.push_back(
          {of[i]["operator"].text() + " on " + of[i]["array"].text(),
           of[i]["total_pj"]});
    os << "<div class=\"columns\"><div><h3>By level</h3>\n";
    drawBars(levels, Shown::picojoules, "energy by level", os);
    os << "</div><div><h3>By operator</h3>\n";
    drawBars(operators, Shown::picojoules, "energy by operator", os);
    os << "</div></div>\n";
  }

  void writeRoofline() {
    section("roofline", "Roofline");
    os << "<p class=\"note\">Filled: in this schedule, while the array works "
          "on the Einsum. Hollow: if it moved each of its tensors once. "
          "Einsums "
          "of the same place stand side by side, from there to the right. An "
          "operator counts one, so that expensive ones stay below their "
          "roof.</p>\n";
    Place roofline = schedule["roofline"];
    drawRoofline(roofline, colours, os);
    HtmlTable table({"Einsum", "array", ">operators", ">per byte",
                     ">per byte alone", ">per second", ">cycles", ">of latency",
                     "bound by"},
                    os);
    Place einsums = roofline["einsums"], costs = result["einsums"];
    std::map<std::string, size_t> costOf;
    for (size_t i = 0; i < costs.size(); ++i)
      costOf[costs[i]["name"].text()] = i;
    for (size_t i = 0; i < einsums.size(); ++i) {
      Place one = einsums[i], cost = costs[costOf[one["einsum"].text()]];
      table.add({"<i class=\"" + colours[one["einsum"].text()] +
                     "\" style=\"display:inline-block;width:9px;height:9px\">"
                     "</i> " +
                     text(one["einsum"]),
                 text(one["array"]), one["ops"].show(Shown::number),
                 one["ops_per_byte"].show(Shown::number),
                 one["alone_ops_per_byte"].show(Shown::number),
                 one["ops_per_s"].show(Shown::opsPerSecond),
                 cost["cycles"].show(Shown::cycles),
                 cost["share"].show(Shown::percent), text(cost["bound_by"])});
    }
  }

  void writeSkiSlope() {
    section("ski-slope", "Traffic against capacity");
    os << "<div class=\"white\">" << report.skiSlope << "</div>\n";
  }

  //===--------------------------------------------------------------------===//
  // Certificate and provenance
  //===--------------------------------------------------------------------===//

  /// The unit of what a search minimised, or of the first of several.
  static Shown unitOf(llvm::StringRef objective) {
    objective.consume_front("pareto:");
    llvm::StringRef metric =
        objective.take_until([](char c) { return c == ',' || c == ':'; });
    return llvm::StringSwitch<Shown>(metric)
        .Case("latency", Shown::seconds)
        .Case("energy", Shown::joules)
        .Case("edp", Shown::jouleSeconds)
        .Cases("traffic", "capacity", Shown::bytes)
        .Default(Shown::number);
  }

  void writeCertificate() {
    section("certificate", "Certificate");
    Place mapper = result["mapper"];
    Shown unit = unitOf(mapper["objective"].text());
    os << "<dl class=\"facts\">\n<dt>status</dt><dd>"
       << text(result["mapping"]["status"]) << "</dd>\n<dt>space</dt><dd>"
       << text(result["mapping"]["space"]) << "</dd>\n";
    if (mapper.has("objective"))
      os << "<dt>objective</dt><dd>" << text(mapper["objective"]) << "</dd>\n";
    struct Fact {
      const char *key, *name;
      Shown how;
    };
    auto isNoBound = [&](StringRef key) {
      return key == "lower_bound" && mapper["lower_bound"].number() == 0;
    };
    for (auto [key, name, how] :
         {Fact{"best", "value", unit},
          {"lower_bound", "lower bound", unit},
          {"gap", "gap", Shown::number},
          {"evaluated", "costs computed", Shown::number},
          {"space_size_log10", "mappings in the space", Shown::powerOfTen}})
      if (mapper.has(key) && mapper[key].get().is_number())
        os << "<dt>" << name << "</dt><dd>"
           << (isNoBound(key) ? "none known" : mapper[key].show(how))
           << "</dd>\n";
    if (mapper.has("bound"))
      os << "<dt>bound by</dt><dd>" << text(mapper["bound"]) << "</dd>\n";
    os << "</dl>\n";
    if (mapper.has("pruned") && !mapper["pruned"].get().empty()) {
      HtmlTable table({"rule", ">pruned"}, os);
      Place pruned = mapper["pruned"];
      for (const auto &[rule, count] : pruned.get().items())
        table.add({escapeHtml(rule), pruned[rule.c_str()].show(Shown::number)});
    }
    if (mapper.has("variants"))
      writeVariants(mapper["variants"], unit);
    if (result.has("pareto"))
      writePareto(result["pareto"]);
  }

  void writeVariants(const Place &variants, Shown unit) {
    HtmlTable table({"variant", "status", ">value", ">lower bound"}, os);
    for (size_t i = 0; i < variants.size(); ++i) {
      Place one = variants[i];
      std::string status = one.has("left_out")
                               ? "left out: " + text(one["left_out"])
                           : isBeaten(one) ? "nothing better"
                                           : text(one["status"]);
      table.add({text(one["name"]), status, one["best"].show(unit),
                 one["lower_bound"].show(unit)});
    }
  }

  /// The search of a variant ended, and it had no value of its own.
  static bool isBeaten(const Place &variant) {
    return !variant.has("best") && variant["status"].text() != "infeasible";
  }

  /// All that no other mapping beats in everything.
  void writePareto(const Place &points) {
    if (points.size() == 0)
      return;
    os << "<h3>Mappings that no other beats in all of these</h3>\n";
    std::vector<std::string> metrics, heading;
    for (const auto &[metric, value] :
         points[size_t(0)]["values"].get().items()) {
      metrics.push_back(metric);
      heading.push_back(">" + metric);
    }
    heading.push_back("variant");
    HtmlTable table(heading, os);
    for (size_t i = 0; i < points.size(); ++i) {
      std::vector<std::string> cells;
      for (const std::string &metric : metrics)
        cells.push_back(
            points[i]["values"][metric.c_str()].show(unitOf(metric)));
      cells.push_back(text(points[i]["variant"]));
      table.add(cells);
    }
  }

  void writeProvenance() {
    section("provenance", "Where the numbers come from");
    HtmlTable table({"number", "certainty", "source"}, os);
    Place provenance = result["provenance"];
    for (size_t i = 0; i < provenance.size(); ++i)
      table.add(
          {text(provenance[i]["of"]),
           text(provenance[i]["certainty"]) +
               (provenance[i]["placeholder"].get().get<bool>() ? ", placeholder"
                                                               : ""),
           text(provenance[i]["text"])});
  }

  const HtmlReport &report;
  Place result, schedule;
  Colours colours;
  llvm::raw_ostream &os;
};

} // namespace

void einsum::exporting::writeHtml(const HtmlReport &report,
                                  llvm::raw_ostream &os) {
  Page(report, os).write();
}
