//===- Interrupt.h - Ctrl-C ends a search, not the tool ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// While an Interrupt lives, the first SIGINT sets its flag, which a search
// polls; the second one ends the program as usual. One may live at a time.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_INTERRUPT_H
#define LIB_INIT_INTERRUPT_H

#include <atomic>
#include <csignal>

namespace einsum {

class Interrupt {
public:
  Interrupt();
  ~Interrupt();

  /// Set once the user has interrupted.
  const std::atomic<bool> *flag() const;

private:
  struct sigaction before;
};

} // namespace einsum

#endif // LIB_INIT_INTERRUPT_H
