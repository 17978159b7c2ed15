/// Part of spectralgpt.hpp: errors, owners and how C is called.
/// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef SPECTRALGPT_CALL_HPP
#define SPECTRALGPT_CALL_HPP

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../spectralgpt.h"

namespace sgpt {

/// Says why a call failed, in words for a person.
class Error : public std::runtime_error {
 public:
  Error(sgpt_status status, const std::string &message)
      : std::runtime_error(message), status_(status) {}

  /// Returns the number to branch on, `SGPT_ERROR_...`.
  sgpt_status status() const noexcept { return status_; }

 private:
  sgpt_status status_;
};

namespace detail {

template <auto function>
struct Free {
  template <typename T>
  void operator()(T *object) const noexcept {
    function(object);
  }
};

template <typename T, auto function>
using Owner = std::unique_ptr<T, Free<function>>;

/// Calls a function of spectralgpt.h whose last argument tells of errors.
template <typename Function, typename... Arguments>
void call(Function function, Arguments... arguments) {
  sgpt_error *raw = nullptr;
  const sgpt_status status = function(arguments..., &raw);
  const Owner<sgpt_error, sgpt_error_free> error(raw);
  if (status != SGPT_OK) throw Error(status, sgpt_error_message(error.get()));
}

/// Calls a function that makes an object.
template <typename Handle, typename Function, typename... Arguments>
Handle make(Function function, Arguments... arguments) {
  typename Handle::pointer object = nullptr;
  call(function, arguments..., &object);
  return Handle(object);
}

/// Calls a function that gives a text.
template <typename Function, typename... Arguments>
std::string text(Function function, Arguments... arguments) {
  return make<Owner<char, sgpt_text_free>>(function, arguments...).get();
}

inline const char *or_null(const std::string &text) noexcept {
  return text.empty() ? nullptr : text.c_str();
}

inline std::vector<const char *> pointers(const std::vector<std::string> &texts) {
  std::vector<const char *> pointers;
  for (const std::string &text : texts) pointers.push_back(text.c_str());
  return pointers;
}

}  // namespace detail
}  // namespace sgpt

#endif  // SPECTRALGPT_CALL_HPP
