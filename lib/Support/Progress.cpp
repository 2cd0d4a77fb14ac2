//===- Progress.cpp - A sign of life on a terminal ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Progress.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include <unistd.h>

using namespace einsum;

Progress::Progress(std::string what) : what(std::move(what)) {
  if (llvm::sys::Process::StandardErrIsDisplayed())
    thread = std::thread(&Progress::report, this);
}

Progress::~Progress() {
  if (!thread.joinable())
    return;
  {
    std::lock_guard<std::mutex> lock(mutex);
    isFinished = true;
  }
  finished.notify_one();
  thread.join();
}

void Progress::report() {
  // A stream of its own, since the work may print errors at the same time; the
  // cursor waits at the start of the line, so that they overwrite it.
  llvm::raw_fd_ostream terminal(STDERR_FILENO, /*shouldClose=*/false,
                                /*unbuffered=*/true);
  const char *eraseLine = "\r\033[K";
  unsigned seconds = 0;
  std::unique_lock<std::mutex> lock(mutex);
  while (!finished.wait_for(lock, std::chrono::seconds(1),
                            [&] { return isFinished; }))
    terminal << eraseLine << what << " (" << ++seconds << " s)\r";
  if (seconds)
    terminal << eraseLine;
}
