//===- LowRankCode.cpp - Codes, a thin product and outliers ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/LowRankCode.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum::formats;
using llvm::ArrayRef;
using llvm::MutableArrayRef;

static double toHalf(double value) {
  return Codes::findReal("f16")->round(value);
}

//===----------------------------------------------------------------------===//
// Matrices, row by row
//===----------------------------------------------------------------------===//

namespace {
struct Matrix {
  size_t rows = 0, columns = 0;
  std::vector<double> values;

  Matrix(size_t rows, size_t columns)
      : rows(rows), columns(columns), values(rows * columns, 0) {}
  double &at(size_t row, size_t column) {
    return values[row * columns + column];
  }
  double at(size_t row, size_t column) const {
    return values[row * columns + column];
  }
};
} // namespace

/// a * b
static Matrix multiply(const Matrix &a, const Matrix &b) {
  Matrix product(a.rows, b.columns);
  for (size_t i = 0; i < a.rows; ++i)
    for (size_t k = 0; k < a.columns; ++k)
      for (size_t j = 0; j < b.columns; ++j)
        product.at(i, j) += a.at(i, k) * b.at(k, j);
  return product;
}

/// a' * b
static Matrix multiplyTransposed(const Matrix &a, const Matrix &b) {
  Matrix product(a.columns, b.columns);
  for (size_t k = 0; k < a.rows; ++k)
    for (size_t i = 0; i < a.columns; ++i)
      for (size_t j = 0; j < b.columns; ++j)
        product.at(i, j) += a.at(k, i) * b.at(k, j);
  return product;
}

static double dot(const Matrix &m, size_t a, size_t b) {
  double sum = 0;
  for (size_t i = 0; i < m.rows; ++i)
    sum += m.at(i, a) * m.at(i, b);
  return sum;
}

/// Modified Gram-Schmidt; a column that the others make up becomes zero.
static void orthonormalize(Matrix &m) {
  for (size_t j = 0; j < m.columns; ++j) {
    double before = dot(m, j, j);
    for (size_t k = 0; k < j; ++k) {
      double share = dot(m, k, j);
      for (size_t i = 0; i < m.rows; ++i)
        m.at(i, j) -= share * m.at(i, k);
    }
    double norm = dot(m, j, j);
    double factor = norm > before * 1e-24 ? 1 / std::sqrt(norm) : 0;
    for (size_t i = 0; i < m.rows; ++i)
      m.at(i, j) *= factor;
  }
}

/// Numbers from -1 to 1 that look random and are always the same.
static Matrix makeStart(size_t rows, size_t columns) {
  Matrix start(rows, columns);
  uint64_t state = 0x9e3779b97f4a7c15;
  for (double &value : start.values) {
    state = state * 6364136223846793005 + 1442695040888963407;
    value = static_cast<double>(static_cast<int32_t>(state >> 32)) / 0x1p31;
  }
  return start;
}

static std::pair<Matrix, Matrix> factorize(const Matrix &rest, size_t rank) {
  constexpr unsigned kSteps = 4;
  Matrix left(rest.rows, rank), right = makeStart(rest.columns, rank);
  for (unsigned step = 0; step < kSteps; ++step) {
    left = multiply(rest, right);
    orthonormalize(left);
    right = multiplyTransposed(rest, left);
  }
  for (Matrix *factor : {&left, &right})
    for (double &value : factor->values)
      value = toHalf(value);
  return {left, right};
}

//===----------------------------------------------------------------------===//
// Matrices of a tensor
//===----------------------------------------------------------------------===//

namespace {

/// Where the elements of each matrix are.
class Matrices {
public:
  explicit Matrices(const Region &region)
      : rows(region.extents[region.rowRank]),
        columns(region.extents[region.columnRank]) {
    std::vector<size_t> strides(region.extents.size(), 1);
    for (size_t i = strides.size(); i-- > 1;)
      strides[i - 1] = strides[i] * region.extents[i];
    rowStride = strides[region.rowRank];
    columnStride = strides[region.columnRank];
    starts = {0};
    for (auto [i, extent] : llvm::enumerate(region.extents)) {
      if (i == region.rowRank || i == region.columnRank)
        continue;
      std::vector<size_t> further;
      for (size_t start : starts)
        for (int64_t at = 0; at < extent; ++at)
          further.push_back(start + at * strides[i]);
      starts = std::move(further);
    }
  }

  size_t place(size_t matrix, size_t row, size_t column) const {
    return starts[matrix] + row * rowStride + column * columnStride;
  }

  size_t rows, columns, rowStride, columnStride;
  std::vector<size_t> starts;
};

class MatrixCoder {
public:
  MatrixCoder(const Format &format, const Region &region)
      : format(format), lowRank(format.lowRank), matrices(region) {}

  void encode(size_t number, ArrayRef<double> values, ArrayRef<uint8_t> present,
              Encoded &to) const {
    size_t count = matrices.rows * matrices.columns;
    Matrix x(matrices.rows, matrices.columns);
    std::vector<bool> isCoded(count);
    for (size_t i = 0; i < count; ++i) {
      size_t place = placeOf(number, i);
      x.values[i] = values[place];
      isCoded[i] = present.empty() || present[place];
    }
    takeOutliers(x, isCoded, to);
    Matrix rest(x.rows, x.columns);
    for (size_t i = 0; i < count; i += lowRank.group)
      codeGroup(number, x, isCoded, i, rest, to);
    auto [left, right] = factorize(rest, lowRank.rank);
    llvm::append_range(to.left, left.values);
    llvm::append_range(to.right, right.values);
  }

  void decode(size_t number, const Encoded &from,
              MutableArrayRef<double> values) const {
    size_t rank = lowRank.rank, count = matrices.rows * matrices.columns;
    size_t groups = count / lowRank.group;
    for (size_t i = 0; i < count; ++i) {
      size_t group = number * groups + i / lowRank.group;
      size_t row = i / matrices.columns, column = i % matrices.columns;
      double value = codeOf(from, group, from.codes[placeOf(number, i)]);
      for (size_t k = 0; k < rank; ++k)
        value += from.left[(number * matrices.rows + row) * rank + k] *
                 from.right[(number * matrices.columns + column) * rank + k];
      values[placeOf(number, i)] = value;
    }
    size_t outliers =
        2 * lowRank.countOutliers(matrices.rows, matrices.columns);
    for (size_t k = number * outliers; k < (number + 1) * outliers; ++k)
      if (from.outlierPositions[k] < count)
        values[placeOf(number, from.outlierPositions[k])] =
            from.outlierValues[k];
  }

  size_t countMatrices() const { return matrices.starts.size(); }

private:
  size_t placeOf(size_t number, size_t i) const {
    return matrices.place(number, i / matrices.columns, i % matrices.columns);
  }

  /// The least and the greatest that are there; of equal ones, the first. A
  /// position beyond the matrix stands for none.
  void takeOutliers(const Matrix &x, std::vector<bool> &isCoded,
                    Encoded &to) const {
    std::vector<size_t> order;
    for (size_t i = 0; i < x.values.size(); ++i)
      if (isCoded[i] && !std::isnan(x.values[i]))
        order.push_back(i);
    llvm::sort(order, [&](size_t a, size_t b) {
      return std::make_pair(x.values[a], a) < std::make_pair(x.values[b], b);
    });
    uint64_t each = lowRank.countOutliers(x.rows, x.columns);
    auto take = [&](size_t at) {
      bool exists = at < order.size() && isCoded[order[at]];
      to.outlierPositions.push_back(exists ? order[at] : x.values.size());
      to.outlierValues.push_back(exists ? toHalf(x.values[order[at]]) : 0);
      if (exists)
        isCoded[order[at]] = false;
    };
    for (uint64_t k = 0; k < each; ++k) {
      take(k);
      take(order.size() - 1 - k);
    }
  }

  /// Codes of the elements from `start` on, and what they miss.
  void codeGroup(size_t number, const Matrix &x,
                 const std::vector<bool> &isCoded, size_t start, Matrix &rest,
                 Encoded &to) const {
    const Codes &codes = format.codes.front();
    const Codes &half = *Codes::findReal("f16");
    double least = HUGE_VAL, greatest = -HUGE_VAL;
    bool hasNaN = false;
    size_t end = start + lowRank.group;
    for (size_t i = start; i < end; ++i) {
      hasNaN |= isCoded[i] && std::isnan(x.values[i]);
      if (!isCoded[i] || !std::isfinite(x.values[i]))
        continue;
      least = std::min(least, x.values[i]);
      greatest = std::max(greatest, x.values[i]);
    }
    if (least > greatest)
      least = greatest = 0;
    least = toHalf(least);
    double scale = std::max(half.round((greatest - least) / codes.getLargest()),
                            half.getSmallest());
    if (hasNaN)
      scale = NAN;
    to.scales.push_back(half.encode(scale));
    to.scales.push_back(half.encode(least));
    for (size_t i = start; i < end; ++i) {
      uint32_t code = isCoded[i] && !hasNaN
                          ? codes.encode((x.values[i] - least) / scale)
                          : 0;
      to.codes[placeOf(number, i)] = code;
      if (isCoded[i] && !hasNaN && std::isfinite(x.values[i]))
        rest.values[i] = x.values[i] - (codes.decode(code) * scale + least);
    }
  }

  double codeOf(const Encoded &from, size_t group, uint32_t code) const {
    const Codes &half = *Codes::findReal("f16");
    return format.codes.front().decode(code) *
               half.decode(from.scales[2 * group]) +
           half.decode(from.scales[2 * group + 1]);
  }

  const Format &format;
  const LowRank &lowRank;
  Matrices matrices;
};

} // namespace

Encoded einsum::formats::encodeLowRank(const Format &format,
                                       const Region &region,
                                       ArrayRef<double> values,
                                       ArrayRef<uint8_t> present) {
  MatrixCoder coder(format, region);
  Encoded encoded;
  encoded.codes.resize(values.size());
  for (size_t i = 0; i < coder.countMatrices(); ++i)
    coder.encode(i, values, present, encoded);
  return encoded;
}

std::vector<double> einsum::formats::decodeLowRank(const Format &format,
                                                   const Region &region,
                                                   const Encoded &encoded) {
  MatrixCoder coder(format, region);
  std::vector<double> values(encoded.codes.size());
  for (size_t i = 0; i < coder.countMatrices(); ++i)
    coder.decode(i, encoded, values);
  return values;
}
