/// Part of spectralgpt.hpp: options, one setter each. SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef SPECTRALGPT_OPTIONS_HPP
#define SPECTRALGPT_OPTIONS_HPP

#include <string>

#include "call.hpp"

namespace sgpt {
namespace detail {

/// Owns options of C; `Self` is the class of its setters, which can be chained.
template <typename Self, typename T, auto create, auto release>
class Settings {
 public:
  Settings() : handle_(make<Handle>(create)) {}
  const T *get() const noexcept { return handle_.get(); }

 protected:
  template <typename Function, typename... Values>
  Self &set(Function function, Values... values) {
    call(function, handle_.get(), values...);
    return static_cast<Self &>(*this);
  }

 private:
  using Handle = Owner<T, release>;
  Handle handle_;
};

}  // namespace detail

/// Describes what `options` of sgpt_convert say; setters can be chained.
class ConvertOptions
    : public detail::Settings<ConvertOptions, sgpt_convert_options, sgpt_convert_options_new,
                              sgpt_convert_options_free> {
 public:
  ConvertOptions &task(const std::string &name) {
    return set(sgpt_convert_options_set_task, name.c_str());
  }
  ConvertOptions &profile(const std::string &name) {
    return set(sgpt_convert_options_set_profile, name.c_str());
  }
  ConvertOptions &bands(const std::string &names) {
    return set(sgpt_convert_options_set_bands, names.c_str());
  }
  ConvertOptions &classes(const std::string &json) {
    return set(sgpt_convert_options_set_classes, json.c_str());
  }
  ConvertOptions &image_size(std::uint32_t pixels) {
    return set(sgpt_convert_options_set_image_size, pixels);
  }
  ConvertOptions &heads(std::uint32_t heads) {
    return set(sgpt_convert_options_set_heads, heads);
  }
  ConvertOptions &decoder_heads(std::uint32_t heads) {
    return set(sgpt_convert_options_set_decoder_heads, heads);
  }
  ConvertOptions &weights(const std::string &name) {
    return set(sgpt_convert_options_set_weights, name.c_str());
  }
  ConvertOptions &portable(bool on) { return set(sgpt_convert_options_set_portable, on); }
  ConvertOptions &stac(bool on) { return set(sgpt_convert_options_set_stac, on); }
};

/// Describes how a head is trained; setters can be chained.
class TrainOptions
    : public detail::Settings<TrainOptions, sgpt_train_options, sgpt_train_options_new,
                              sgpt_train_options_free> {
 public:
  TrainOptions &field(const std::string &name) {
    return set(sgpt_train_options_set_field, name.c_str());
  }
  TrainOptions &classes(const std::string &json) {
    return set(sgpt_train_options_set_classes, json.c_str());
  }
  TrainOptions &head(const std::string &name) {
    return set(sgpt_train_options_set_head, name.c_str());
  }
  TrainOptions &layer(const std::string &name) {
    return set(sgpt_train_options_set_layer, name.c_str());
  }
  TrainOptions &blocks(std::uint32_t pixels) { return set(sgpt_train_options_set_blocks, pixels); }
  TrainOptions &folds(std::uint32_t folds) { return set(sgpt_train_options_set_folds, folds); }
  TrainOptions &balance(double balance) {
    return set(sgpt_train_options_set_balance, balance);
  }
  TrainOptions &seed(std::uint64_t seed) { return set(sgpt_train_options_set_seed, seed); }
  TrainOptions &cache(const std::string &folder) {
    return set(sgpt_train_options_set_cache, folder.c_str());
  }
};

/// Describes how to run a model; setters can be chained.
class Options
    : public detail::Settings<Options, sgpt_options, sgpt_options_new, sgpt_options_free> {
 public:
  Options &emit(const std::string &names) { return set(sgpt_options_set_emit, names.c_str()); }
  Options &window(const sgpt_window &pixels) {
    return set(sgpt_options_set_window, pixels.column, pixels.row, pixels.width, pixels.height);
  }
  /// As sgpt_options_set_bbox; `srs` empty: the raster's own.
  Options &bbox(double x0, double y0, double x1, double y1, const std::string &srs = {}) {
    return set(sgpt_options_set_bbox, x0, y0, x1, y1, detail::or_null(srs));
  }
  Options &aoi(const std::string &path) { return set(sgpt_options_set_aoi, path.c_str()); }
  Options &overlap(std::uint32_t pixels) { return set(sgpt_options_set_overlap, pixels); }
  /// As sgpt_options_set_bands; empty: as the rasters say.
  Options &bands(const std::string &names) {
    return set(sgpt_options_set_bands, detail::or_null(names));
  }
  Options &nodata(double value) { return set(sgpt_options_set_nodata, value); }
  Options &dn_offset(double offset) { return set(sgpt_options_set_dn_offset, offset); }
  Options &mask(const std::string &mask) { return set(sgpt_options_set_mask, mask.c_str()); }
  Options &resolution(const std::string &name) {
    return set(sgpt_options_set_resolution, name.c_str());
  }
  Options &series(const std::string &input) {
    return set(sgpt_options_add_series, input.c_str());
  }
  Options &threshold(const std::string &numbers) {
    return set(sgpt_options_set_threshold, numbers.c_str());
  }
  Options &batch(std::size_t chips) { return set(sgpt_options_set_batch, chips); }
  Options &threads(std::size_t threads) { return set(sgpt_options_set_threads, threads); }
  Options &memory(std::uint64_t bytes) { return set(sgpt_options_set_memory, bytes); }
  Options &device(const std::string &name) { return set(sgpt_options_set_device, name.c_str()); }
  Options &provider(const std::string &name) {
    return set(sgpt_options_set_provider, name.c_str());
  }
  Options &precision(const std::string &name) {
    return set(sgpt_options_set_precision, name.c_str());
  }
  Options &onnxruntime(const std::string &path) {
    return set(sgpt_options_set_onnxruntime, path.c_str());
  }
  Options &format(const std::string &name) { return set(sgpt_options_set_format, name.c_str()); }
  Options &creation(const std::string &option) {
    return set(sgpt_options_add_creation, option.c_str());
  }
  Options &resume(bool on) { return set(sgpt_options_set_resume, on); }
  Options &overwrite(bool on) { return set(sgpt_options_set_overwrite, on); }
};

}  // namespace sgpt

#endif  // SPECTRALGPT_OPTIONS_HPP
