/// Part of spectralgpt.hpp: who watches, reads and stores.
/// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef SPECTRALGPT_CALLBACKS_HPP
#define SPECTRALGPT_CALLBACKS_HPP

#include <exception>
#include <functional>
#include <string>

#include "call.hpp"

namespace sgpt {

/// A stop sign that any thread may raise.
class Cancel {
 public:
  Cancel() : handle_(detail::make<Handle>(sgpt_cancel_new)) {}
  void request() const noexcept { sgpt_cancel_request(handle_.get()); }
  const sgpt_cancel *get() const noexcept { return handle_.get(); }

 private:
  using Handle = detail::Owner<sgpt_cancel, sgpt_cancel_free>;
  Handle handle_;
};

/// Who watches a run.
struct Watch {
  /// Hears how many chips are done of how many; returns false to stop. May be empty.
  std::function<bool(std::size_t done, std::size_t total)> progress = {};
  /// Stops the run when raised; may be null.
  const Cancel *cancel = nullptr;
};

/// A raster that a callback reads: it fills the request's pixels.
struct Source {
  std::function<void(const sgpt_request &)> read;
  std::uint32_t width, height;
  std::size_t bands;
  /// Names the bands in order, separated by commas; empty: as the options say.
  std::string band_names = {};
};

/// An output that a callback stores: whole rows, in order, each once.
struct Sink {
  std::function<void(const sgpt_rows &)> write;
};

namespace detail {

/// Keeps what the callbacks of a call throw: it must not pass through the library.
class Keeper {
 public:
  /// Runs a callback; returns `failed` if it throws.
  template <typename Result, typename Body>
  Result run(Result failed, Body body) noexcept {
    try {
      return body();
    } catch (...) {
      thrown_ = std::current_exception();
      return failed;
    }
  }

  /// Throws what a callback threw.
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::exception_ptr thrown_;
};

/// A callback as C wants it: a function of ours, and where it finds the caller's.
template <typename Function>
struct Callback {
  const Function *function;
  Keeper *keeper;

  /// Runs it on what the library gives; returns `SGPT_OK`, or anything else to end the run.
  template <typename Given>
  static sgpt_status run(void *user_data, const Given *given) noexcept {
    const auto *self = static_cast<const Callback *>(user_data);
    return self->keeper->run(SGPT_ERROR_FAILED, [&] {
      (*self->function)(*given);
      return SGPT_OK;
    });
  }
};

/// What `progress` is told through C.
struct Listener {
  const Watch *watch;
  Keeper *keeper;

  static std::int32_t hear(void *user_data, std::size_t done, std::size_t total) noexcept {
    const auto *self = static_cast<const Listener *>(user_data);
    return self->keeper->run(false, [&] { return self->watch->progress(done, total); });
  }
};

/// Calls a function that is watched and reports, whose last arguments are `watch` and
/// `report_out`; returns the report. Throws what a callback threw, else what the function says.
template <typename Function, typename... Arguments>
std::string watched(Keeper &keeper, const Watch &watch, Function function,
                    Arguments... arguments) {
  Listener listener{&watch, &keeper};
  const sgpt_watch watching{watch.progress ? Listener::hear : nullptr, &listener,
                            watch.cancel ? watch.cancel->get() : nullptr};
  std::string report;
  try {
    report = text(function, arguments..., &watching);
  } catch (const Error &) {
    keeper.rethrow();
    throw;
  }
  keeper.rethrow();
  return report;
}

}  // namespace detail
}  // namespace sgpt

#endif  // SPECTRALGPT_CALLBACKS_HPP
