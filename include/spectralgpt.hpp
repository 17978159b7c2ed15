/// libspectralgpt for C++17: spectralgpt.h with owners, exceptions and strings; nothing to link
/// besides. SPDX-License-Identifier: MIT OR Apache-2.0
///
/// What a function does is said at the function of the same name in spectralgpt.h; here is said
/// what differs. Each throws sgpt::Error where that one fails, and what a callback threw comes out
/// of the call that it was called by. Threads: as the contract there says, `const` members of one
/// object may run in several threads at once.
#ifndef SPECTRALGPT_HPP
#define SPECTRALGPT_HPP

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spectralgpt/array.hpp"
#include "spectralgpt/call.hpp"
#include "spectralgpt/callbacks.hpp"
#include "spectralgpt/options.hpp"

namespace sgpt {

/// Returns the library's version, for example "0.1.0".
inline std::string version() { return sgpt_version(); }

/// Fails if the library that was loaded is not the one of this header.
inline void check_abi() {
  if (sgpt_abi_version() != SGPT_ABI_VERSION)
    throw Error(SGPT_ERROR_FAILED, "libspectralgpt " + version() +
                                       " was loaded, which has another ABI than the one this "
                                       "program was built for; build the program again");
}

/// Converts a checkpoint to a model file; returns the model's description, JSON.
inline std::string convert(const std::string &checkpoint, const std::string &model,
                           const ConvertOptions &options = {}) {
  return detail::text(sgpt_convert, checkpoint.c_str(), model.c_str(), options.get());
}

/// Lists ONNX Runtime's providers, JSON; as sgpt_devices.
inline std::string devices(const Options &options = {}) {
  return detail::text(sgpt_devices, options.get());
}

/// Chooses the GDAL library; as sgpt_gdal_use.
inline void use_gdal(const std::string &path) { detail::call(sgpt_gdal_use, path.c_str()); }

/// Lets a GDAL read live maps; as sgpt_gdal_register, `module` empty: the GDAL that is found.
inline void register_gdal(const std::string &module = {}) {
  detail::call(sgpt_gdal_register, detail::or_null(module));
}

/// Ends the reads of live maps that this process is at; as sgpt_gdal_interrupt.
inline void interrupt_gdal() noexcept { sgpt_gdal_interrupt(); }

/// Writes a virtual raster of a map that no file holds; as sgpt_live_vrt, `kind` empty: "auto".
inline void live_vrt(const std::string &model, const std::vector<std::string> &inputs,
                     const std::string &output, const Options &options = {},
                     const std::string &kind = {}) {
  const auto names = detail::pointers(inputs);
  detail::call(sgpt_live_vrt, model.c_str(), names.data(), names.size(), output.c_str(),
               detail::or_null(kind), options.get());
}

/// Writes a product's bands as one virtual raster; as sgpt_stack_vrt.
inline void stack_vrt(const std::string &product, const std::string &output,
                      const Options &options = {}) {
  detail::call(sgpt_stack_vrt, product.c_str(), output.c_str(), options.get());
}

/// A model, described.
class Model {
 public:
  /// As sgpt_model_open; `activation` empty: the model says it itself.
  explicit Model(const std::string &path, const std::string &activation = {})
      : handle_(detail::make<Handle>(sgpt_model_open, path.c_str(), detail::or_null(activation))) {}
  /// As sgpt_model_from_memory.
  explicit Model(Span<const std::uint8_t> bytes, const std::string &activation = {})
      : handle_(detail::make<Handle>(sgpt_model_from_memory, bytes.data(), bytes.size(),
                                     detail::or_null(activation))) {}
  /// Describes it, JSON; as sgpt_model_describe.
  std::string describe() const { return detail::text(sgpt_model_describe, get()); }

  /// Tells what a run would read and where, JSON; as sgpt_preview_files.
  std::string preview_files(const std::vector<std::string> &inputs,
                            const Options &options = {}) const {
    const auto names = detail::pointers(inputs);
    return detail::text(sgpt_preview_files, get(), names.data(), names.size(), options.get());
  }

  /// Trains a head on this model's encoder into the file `output`; returns the report, JSON. As
  /// sgpt_train.
  std::string train(const std::string &input, const std::string &labels, const std::string &output,
                    const TrainOptions &training = {}, const Options &options = {},
                    const Watch &watch = {}) const {
    detail::Keeper keeper;
    return detail::watched(keeper, watch, sgpt_train, get(), input.c_str(), labels.c_str(),
                           output.c_str(), training.get(), options.get());
  }

  const sgpt_model *get() const noexcept { return handle_.get(); }

 private:
  using Handle = detail::Owner<sgpt_model, sgpt_model_free>;
  Handle handle_;
};

/// A model with its network loaded, and how to run it. What predicts returns the report, JSON.
class Session {
 public:
  explicit Session(const Model &model, const Options &options = {})
      : handle_(detail::make<Handle>(sgpt_session_new, model.get(), options.get())) {}
  /// Describes it, JSON; as sgpt_session_describe.
  std::string describe() const { return detail::text(sgpt_session_describe, get()); }

  /// Tells the extent and type of an output; as sgpt_session_layout.
  sgpt_layout layout(std::uint32_t width, std::uint32_t height, std::size_t output = 0) const {
    sgpt_layout layout;
    detail::call(sgpt_session_layout, get(), width, height, output, &layout);
    return layout;
  }

  /// Predicts raster files into a file; as sgpt_predict_files.
  std::string predict_files(const std::vector<std::string> &inputs, const std::string &output,
                            const Watch &watch = {}) const {
    const auto names = detail::pointers(inputs);
    detail::Keeper keeper;
    return run(keeper, watch, sgpt_predict_files, names.data(), names.size(), output.c_str());
  }

  /// Predicts rasters in memory into memory; as sgpt_predict_arrays.
  std::string predict_arrays(const std::vector<Array> &inputs, const std::vector<Buffer> &outputs,
                             const Watch &watch = {}) const {
    std::vector<sgpt_array> arrays;
    std::vector<sgpt_buffer> buffers;
    for (const Array &input : inputs) arrays.push_back(input.get());
    for (const Buffer &output : outputs) buffers.push_back(output.get());
    detail::Keeper keeper;
    return run(keeper, watch, sgpt_predict_arrays, arrays.data(), arrays.size(), buffers.data(),
               buffers.size());
  }

  /// Predicts one raster in memory; returns the only output that the options ask for. `T` is its
  /// type, or float, which holds any.
  template <typename T>
  Image<T> predict(const Array &input, const Watch &watch = {}) const {
    const sgpt_array given = input.get();
    const sgpt_layout made = layout(given.width, given.height);
    Image<T> image{made.width, made.height, made.bands, {}};
    image.samples.resize(std::size_t{made.width} * made.height * made.bands);
    predict_arrays({input}, {Buffer(Span<T>(image.samples))}, watch);
    return image;
  }

  /// Predicts rasters that callbacks read into outputs that callbacks store; as
  /// sgpt_predict_callbacks.
  std::string predict_callbacks(const std::vector<Source> &sources, const std::vector<Sink> &sinks,
                                const Watch &watch = {}) const {
    detail::Keeper keeper;
    std::vector<detail::Callback<decltype(Source::read)>> reads;
    std::vector<detail::Callback<decltype(Sink::write)>> writes;
    for (const Source &source : sources) reads.push_back({&source.read, &keeper});
    for (const Sink &sink : sinks) writes.push_back({&sink.write, &keeper});
    std::vector<sgpt_source> from;
    std::vector<sgpt_sink> to;
    for (std::size_t i = 0; i < sources.size(); i++)
      from.push_back({reads[i].template run<sgpt_request>, &reads[i], sources[i].width,
                      sources[i].height, sources[i].bands, detail::or_null(sources[i].band_names)});
    for (auto &write : writes) to.push_back({write.template run<sgpt_rows>, &write});
    return run(keeper, watch, sgpt_predict_callbacks, from.data(), from.size(), to.data(),
               to.size());
  }

  const sgpt_session *get() const noexcept { return handle_.get(); }

 private:
  using Handle = detail::Owner<sgpt_session, sgpt_session_free>;

  template <typename Function, typename... Arguments>
  std::string run(detail::Keeper &keeper, const Watch &watch, Function function,
                  Arguments... arguments) const {
    return detail::watched(keeper, watch, function, get(), arguments...);
  }

  Handle handle_;
};

/// Hears the library's messages as long as it lives; one at a time in a process. `hear` comes on
/// any thread, several at once; what it throws is lost.
class Log {
 public:
  using Hear = std::function<void(std::int32_t level, std::string_view message)>;
  Log(std::int32_t level, Hear hear) : hear_(std::move(hear)) {
    detail::call(sgpt_log_set, level, &Log::pass, static_cast<void *>(this));
  }
  Log(const Log &) = delete;
  Log &operator=(const Log &) = delete;
  ~Log() { sgpt_log_set(SGPT_LOG_OFF, nullptr, nullptr, nullptr); }

 private:
  static void pass(void *user_data, std::int32_t level, const char *message) noexcept {
    detail::Keeper().run(false, [&] {
      static_cast<const Log *>(user_data)->hear_(level, message);
      return true;
    });
  }
  Hear hear_;
};

}  // namespace sgpt

#endif  // SPECTRALGPT_HPP
