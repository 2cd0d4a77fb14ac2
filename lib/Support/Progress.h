//===- Progress.h - A sign of life on a terminal ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// While a Progress lives, and once its work has taken a second, one line on
// standard error says what is going on and for how long; the line disappears
// with the Progress. Where standard error is not a terminal nothing is printed.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_PROGRESS_H
#define EINSUM_SUPPORT_PROGRESS_H

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace einsum {

class Progress {
public:
  explicit Progress(std::string what);
  ~Progress();

private:
  void report();

  std::string what;
  std::mutex mutex;
  std::condition_variable finished;
  bool isFinished = false;
  std::thread thread;
};

} // namespace einsum

#endif // EINSUM_SUPPORT_PROGRESS_H
