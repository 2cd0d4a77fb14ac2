//===- SpecText.h - A spec under construction -------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_IMPORT_SPECTEXT_H
#define EINSUM_ARCH_IMPORT_SPECTEXT_H

#include <nlohmann/json.hpp>
#include <string>

namespace einsum::arch {

using SpecJson = nlohmann::ordered_json;

/// "12.5 pJ": a number, to 14 digits, and its unit.
std::string quantity(double value, const char *unit);

/// Energies of integer and floating-point operators at so many bits, in pJ at
/// 45 nm: the fits to Horowitz 2014 that energy/horowitz45.json explains.
double macEnergy(bool isFloat, unsigned bits);
double mulEnergy(bool isFloat, unsigned bits);
double addEnergy(bool isFloat, unsigned bits);

/// Which table says what a memory costs, "sram" or "registers": the likelier
/// one, unless only the other one reaches as far.
std::string chooseEstimate(double capacityBytes, double accessBytes,
                           bool isLikelyRegisters);

/// MLIR's name of a number format; empty if there is none so wide.
std::string datatypeName(bool isFloat, unsigned bits);

} // namespace einsum::arch

#endif // EINSUM_ARCH_IMPORT_SPECTEXT_H
