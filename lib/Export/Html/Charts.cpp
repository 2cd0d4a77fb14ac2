//===- Charts.cpp - The pictures of a report ------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Html/Charts.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <set>

using namespace einsum;
using namespace einsum::exporting;

static constexpr double kWidth = 1000, kLeft = 118, kRight = 24;

static std::string classOf(size_t index) {
  return "c" + std::to_string(index % kCategories);
}

Colours einsum::exporting::chooseColours(const Place &schedule) {
  Colours colours;
  Place nodes = schedule["nodes"];
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].has("einsum"))
      colours.try_emplace(nodes[i]["einsum"].text(), classOf(colours.size()));
  return colours;
}

/// 1, 2 or 5 times a power of ten, so that at most `most` of them make `range`.
static double chooseStep(double range, double most) {
  if (range <= 0)
    return 1;
  double step = std::pow(10, std::floor(std::log10(range / most)));
  for (double factor : {1.0, 2.0, 5.0, 10.0})
    if (range / (step * factor) <= most)
      return step * factor;
  return step * 10;
}

//===----------------------------------------------------------------------===//
// Gantt
//===----------------------------------------------------------------------===//

namespace {

class Gantt {
public:
  Gantt(const Place &timeline, const Place &schedule, const Colours &colours)
      : timeline(timeline), bars(timeline["bars"]), colours(colours),
        cycles(timeline["cycles"].number()),
        clock(schedule["clock_hz"].number()) {
    // In the order in which the schedule names them.
    Place nodes = schedule["nodes"];
    for (size_t i = 0; i < nodes.size(); ++i)
      for (const char *key : {"array", "engine"})
        if (nodes[i].has(key) && !laneOf.count(nodes[i][key].text())) {
          laneOf[nodes[i][key].text()] = lanes.size();
          lanes.push_back(nodes[i][key].text());
        }
  }

  void draw(llvm::raw_ostream &os) const {
    double height = kTop + lanes.size() * kLane + 34;
    Svg svg(os, kWidth, height, "timeline");
    for (auto [i, lane] : llvm::enumerate(lanes)) {
      double top = kTop + i * kLane;
      svg.rect(kLeft, top, kWidth - kLeft - kRight, kLane - kGap, "frame");
      svg.text(kLeft - 10, top + (kLane - kGap) / 2 + 4, lane, "end");
    }
    drawBars(svg);
    drawAxis(svg);
  }

private:
  static constexpr double kTop = 8, kLane = 64, kGap = 12;

  double x(double at) const {
    return kLeft + (cycles == 0 ? 0 : at / cycles) * (kWidth - kLeft - kRight);
  }

  /// Bars over the same stretch of a lane stand on one another.
  void drawBars(Svg &svg) const {
    std::map<std::tuple<std::string, double, double>, double> stacked;
    for (size_t i = 0; i < bars.size(); ++i) {
      Place bar = bars[i];
      double start = bar["start"].number(), end = bar["end"].number();
      std::string lane = bar["resource"].text();
      auto found = laneOf.find(lane);
      if (end <= start || found == laneOf.end())
        continue;
      double share = std::min(1.0, bar["busy_cycles"].number() / (end - start));
      double &below = stacked[{lane, start, end}];
      double full = kLane - kGap, height = full * share;
      double bottom = kTop + found->second * kLane + full - below * full;
      drawBar(svg, bar, x(start), bottom - height, x(end) - x(start), height);
      below += share;
    }
  }

  void drawBar(Svg &svg, const Place &bar, double left, double top,
               double width, double height) const {
    std::string work = bar["work"].text(), label = work;
    auto colour = colours.find(work);
    if (bar.has("iteration")) {
      auto iteration = bar["iteration"].get().get<int64_t>();
      label += iteration == 0  ? " i"
               : iteration > 0 ? " i+" + std::to_string(iteration)
                               : " i−" + std::to_string(-iteration);
    }
    double busy = bar["busy_cycles"].number(),
           cycles = bar["end"].number() - bar["start"].number();
    std::string title = label + ": " + showNumber(busy, Shown::cycles) +
                        " of " + showNumber(cycles, Shown::cycles) + " cycles";
    if (bar["visits"].number() > 1)
      title +=
          ", " + showNumber(bar["visits"].number(), Shown::number) + " visits";
    svg.rect(left, top, width, height,
             "bar " + (colour == colours.end() ? "c9" : colour->second),
             bar.attributes({"start", "end", "busy_cycles"}), title);
    if (height >= 12)
      svg.textIn(left, top + height / 2 + 4, width,
                 Svg::widthOf(label) + 6 <= width ? label : work, "on");
  }

  void drawAxis(Svg &svg) const {
    double bottom = kTop + lanes.size() * kLane - kGap + 4;
    double seconds = clock > 0 ? cycles / clock : 0;
    double step = chooseStep(cycles, 8);
    for (double at = 0; at <= cycles * 1.0001; at += step) {
      svg.line(x(at), bottom, x(at), bottom + 5, "axis");
      svg.text(x(at), bottom + 19,
               at == 0 ? "0" : showNumber(at, Shown::cycles), "middle",
               "small");
    }
    svg.text(kLeft - 10, bottom + 19, seconds > 0 ? "cycles" : "", "end",
             "small faint");
  }

  Place timeline, bars;
  const Colours &colours;
  double cycles, clock;
  std::vector<std::string> lanes;
  std::map<std::string, size_t> laneOf;
};

} // namespace

void einsum::exporting::drawGantt(const Place &timeline, const Place &schedule,
                                  const Colours &colours,
                                  llvm::raw_ostream &os) {
  Gantt(timeline, schedule, colours).draw(os);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void einsum::exporting::drawMemoryMap(const Place &allocation,
                                      const Place &schedule,
                                      llvm::raw_ostream &os) {
  Place occupancy = schedule["occupancy"];
  std::map<std::string, size_t> column;
  for (size_t i = 0; i < occupancy.size(); ++i)
    column[occupancy[i]["einsum"].text()] = i;
  size_t columns = occupancy.size();
  double capacity = allocation["capacity_bytes"].number();
  double peak = std::max(allocation["peak_bytes"].number(), 1.0);
  bool showsCapacity = capacity > 0 && capacity < 1.6 * peak;
  double top = 12, plot = 190, longest = 0;
  for (auto &[name, at] : column)
    longest = std::max(longest, Svg::widthOf(name));
  double wide = (kWidth - kLeft - kRight) / std::max<double>(columns, 1);
  bool slanted = longest + 4 > wide;
  double below = slanted ? std::min(longest * 0.72, 110.0) + 22 : 26;
  double highest = showsCapacity ? std::max(capacity, peak) : peak;
  auto y = [&](double bytes) { return top + plot - bytes / highest * plot; };
  Svg svg(os, kWidth, top + plot + below,
          "memory " + allocation["level"].text());
  svg.rect(kLeft, top, kWidth - kLeft - kRight, plot, "frame");
  for (int i = 0; i <= 4; ++i) {
    double bytes = highest * i / 4;
    svg.line(kLeft - 4, y(bytes), kLeft, y(bytes), "axis");
    svg.text(kLeft - 8, y(bytes) + 4, showNumber(bytes, Shown::bytes), "end",
             "small");
  }
  std::map<std::string, std::string> colours; // of tensors
  Place tiles = allocation["tiles"];
  for (size_t i = 0; i < tiles.size(); ++i) {
    Place tile = tiles[i];
    Place of = schedule["reservations"]
                       [static_cast<size_t>(tile["reservation"].number())];
    std::string name;
    for (const Json &tensor : of["tensors"].get())
      name += (name.empty() ? "" : "/") + tensor.get<std::string>();
    auto colour = colours.try_emplace(name, classOf(colours.size())).first;
    auto first = column.find(of["first"].text()),
         last = column.find(of["last"].text());
    if (first == column.end() || last == column.end())
      continue;
    double bytes = tile["bytes"].number();
    for (const Json &address : tile["addresses"].get()) {
      double left = kLeft + first->second * wide,
             width = (last->second - first->second + 1) * wide,
             high = y(address.get<double>() + bytes),
             height = bytes / highest * plot;
      svg.rect(left + 1, high, width - 2, std::max(height, 0.6),
               "bar " + colour->second, tile.attributes({"bytes"}),
               name + ": " + showNumber(bytes, Shown::bytes) + " at " +
                   showNumber(address.get<double>(), Shown::bytes) + ", " +
                   first->first + " to " + last->first);
      if (height >= 13)
        svg.textIn(left, high + height / 2 + 4, width, name, "on");
    }
  }
  if (showsCapacity) {
    svg.line(kLeft, y(capacity), kWidth - kRight, y(capacity), "limit");
    svg.text(kWidth - kRight - 4, y(capacity) + 13, "capacity", "end",
             "small limit-text");
  }
  size_t skip = slanted ? static_cast<size_t>(std::ceil(14 / wide)) : 1;
  for (size_t i = 0; i < columns; i += std::max<size_t>(skip, 1)) {
    double at = kLeft + (i + 0.5) * wide;
    std::string name = occupancy[i]["einsum"].text();
    if (slanted)
      svg.text(at + 3, top + plot + 12, name, "end", "small", -40);
    else
      svg.text(at, top + plot + 16, name, "middle", "small");
  }
}

//===----------------------------------------------------------------------===//
// Energy
//===----------------------------------------------------------------------===//

void einsum::exporting::drawEnergy(const Place &energy, llvm::raw_ostream &os) {
  Place einsums = energy["einsums"];
  double most = 0;
  for (size_t i = 0; i < einsums.size(); ++i)
    most = std::max(most, einsums[i]["total_pj"].number());
  std::vector<std::string> levels;
  Place ofLevels = energy["levels"];
  for (size_t i = 0; i < ofLevels.size(); ++i)
    levels.push_back(ofLevels[i]["level"].text());
  double row = 21, top = 30;
  Svg svg(os, kWidth, top + row * einsums.size() + 6, "energy by Einsum");
  // What the colours mean.
  double at = kLeft;
  auto explain = [&](llvm::StringRef name, const std::string &colour) {
    svg.rect(at, 4, 12, 12, "bar " + colour);
    svg.text(at + 17, 14, name, "start", "small");
    at += 32 + Svg::widthOf(name);
  };
  explain("operators", "c0");
  for (auto [i, level] : llvm::enumerate(levels))
    explain(level, classOf(i + 1));
  for (size_t i = 0; i < einsums.size(); ++i) {
    Place one = einsums[i];
    double y = top + row * i, x = kLeft;
    svg.text(kLeft - 10, y + 13, one["einsum"].text(), "end");
    auto part = [&](const std::string &name, const Place &value,
                    const std::string &colour) {
      double width =
          most == 0 ? 0
                    : value.number() / most * (kWidth - kLeft - kRight - 96);
      if (width <= 0)
        return;
      svg.rect(x, y + 2, width, row - 7, "bar " + colour, value.attribute(),
               name + ": " + showNumber(value.number(), Shown::picojoules));
      x += width;
    };
    part("operators", one["operators_pj"], "c0");
    for (auto [k, level] : llvm::enumerate(levels))
      if (one["levels_pj"].has(level.c_str()))
        part(level, one["levels_pj"][level.c_str()], classOf(k + 1));
    svg.text(x + 7, y + 13,
             showNumber(one["total_pj"].number(), Shown::picojoules), "start",
             "small");
  }
}

void einsum::exporting::drawBars(
    const std::vector<std::pair<std::string, Place>> &bars, Shown how,
    llvm::StringRef label, llvm::raw_ostream &os) {
  std::vector<std::pair<std::string, Place>> order = bars;
  llvm::sort(order, [](const auto &a, const auto &b) {
    return std::pair(b.second.number(), a.first) <
           std::pair(a.second.number(), b.first);
  });
  double most = order.empty() ? 0 : order.front().second.number();
  double row = 21, left = 168, width = 480;
  Svg svg(os, width, row * std::max<size_t>(order.size(), 1) + 6, label);
  for (auto [i, bar] : llvm::enumerate(order)) {
    double y = row * i,
           length =
               most == 0 ? 0 : bar.second.number() / most * (width - left - 84);
    svg.text(left - 8, y + 15, bar.first, "end");
    svg.rect(left, y + 4, length, row - 7, "bar c0", bar.second.attribute(),
             bar.first + ": " + showNumber(bar.second.number(), how));
    svg.text(left + length + 6, y + 15, showNumber(bar.second.number(), how),
             "start", "small");
  }
}

//===----------------------------------------------------------------------===//
// Roofline
//===----------------------------------------------------------------------===//

namespace {

class Roofline {
public:
  Roofline(const Place &data, const Colours &colours, llvm::raw_ostream &os)
      : data(data), colours(colours), bandwidth(data["bytes_per_s"].number()),
        svg(os, kWidth, kHeight, "roofline") {
    includeAll();
  }

  void draw() {
    drawAxes();
    drawRoofs();
    Place einsums = data["einsums"];
    for (size_t i = 0; i < einsums.size(); ++i)
      drawEinsum(einsums[i]);
    for (const Label &label : labels)
      boxes.push_back({label.x - 5, label.y - 5, label.x + 5, label.y + 5});
    for (const Label &label : labels)
      placeLabel(label.name, label.x, label.y);
  }

private:
  static constexpr double kHeight = 440, kTop = 14, kBottom = 46, kBeyond = 120;

  struct Range {
    double low = INFINITY, high = -INFINITY;
    void include(double value) {
      if (value <= 0 || !std::isfinite(value))
        return;
      low = std::min(low, std::floor(std::log10(value)));
      high = std::max(high, std::ceil(std::log10(value)));
    }
    void close() {
      if (!std::isfinite(low))
        low = 0;
      high = std::max(high, low + 1);
    }
  };

  void includeAll() {
    Place einsums = data["einsums"], arrays = data["arrays"];
    for (size_t i = 0; i < arrays.size(); ++i) {
      double peak = arrays[i]["ops_per_s"].number();
      ys.include(peak);
      if (bandwidth > 0)
        xs.include(peak / bandwidth);
    }
    for (size_t i = 0; i < einsums.size(); ++i) {
      xs.include(einsums[i]["alone_ops_per_byte"].number());
      xs.include(einsums[i]["ops_per_byte"].number());
      ys.include(einsums[i]["ops_per_s"].number());
    }
    xs.close();
    ys.close();
  }

  double right() const { return kWidth - kRight - kBeyond; }
  double x(double value) const {
    return kLeft + (std::log10(value) - xs.low) / (xs.high - xs.low) *
                       (right() - kLeft);
  }
  double y(double value) const {
    return kHeight - kBottom -
           (std::log10(value) - ys.low) / (ys.high - ys.low) *
               (kHeight - kBottom - kTop);
  }

  void drawAxes() {
    svg.rect(kLeft, kTop, right() - kLeft, kHeight - kTop - kBottom, "frame");
    svg.rect(right() + 8, kTop, kBeyond - 8, kHeight - kTop - kBottom, "frame");
    double each = std::ceil((xs.high - xs.low) / 12);
    for (double log = xs.low; log <= xs.high; log += std::max(1.0, each)) {
      double at = x(std::pow(10, log));
      svg.line(at, kTop, at, kHeight - kBottom, "grid");
      svg.text(at, kHeight - kBottom + 16,
               showNumber(std::pow(10, log), Shown::number), "middle", "small");
    }
    for (double log = ys.low; log <= ys.high; ++log) {
      double at = y(std::pow(10, log));
      svg.line(kLeft, at, right(), at, "grid");
      svg.text(kLeft - 8, at + 4,
               showNumber(std::pow(10, log), Shown::opsPerSecond), "end",
               "small");
    }
    svg.text((kLeft + right()) / 2, kHeight - 8,
             "operators per byte at " + data["level"].text(), "middle",
             "small");
    svg.text(right() + 8 + (kBeyond - 8) / 2, kHeight - kBottom + 16,
             "no bytes", "middle", "small");
  }

  void drawRoofs() {
    Place arrays = data["arrays"];
    std::vector<double> labelled;
    for (size_t i = 0; i < arrays.size(); ++i) {
      double peak = arrays[i]["ops_per_s"].number();
      if (peak <= 0)
        continue;
      double from = bandwidth > 0 ? peak / bandwidth : std::pow(10, xs.low);
      from = std::max(from, std::pow(10, xs.low));
      svg.line(x(from), y(peak), kWidth - kRight, y(peak), "roof");
      // Roofs close together share the room for their names, above them or,
      // at the top of the picture, below.
      bool hasRoom = y(peak) - 5 >= kTop;
      double at = y(peak) + (hasRoom ? -5 : 13);
      for (double other : labelled)
        if (std::abs(other - at) < 13)
          at = other + (hasRoom ? -13 : 13);
      labelled.push_back(at);
      std::string label = arrays[i]["name"].text() + " " +
                          showNumber(peak, Shown::opsPerSecond);
      svg.text(right() - 6, at, label, "end", "small");
      boxes.push_back(
          {right() - 6 - Svg::widthOf(label), at - 12, right() - 6, at + 4});
    }
    if (bandwidth <= 0)
      return;
    double most = 0;
    for (size_t i = 0; i < arrays.size(); ++i)
      most = std::max(most, arrays[i]["ops_per_s"].number());
    double low =
        std::max(std::pow(10, xs.low), std::pow(10, ys.low) / bandwidth);
    if (low * bandwidth < most)
      svg.line(x(low), y(low * bandwidth), x(most / bandwidth), y(most),
               "roof");
  }

  void drawEinsum(const Place &einsum) {
    if (!einsum["ops_per_s"].get().is_number() ||
        einsum["ops_per_s"].number() <= 0)
      return; // free on its array
    std::string name = einsum["einsum"].text();
    double atY = y(einsum["ops_per_s"].number());
    bool moves = einsum["ops_per_byte"].get().is_number();
    double atX = moves ? x(einsum["ops_per_byte"].number())
                       : right() + 8 + (kBeyond - 8) / 2 - 30;
    // Points with the same place stand side by side.
    while (points.count({std::lround(atX / 11), std::lround(atY / 11)}))
      atX += 11;
    points.insert({std::lround(atX / 11), std::lround(atY / 11)});
    auto colour = colours.find(name);
    std::string title =
        name + ": " +
        showNumber(einsum["ops_per_s"].number(), Shown::opsPerSecond) + ", " +
        (moves ? showNumber(einsum["ops_per_byte"].number(), Shown::number) +
                     " operators per byte"
               : "no bytes at " + data["level"].text()) +
        "; alone " +
        showNumber(einsum["alone_ops_per_byte"].number(), Shown::number);
    if (double alone = einsum["alone_ops_per_byte"].number(); alone > 0)
      svg.circle(x(alone), atY, 3.5, "hollow");
    svg.circle(atX, atY, 5,
               "bar " + (colour == colours.end() ? "c9" : colour->second),
               einsum.attributes({"ops", "ops_per_byte", "ops_per_s"}), title);
    labels.push_back({name, atX, atY});
  }

  struct Box {
    double left, top, right, bottom;
  };
  struct Label {
    std::string name;
    double x, y;
  };

  /// Around the point, where nothing else is written; else nowhere: the table
  /// below has all of them.
  void placeLabel(const std::string &name, double atX, double atY) {
    double wide = Svg::widthOf(name);
    for (auto [dx, dy] : {std::pair(-wide / 2, -9.0),
                          {-wide / 2, 18.0},
                          {8.0, -9.0},
                          {8.0, 18.0},
                          {-8 - wide, -9.0},
                          {-8 - wide, 18.0},
                          {8.0, 4.0},
                          {-8 - wide, 4.0}}) {
      Box box{atX + dx, atY + dy - 12, atX + dx + wide, atY + dy + 4};
      bool isFree =
          box.left > kLeft && box.right < kWidth - 4 && box.top > kTop &&
          box.bottom < kHeight - kBottom &&
          llvm::none_of(
              boxes,
              [&](const Box &other) {
                return box.left < other.right && other.left < box.right &&
                       box.top < other.bottom && other.top < box.bottom;
              });
      if (!isFree)
        continue;
      boxes.push_back(box);
      svg.text(box.left, atY + dy, name, "start", "small");
      return;
    }
  }

  Place data;
  const Colours &colours;
  double bandwidth;
  Svg svg;
  Range xs, ys;
  std::set<std::pair<long, long>> points;
  std::vector<Box> boxes; ///< that are taken
  std::vector<Label> labels;
};

} // namespace

void einsum::exporting::drawRoofline(const Place &roofline,
                                     const Colours &colours,
                                     llvm::raw_ostream &os) {
  Roofline(roofline, colours, os).draw();
}
