//===- SkiSlopeFiles.cpp - Ski slopes as CSV and as a picture -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/SkiSlopeFiles.h"

#include "lib/Support/Format.h"
#include "lib/Support/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

#include <cmath>

using namespace einsum;
using namespace einsum::exporting;
using mapper::SlopePoint;

static double ratioOf(const SlopePoint &point) {
  return static_cast<double>(*point.foundBytes) /
         static_cast<double>(point.boundBytes);
}

//===----------------------------------------------------------------------===//
// CSV and text
//===----------------------------------------------------------------------===//

static std::string quote(llvm::StringRef text) {
  std::string quoted = "\"";
  for (char c : text)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

void einsum::exporting::writeSkiSlopeCsv(llvm::ArrayRef<NamedSlope> slopes,
                                         llvm::raw_ostream &os) {
  os << "variant,capacity_bytes,found_bytes,held_bytes,bound_bytes,gap,bound,"
        "schedule\n";
  for (const NamedSlope &named : slopes)
    for (const SlopePoint &point : named.slope.points) {
      os << quote(named.slope.variant) << "," << point.capacityBytes << ",";
      if (point.foundBytes)
        os << *point.foundBytes << "," << point.heldBytes;
      else
        os << ",";
      os << "," << point.boundBytes << ",";
      if (point.foundBytes && point.boundBytes != 0)
        os << llvm::format("%.6g", ratioOf(point));
      std::string schedule;
      for (const mapper::SlopeConfig &group : point.groups)
        schedule +=
            (schedule.empty() ? "" : " | ") +
            group.describe(point.isComputedAnew ? *named.anew : *named.facts);
      os << "," << quote(point.bound) << "," << quote(schedule) << "\n";
    }
}

void einsum::exporting::printSkiSlope(llvm::ArrayRef<NamedSlope> slopes,
                                      llvm::raw_ostream &os) {
  for (const NamedSlope &named : slopes) {
    os << "variant   " << named.slope.variant << "\n"
       << "found     best of " << named.slope.evaluated << " configurations\n"
       << "bound     no schedule moves less\n\n";
    TextTable table({">capacity", ">found", ">bound", ">gap", "by"});
    uint64_t next = 0;
    for (const SlopePoint &point : named.slope.points) {
      if (point.capacityBytes < next && &point != &named.slope.points.back())
        continue;
      next = 2 * point.capacityBytes;
      bool has = point.foundBytes && point.boundBytes != 0;
      table.add(
          {formatBytes(point.capacityBytes),
           point.foundBytes ? formatBytes(*point.foundBytes) : "nothing fits",
           formatBytes(point.boundBytes),
           has ? formatNumber(ratioOf(point)) : "-", point.bound});
    }
    table.print(os, 100);
    for (const mapper::SlopeKnee &knee : named.slope.knees)
      os << "knee at " << formatBytes(knee.capacityBytes) << ": " << knee.text
         << "\n";
    os << (&named == &slopes.back() ? "" : "\n");
  }
}

//===----------------------------------------------------------------------===//
// SVG
//===----------------------------------------------------------------------===//

namespace {

constexpr double kWidth = 1000, kPlot = 410;
constexpr double kLeft = 100, kRight = 30, kTop = 60;
constexpr unsigned kMostKnees = 4;
/// Told apart also without seeing red and green (Okabe & Ito 2008).
constexpr const char *kColors[] = {"#0072b2", "#d55e00", "#009e73",
                                   "#cc79a7", "#e69f00", "#56b4e9"};

class Picture {
public:
  Picture(llvm::ArrayRef<NamedSlope> slopes, llvm::raw_ostream &os)
      : slopes(slopes), os(os),
        bottomMargin(110 +
                     20 * std::max<size_t>(slopes.size() + 1, kMostKnees)),
        height(kTop + kPlot + bottomMargin) {
    for (const NamedSlope &named : slopes)
      for (const SlopePoint &point : named.slope.points) {
        include(xs, point.capacityBytes);
        include(ys, point.boundBytes);
        if (point.foundBytes)
          include(ys, *point.foundBytes);
      }
    xs.close();
    ys.close();
  }

  void draw(llvm::StringRef title) {
    os << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "
       << number(kWidth) << " " << number(height)
       << "\" font-family=\"sans-serif\" font-size=\"13\">\n"
          "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    text(kLeft, 30, title, "font-size=\"17\" font-weight=\"bold\"");
    drawAxes();
    drawKnees();
    for (auto [i, named] : llvm::enumerate(slopes))
      drawCurves(named.slope, kColors[i % std::size(kColors)]);
    drawLegend();
    os << "</svg>\n";
  }

private:
  struct Range {
    double lo = INFINITY, hi = -INFINITY;
    void close() { // to whole octaves, never empty
      lo = std::isfinite(lo) ? std::floor(lo) : 0;
      hi = std::max(std::isfinite(hi) ? std::ceil(hi) : 1, lo + 1);
    }
  };

  static void include(Range &range, uint64_t value) {
    if (value == 0)
      return;
    double log = std::log2(static_cast<double>(value));
    range.lo = std::min(range.lo, log);
    range.hi = std::max(range.hi, log);
  }

  static std::string number(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.1f", value);
    return buffer;
  }
  static std::string escape(llvm::StringRef text) {
    std::string result;
    for (char c : text)
      result += c == '&'   ? "&amp;"
                : c == '<' ? "&lt;"
                : c == '>' ? "&gt;"
                           : std::string(1, c);
    return result;
  }

  double x(double log) const {
    return kLeft + (log - xs.lo) / (xs.hi - xs.lo) * (kWidth - kLeft - kRight);
  }
  double y(double log) const {
    return height - bottomMargin -
           (log - ys.lo) / (ys.hi - ys.lo) * (height - kTop - bottomMargin);
  }

  void text(double atX, double atY, llvm::StringRef what,
            llvm::StringRef style) {
    os << "<text x=\"" << number(atX) << "\" y=\"" << number(atY) << "\" "
       << style << ">" << escape(what) << "</text>\n";
  }
  void line(double x1, double y1, double x2, double y2, llvm::StringRef style) {
    os << "<line x1=\"" << number(x1) << "\" y1=\"" << number(y1) << "\" x2=\""
       << number(x2) << "\" y2=\"" << number(y2) << "\" " << style << "/>\n";
  }

  /// A tick every few octaves, so that labels stay apart.
  static double stepOf(const Range &range, double most) {
    double step = 1;
    while ((range.hi - range.lo) / step > most)
      ++step;
    return step;
  }

  void drawAxes() {
    const char *grid = "stroke=\"#dddddd\"";
    double bottom = height - bottomMargin;
    for (double log = xs.lo; log <= xs.hi + 0.01; log += stepOf(xs, 12)) {
      line(x(log), kTop, x(log), bottom, grid);
      text(x(log), bottom + 18,
           formatBytes(static_cast<uint64_t>(std::exp2(log))),
           "text-anchor=\"middle\"");
    }
    for (double log = ys.lo; log <= ys.hi + 0.01; log += stepOf(ys, 10)) {
      line(kLeft, y(log), kWidth - kRight, y(log), grid);
      text(kLeft - 8, y(log) + 4,
           formatBytes(static_cast<uint64_t>(std::exp2(log))),
           "text-anchor=\"end\"");
    }
    line(kLeft, kTop, kLeft, bottom, "stroke=\"black\"");
    line(kLeft, bottom, kWidth - kRight, bottom, "stroke=\"black\"");
    text((kLeft + kWidth - kRight) / 2, bottom + 40,
         "capacity of the near side", "text-anchor=\"middle\"");
    os << "<text transform=\"translate(22 " << number((kTop + bottom) / 2)
       << ") rotate(-90)\" text-anchor=\"middle\">bytes moved at the backing "
          "level</text>\n";
  }

  void drawCurves(const mapper::SkiSlope &slope, const char *color) {
    auto curve = [&](llvm::function_ref<uint64_t(const SlopePoint &)> value,
                     const char *style) {
      os << "<polyline fill=\"none\" stroke=\"" << color << "\" " << style
         << " points=\"";
      for (const SlopePoint &point : slope.points)
        if (uint64_t bytes = value(point))
          os << number(x(std::log2(static_cast<double>(point.capacityBytes))))
             << "," << number(y(std::log2(static_cast<double>(bytes)))) << " ";
      os << "\"/>\n";
    };
    curve([](const SlopePoint &p) { return p.foundBytes.value_or(0); },
          "stroke-width=\"2.5\"");
    curve([](const SlopePoint &p) { return p.boundBytes; },
          "stroke-width=\"1.8\" stroke-dasharray=\"7 4\"");
  }

  /// Vertical lines, their numbers explained below the picture.
  void drawKnees() {
    unsigned count = 0;
    for (auto [i, named] : llvm::enumerate(slopes))
      for (const mapper::SlopeKnee &knee : named.slope.knees) {
        double log = std::log2(
            static_cast<double>(std::max<uint64_t>(knee.capacityBytes, 1)));
        if (log < xs.lo || log > xs.hi || count == kMostKnees)
          continue;
        const char *color = kColors[i % std::size(kColors)];
        std::string style =
            std::string("stroke=\"") + color + "\" stroke-dasharray=\"2 3\"";
        line(x(log), kTop, x(log), height - bottomMargin, style);
        std::string mark = std::string(1, static_cast<char>('a' + count));
        text(x(log), kTop - 5, mark,
             std::string("text-anchor=\"middle\" fill=\"") + color + "\"");
        text(kLeft + 430, height - bottomMargin + 68 + 20 * count,
             mark + "  " + formatBytes(knee.capacityBytes) + ": " + knee.text,
             std::string("fill=\"") + color + "\"");
        ++count;
      }
  }

  void drawLegend() {
    double atY = height - bottomMargin + 64;
    for (auto [i, named] : llvm::enumerate(slopes)) {
      std::string stroke =
          std::string("stroke=\"") + kColors[i % std::size(kColors)] + "\" ";
      line(kLeft, atY, kLeft + 36, atY, stroke + "stroke-width=\"2.5\"");
      line(kLeft + 44, atY, kLeft + 80, atY,
           stroke + "stroke-width=\"1.8\" stroke-dasharray=\"7 4\"");
      text(kLeft + 90, atY + 4, named.slope.variant, "");
      atY += 20;
    }
    text(kLeft, atY + 4, "solid: best found    dashed: no schedule below",
         "fill=\"#555555\"");
    // Two lines, broken between two of its parts.
    llvm::StringRef space = mapper::describeSlopeSpace();
    size_t half = space.find("; ", space.size() / 2 - 20) + 1;
    const char *small = "font-size=\"11\" fill=\"#555555\"";
    text(kLeft, height - 24, "Found in: " + space.take_front(half).str(),
         small);
    text(kLeft, height - 8, space.drop_front(half).trim(), small);
  }

  llvm::ArrayRef<NamedSlope> slopes;
  llvm::raw_ostream &os;
  double bottomMargin, height;
  Range xs, ys;
};

} // namespace

void einsum::exporting::writeSkiSlopeSvg(llvm::ArrayRef<NamedSlope> slopes,
                                         llvm::StringRef title,
                                         llvm::raw_ostream &os) {
  Picture(slopes, os).draw(title);
}
