//===- Interrupt.cpp - Ctrl-C ends a search, not the tool -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/Interrupt.h"

using namespace einsum;

static std::atomic<bool> isInterrupted;
static_assert(std::atomic<bool>::is_always_lock_free,
              "a signal handler may not wait");

static void interrupt(int) { isInterrupted = true; }

Interrupt::Interrupt() {
  isInterrupted = false;
  struct sigaction action = {};
  action.sa_handler = interrupt;
  sigemptyset(&action.sa_mask);
  // Once only; system calls under way go on.
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, &before);
}

Interrupt::~Interrupt() { sigaction(SIGINT, &before, nullptr); }

const std::atomic<bool> *Interrupt::flag() const { return &isInterrupted; }
