//===- Efforts.cpp - From quick searches to thorough ones -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Efforts.h"

#include <algorithm>

using namespace einsum;
using namespace einsum::mapper;

/// Where the last search has all tiles, one of nearly all is not worth it.
static constexpr int kFinestQuick = 2;

std::vector<Effort> mapper::listEfforts(const NestLimits &finest, bool areMany,
                                        bool isSingle, unsigned sharedLoops) {
  std::vector<Effort> efforts;
  Effort quick;
  quick.beam = 4;
  quick.states = 300;
  if (areMany) {
    Effort sketch;
    sketch.sketch = true;
    sketch.coarse = NestLimits::kCoarsest;
    sketch.pipelines = sketch.reorder = false;
    sketch.beam = 2;
    sketch.loops = 0;
    sketch.states = 4;
    sketch.instant = true;
    efforts.push_back(sketch);
    sketch.instant = false;
    for (auto [loops, states] :
         {std::pair(0, 16), std::pair(1, 64), std::pair(2, 300)}) {
      sketch.loops = loops;
      sketch.states = states;
      efforts.push_back(sketch);
    }
    int last = finest.coarse ? finest.coarse : kFinestQuick;
    for (int coarse = NestLimits::kCoarsest;
         !finest.isWhole() && isSingle && coarse >= last; --coarse) {
      quick.coarse = coarse;
      efforts.push_back(quick);
    }
  }
  if (finest.coarse == 0 && !finest.fewPairs && isSingle) {
    quick.coarse = 0;
    efforts.push_back(quick);
    // Few plans that share many loops, before all that share any.
    for (unsigned loops = 2; areMany && loops <= std::min(sharedLoops, 3u);
         ++loops) {
      quick.loops = loops;
      efforts.push_back(quick);
    }
  }
  return efforts;
}

static std::string describeNests(const Effort &effort,
                                 const NestLimits &finest) {
  if (effort.instant)
    return "instant sketches of nests";
  if (effort.sketch)
    return "sketches of nests";
  if (effort.coarse > 0)
    return "nests of few tiles, step " + std::to_string(effort.coarse);
  if (finest.fewTiles)
    return "nests of tiles that divide, and few others";
  if (finest.fewPairs)
    return "nests of few ways to deal ranks";
  return "all nests";
}

std::string mapper::describeEffort(const Effort &effort,
                                   const NestLimits &finest) {
  std::string text = describeNests(effort, finest) + ", up to " +
                     std::to_string(effort.loops) + " shared loops";
  return effort.beam
             ? text + ", " + std::to_string(effort.beam) + " kept per state"
             : text;
}
