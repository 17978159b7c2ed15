/// Part of spectralgpt.hpp: rasters in memory. SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef SPECTRALGPT_ARRAY_HPP
#define SPECTRALGPT_ARRAY_HPP

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "call.hpp"

namespace sgpt {

/// Points to values that somebody else owns.
template <typename T>
class Span {
 public:
  using value_type = std::remove_cv_t<T>;

  constexpr Span() noexcept = default;
  constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

  /// Points to all of a vector, an array or the like.
  template <typename Container,
            typename = std::enable_if_t<std::is_convertible_v<
                decltype(std::declval<Container &>().data()), T *>>>
  constexpr Span(Container &container) noexcept : Span(container.data(), container.size()) {}

  constexpr T *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr T *begin() const noexcept { return data_; }
  constexpr T *end() const noexcept { return data_ + size_; }
  constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; }

 private:
  T *data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {

template <typename T>
constexpr std::int32_t sample_type() {
  static_assert(std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::uint16_t> ||
                    std::is_same_v<T, float>,
                "samples are std::uint8_t, std::uint16_t or float");
  return std::is_same_v<T, float>          ? SGPT_SAMPLE_F32
         : std::is_same_v<T, std::uint8_t> ? SGPT_SAMPLE_U8
                                           : SGPT_SAMPLE_U16;
}

}  // namespace detail

/// A raster to read, in memory that somebody else owns; strides 0: (band, row, column).
class Array {
 public:
  template <typename T>
  Array(Span<const T> samples, std::uint32_t width, std::uint32_t height, std::size_t bands) {
    raw_.samples = samples.data();
    raw_.samples_len = samples.size();
    raw_.sample_type = detail::sample_type<T>();
    raw_.width = width;
    raw_.height = height;
    raw_.bands = bands;
  }
  /// Points to all of a vector, an array or the like.
  template <typename Container>
  Array(const Container &samples, std::uint32_t width, std::uint32_t height, std::size_t bands)
      : Array(Span<const typename Container::value_type>(samples), width, height, bands) {}
  Array &strides(std::size_t band, std::size_t row, std::size_t column) noexcept {
    raw_.band_stride = band;
    raw_.row_stride = row;
    raw_.column_stride = column;
    return *this;
  }
  /// Tells which pixels are valid, (row, column), 0 where one is not.
  Array &valid(Span<const std::uint8_t> flags) noexcept {
    raw_.valid = flags.data();
    raw_.valid_len = flags.size();
    return *this;
  }
  /// Names the bands in order, separated by commas; empty: as the options say.
  Array &band_names(std::string names) {
    names_ = std::move(names);
    return *this;
  }
  /// Returns it as C has it, as long as this lives and is not changed.
  sgpt_array get() const noexcept {
    sgpt_array raw = raw_;
    raw.band_names = detail::or_null(names_);
    return raw;
  }

 private:
  sgpt_array raw_ = {};
  std::string names_;
};

/// Room for an output, in memory that somebody else owns; strides 0: (band, row, column).
class Buffer {
 public:
  template <typename T>
  explicit Buffer(Span<T> samples)
      : raw_{samples.data(), samples.size(), detail::sample_type<T>(), 0, 0, 0} {}
  Buffer &strides(std::size_t band, std::size_t row, std::size_t column) noexcept {
    raw_.band_stride = band;
    raw_.row_stride = row;
    raw_.column_stride = column;
    return *this;
  }
  const sgpt_buffer &get() const noexcept { return raw_; }

 private:
  sgpt_buffer raw_;
};

/// An output with memory of its own, (band, row, column).
template <typename T>
struct Image {
  std::uint32_t width, height;
  std::size_t bands;
  std::vector<T> samples;
};

}  // namespace sgpt

#endif  // SPECTRALGPT_ARRAY_HPP
