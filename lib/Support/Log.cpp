//===- Log.cpp - What a tool is doing, for who asks -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Log.h"

#include "llvm/ADT/StringSwitch.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

using namespace einsum;

namespace {

/// Seconds since the process began to log, which is when it began.
class SecondsFlag : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg &message, const std::tm &,
              spdlog::memory_buf_t &out) override {
    std::chrono::duration<double> since = message.time - start;
    fmt::format_to(std::back_inserter(out), "{:6.2f} s", since.count());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<SecondsFlag>(*this);
  }

private:
  spdlog::log_clock::time_point start = spdlog::log_clock::now();
};

} // namespace

static spdlog::logger &getLogger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>(
        "einsum", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<SecondsFlag>('s').set_pattern("[%s] %v");
    made->set_formatter(std::move(formatter));
    made->set_level(spdlog::level::off);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *logger;
}

static spdlog::level::level_enum toSpdlog(LogLevel level) {
  switch (level) {
  case LogLevel::off:
    return spdlog::level::off;
  case LogLevel::info:
    return spdlog::level::info;
  case LogLevel::debug:
    return spdlog::level::debug;
  }
  return spdlog::level::off;
}

std::optional<LogLevel> einsum::parseLogLevel(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<LogLevel>>(name)
      .Case("off", LogLevel::off)
      .Case("info", LogLevel::info)
      .Case("debug", LogLevel::debug)
      .Default(std::nullopt);
}

void einsum::setLogLevel(LogLevel level) {
  getLogger().set_level(toSpdlog(level));
}

bool einsum::isLogged(LogLevel level) {
  return getLogger().should_log(toSpdlog(level));
}

void einsum::logInfo(const llvm::Twine &line) {
  if (isLogged(LogLevel::info))
    getLogger().info("{}", line.str());
}

void einsum::logDebug(const llvm::Twine &line) {
  if (isLogged(LogLevel::debug))
    getLogger().debug("{}", line.str());
}
