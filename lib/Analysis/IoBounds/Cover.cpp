//===- Cover.cpp - How many points a few elements can serve ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Cover.h"

#include "lib/Analysis/IoBounds/Values.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>
#include <set>

using namespace einsum;
using namespace einsum::bounds;

static constexpr size_t kMaxSubspaces = 64, kMaxBases = 100000;
/// Operands and coupled ranks of an Einsum, and rationals copied on the way to
/// its vertices: beyond either no cover is found.
static constexpr size_t kMaxUnknowns = 128, kMaxCopies = size_t(1) << 26;

//===----------------------------------------------------------------------===//
// Rationals
//===----------------------------------------------------------------------===//

/// Numbers here are small: entries of access maps, and determinants of a few of
/// them. What does not fit becomes 0/0, which is not ordered with anything.
static Rational reduce(__int128 num, __int128 den) {
  Rational result;
  __int128 a = num < 0 ? -num : num, b = den < 0 ? -den : den;
  while (b != 0)
    std::tie(a, b) = std::pair(b, a % b);
  if (a == 0) {
    result.den = 0;
    return result;
  }
  num /= a, den /= a;
  if (den < 0)
    num = -num, den = -den;
  result.num = static_cast<int64_t>(num);
  result.den = static_cast<int64_t>(den);
  if (result.num != num || result.den != den)
    result.num = result.den = 0;
  return result;
}

Rational::Rational(int64_t num, int64_t den) { *this = reduce(num, den); }

Rational einsum::bounds::operator+(Rational a, Rational b) {
  return reduce(static_cast<__int128>(a.num) * b.den +
                    static_cast<__int128>(b.num) * a.den,
                static_cast<__int128>(a.den) * b.den);
}
Rational einsum::bounds::operator-(Rational a, Rational b) {
  return a + Rational(-1) * b;
}
Rational einsum::bounds::operator*(Rational a, Rational b) {
  return reduce(static_cast<__int128>(a.num) * b.num,
                static_cast<__int128>(a.den) * b.den);
}
Rational einsum::bounds::operator/(Rational a, Rational b) {
  return reduce(static_cast<__int128>(a.num) * b.den,
                static_cast<__int128>(a.den) * b.num);
}
bool einsum::bounds::operator<(Rational a, Rational b) {
  return static_cast<__int128>(a.num) * b.den <
         static_cast<__int128>(b.num) * a.den;
}
bool einsum::bounds::operator==(Rational a, Rational b) {
  return a.num == b.num && a.den == b.den;
}

//===----------------------------------------------------------------------===//
// Subspaces
//===----------------------------------------------------------------------===//

namespace {

using Row = std::vector<Rational>;
/// Rows in reduced echelon form: equal subspaces are equal matrices.
using Matrix = std::vector<Row>;

bool isBefore(const Matrix &a, const Matrix &b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(), [](const Row &x, const Row &y) {
        return std::lexicographical_compare(x.begin(), x.end(), y.begin(),
                                            y.end());
      });
}

/// Reduced echelon form, zero rows removed.
Matrix echelon(Matrix m) {
  size_t columns = m.empty() ? 0 : m.front().size(), done = 0;
  for (size_t column = 0; column < columns && done < m.size(); ++column) {
    size_t pivot = done;
    while (pivot < m.size() && m[pivot][column].isZero())
      ++pivot;
    if (pivot == m.size())
      continue;
    std::swap(m[pivot], m[done]);
    Rational scale = m[done][column];
    for (Rational &entry : m[done])
      entry = entry / scale;
    for (size_t row = 0; row < m.size(); ++row) {
      if (row == done || m[row][column].isZero())
        continue;
      Rational factor = m[row][column];
      for (size_t k = 0; k < columns; ++k)
        m[row][k] = m[row][k] - factor * m[done][k];
    }
    ++done;
  }
  m.resize(done);
  return m;
}

/// A basis of the vectors that all rows of `m` send to zero.
Matrix kernel(const Matrix &m, size_t columns) {
  Matrix reduced = echelon(m), basis;
  std::vector<int> pivotOf(columns, -1);
  for (size_t row = 0; row < reduced.size(); ++row)
    for (size_t k = 0; k < columns; ++k)
      if (!reduced[row][k].isZero()) {
        pivotOf[k] = row;
        break;
      }
  for (size_t free = 0; free < columns; ++free) {
    if (pivotOf[free] >= 0)
      continue;
    Row vector(columns);
    vector[free] = Rational(1);
    for (size_t k = 0; k < columns; ++k)
      if (pivotOf[k] >= 0)
        vector[k] = Rational(0) - reduced[pivotOf[k]][free];
    basis.push_back(std::move(vector));
  }
  return echelon(basis);
}

Matrix sum(Matrix a, const Matrix &b) {
  a.insert(a.end(), b.begin(), b.end());
  return echelon(std::move(a));
}

Matrix intersection(const Matrix &a, const Matrix &b, size_t columns) {
  // x is in a subspace iff the annihilator of the subspace sends it to zero.
  return kernel(sum(kernel(a, columns), kernel(b, columns)), columns);
}

/// Rank of the image of a subspace.
int64_t imageRank(const Matrix &map, const Matrix &subspace) {
  Matrix image;
  for (const Row &vector : subspace) {
    Row point;
    for (const Row &row : map) {
      Rational value;
      for (size_t k = 0; k < row.size(); ++k)
        value = value + row[k] * vector[k];
      point.push_back(value);
    }
    image.push_back(std::move(point));
  }
  return echelon(image).size();
}

/// The lattice that the subspaces generate under sum and intersection; nullopt
/// if it has more members than the limit.
std::optional<std::vector<Matrix>> close(const std::vector<Matrix> &generators,
                                         size_t columns) {
  std::set<Matrix, decltype(&isBefore)> known(isBefore);
  std::vector<Matrix> list;
  auto add = [&](Matrix m) {
    if (known.insert(m).second)
      list.push_back(std::move(m));
  };
  for (const Matrix &generator : generators)
    add(generator);
  for (size_t i = 0; i < list.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      Matrix a = list[i], b = list[j];
      add(sum(a, b));
      add(intersection(a, b, columns));
      if (list.size() > kMaxSubspaces)
        return std::nullopt;
    }
  return list;
}

//===----------------------------------------------------------------------===//
// Rows of the polytope
//===----------------------------------------------------------------------===//

/// sum_j operands[j] s_j + sum over `ranks` of count * t >= rank.
struct CoverRow {
  int64_t rank = 1;
  llvm::SmallVector<int64_t, 4> operands;
  llvm::SmallVector<int64_t, 8> ranks;

  bool operator<(const CoverRow &o) const {
    return std::tie(rank, operands, ranks) <
           std::tie(o.rank, o.operands, o.ranks);
  }
};

bool isImplied(const CoverRow &row, const CoverRow &a, const CoverRow &b) {
  auto below = [](llvm::ArrayRef<int64_t> x, llvm::ArrayRef<int64_t> y,
                  llvm::ArrayRef<int64_t> z) {
    for (size_t i = 0; i < z.size(); ++i)
      if (x[i] + y[i] > z[i])
        return false;
    return true;
  };
  return a.rank + b.rank >= row.rank &&
         below(a.operands, b.operands, row.operands) &&
         below(a.ranks, b.ranks, row.ranks);
}

class CoverBuilder {
public:
  explicit CoverBuilder(const Nest &nest) : nest(nest) {
    // The digits of a number are as good as the number: both name one element.
    for (const auto &operand : nest.operands) {
      auto &split = operands.emplace_back();
      for (const Coordinate &coordinate : operand) {
        if (!isDecodable(coordinate, nest.extents)) {
          split.push_back(coordinate);
          continue;
        }
        for (const Coordinate::Term &term : coordinate.terms) {
          Coordinate digit;
          digit.terms.push_back({term.rank, 1});
          split.push_back(digit);
        }
      }
    }
  }

  Cover build() {
    Cover cover;
    bool exact = addRows();
    cover.method = coupled ? "Hoelder-Brascamp-Lieb" : "Loomis-Whitney";
    if (exact)
      cover.vertices = enumerateVertices();
    if (!cover.vertices.empty())
      return cover;
    cover.method = "fixed offsets";
    rows.clear();
    addSlicedRows();
    cover.vertices = enumerateVertices();
    return cover;
  }

private:
  size_t rankCount() const { return nest.extents.size(); }

  /// Ranks that share a coordinate, directly or through others.
  std::vector<llvm::SmallVector<int, 4>> blocks() const {
    std::vector<int> leader(rankCount());
    std::iota(leader.begin(), leader.end(), 0);
    auto find = [&](int rank) {
      while (leader[rank] != rank)
        rank = leader[rank];
      return rank;
    };
    for (const auto &operand : operands)
      for (const Coordinate &coordinate : operand)
        for (const Coordinate::Term &term : coordinate.terms)
          leader[find(term.rank)] = find(coordinate.terms.front().rank);
    std::vector<llvm::SmallVector<int, 4>> result(rankCount());
    for (size_t rank = 0; rank < rankCount(); ++rank)
      result[find(rank)].push_back(rank);
    llvm::erase_if(result, [](const auto &block) { return block.empty(); });
    return result;
  }

  bool addRows() {
    for (const auto &block : blocks()) {
      if (block.size() == 1) {
        rows.push_back(singleRow(block.front(), [&](const Coordinate &c) {
          return c.uses(block.front());
        }));
        continue;
      }
      coupled = true;
      if (!addBlock(block))
        return false;
    }
    return true;
  }

  CoverRow
  singleRow(int rank,
            llvm::function_ref<bool(const Coordinate &)> covers) const {
    CoverRow row;
    row.ranks.assign(rankCount(), 0);
    row.ranks[rank] = 1;
    for (const auto &operand : operands)
      row.operands.push_back(llvm::any_of(operand, covers));
    return row;
  }

  /// One row per subgroup of the lattice that the kernels generate.
  bool addBlock(llvm::ArrayRef<int> block) {
    size_t columns = block.size();
    std::vector<Matrix> maps, generators;
    for (const auto &operand : operands) {
      Matrix map;
      for (const Coordinate &coordinate : operand) {
        Row row(columns);
        for (const Coordinate::Term &term : coordinate.terms)
          if (const int *at = llvm::find(block, term.rank); at != block.end())
            row[at - block.begin()] =
                row[at - block.begin()] + Rational(term.coefficient);
        map.push_back(std::move(row));
      }
      maps.push_back(echelon(map));
    }
    for (size_t k = 0; k < columns; ++k) {
      Row unit(columns);
      unit[k] = Rational(1);
      maps.push_back({unit});
    }
    for (const Matrix &map : maps)
      generators.push_back(kernel(map, columns));
    std::optional<std::vector<Matrix>> lattice = close(generators, columns);
    if (!lattice)
      return false;
    Matrix whole;
    for (const Matrix &map : llvm::drop_begin(maps, operands.size()))
      whole.push_back(map.front());
    lattice->push_back(echelon(whole));
    std::set<CoverRow> unique;
    for (const Matrix &subspace : *lattice) {
      if (subspace.empty())
        continue;
      CoverRow row;
      row.rank = subspace.size();
      row.ranks.assign(rankCount(), 0);
      for (size_t j = 0; j < operands.size(); ++j)
        row.operands.push_back(imageRank(maps[j], subspace));
      for (size_t k = 0; k < columns; ++k)
        row.ranks[block[k]] = imageRank(maps[operands.size() + k], subspace);
      unique.insert(std::move(row));
    }
    std::vector<CoverRow> all(unique.begin(), unique.end());
    for (size_t i = 0; i < all.size(); ++i) {
      bool implied = false;
      for (size_t a = 0; a < all.size() && !implied; ++a)
        for (size_t b = 0; b < a && !implied; ++b)
          implied = a != i && b != i && isImplied(all[i], all[a], all[b]);
      if (!implied)
        rows.push_back(all[i]);
    }
    return true;
  }

  /// Fixes coupled ranks in turn, those with small extents first.
  void addSlicedRows() {
    llvm::SmallVector<int, 8> order;
    for (size_t rank = 0; rank < rankCount(); ++rank)
      order.push_back(rank);
    llvm::sort(order, [&](int a, int b) {
      return std::pair(nest.extents[a], a) < std::pair(nest.extents[b], b);
    });
    std::vector<bool> fixed(rankCount());
    for (int rank : order) {
      rows.push_back(singleRow(rank, [&](const Coordinate &c) {
        return c.uses(rank) &&
               llvm::all_of(c.terms, [&](const Coordinate::Term &term) {
                 return term.rank == rank || fixed[term.rank];
               });
      }));
      fixed[rank] = true;
    }
  }

  //===--------------------------------------------------------------------===//
  // Vertices
  //===--------------------------------------------------------------------===//

  /// Unknowns are s_j and those t_i that a row of several ranks couples; any
  /// other t_i is as small as its one row allows.
  std::vector<Exponents> enumerateVertices() {
    free.clear();
    for (const CoverRow &row : rows)
      if (!isSingle(row))
        for (size_t rank = 0; rank < rankCount(); ++rank)
          if (row.ranks[rank] != 0 &&
              !llvm::is_contained(free, static_cast<int>(rank)))
            free.push_back(rank);
    size_t unknowns = operands.size() + free.size();
    if (unknowns > kMaxUnknowns)
      return {};
    Matrix planes; // coefficients of the unknowns, then the right side
    for (const CoverRow &row : rows) {
      Row plane;
      for (int64_t count : row.operands)
        plane.push_back(count);
      for (int rank : free)
        plane.push_back(row.ranks[rank]);
      plane.push_back(row.rank);
      planes.push_back(std::move(plane));
    }
    for (size_t k = 0; k < unknowns; ++k) {
      Row plane(unknowns + 1);
      plane[k] = Rational(1);
      planes.push_back(std::move(plane));
    }
    std::vector<Exponents> vertices;
    bases = copies = 0;
    choose(planes, 0, {}, unknowns, vertices);
    if (isExhausted())
      vertices.clear();
    return vertices;
  }

  bool isExhausted() const { return bases > kMaxBases || copies > kMaxCopies; }

  bool isSingle(const CoverRow &row) const {
    return std::accumulate(row.ranks.begin(), row.ranks.end(), int64_t{0}) ==
               1 &&
           llvm::count_if(rows, [&](const CoverRow &other) {
             return other.ranks[llvm::find(row.ranks, 1) - row.ranks.begin()] !=
                    0;
           }) == 1;
  }

  /// Every set of planes that meet in one point.
  void choose(const Matrix &planes, size_t next, const Matrix &chosen,
              size_t unknowns, std::vector<Exponents> &vertices) {
    if (chosen.size() == unknowns) {
      if (++bases <= kMaxBases)
        addVertex(chosen, unknowns, vertices);
      return;
    }
    if (planes.size() - next < unknowns - chosen.size() || isExhausted())
      return;
    copies += (chosen.size() + 1) * (unknowns + 1);
    Matrix with = chosen;
    with.push_back(planes[next]);
    with = echelon(with);
    // Dependent planes add nothing; contradicting ones have no point.
    bool contradicts = llvm::any_of(with, [&](const Row &row) {
      return std::all_of(row.begin(), row.end() - 1,
                         [](Rational r) { return r.isZero(); });
    });
    if (with.size() > chosen.size() && !contradicts)
      choose(planes, next + 1, with, unknowns, vertices);
    choose(planes, next + 1, chosen, unknowns, vertices);
  }

  void addVertex(const Matrix &solved, size_t unknowns,
                 std::vector<Exponents> &vertices) {
    Exponents e;
    e.ranks.assign(rankCount(), Rational(0));
    for (size_t k = 0; k < unknowns; ++k) {
      Rational value = solved[k][unknowns];
      if (value.den == 0 || value < Rational(0))
        return;
      if (k < operands.size())
        e.operands.push_back(value);
      else
        e.ranks[free[k - operands.size()]] = value;
    }
    for (const CoverRow &row : rows) {
      Rational missing(row.rank);
      for (auto [count, s] : llvm::zip(row.operands, e.operands))
        missing = missing - Rational(count) * s;
      for (int rank : free)
        missing = missing - Rational(row.ranks[rank]) * e.ranks[rank];
      if (missing.den != 0 && !(Rational(0) < missing))
        continue;
      if (missing.den == 0 || !isSingle(row))
        return;
      e.ranks[llvm::find(row.ranks, 1) - row.ranks.begin()] = missing;
    }
    if (llvm::none_of(vertices, [&](const Exponents &other) {
          return other.operands == e.operands && other.ranks == e.ranks;
        }))
      vertices.push_back(std::move(e));
  }

  const Nest &nest;
  std::vector<llvm::SmallVector<Coordinate, 4>> operands;
  std::vector<CoverRow> rows;
  bool coupled = false;
  llvm::SmallVector<int, 8> free;
  size_t bases = 0, copies = 0;
};

} // namespace

Cover einsum::bounds::computeCover(const Nest &nest) {
  return CoverBuilder(nest).build();
}
