/* libspectralgpt: SpectralGPT on whole scenes. SPDX-License-Identifier: MIT OR Apache-2.0
 * Generated from ffi/src and ffi/ABI.md; `SGPT_BLESS=1 cargo test -p spectralgpt-ffi` writes it anew. */

/*
 * # The contract of the C ABI
 *
 * Names. Everything begins with `sgpt_`. A function that ends in `_new` or `_open` gives an
 * object, the one in `_free` takes it back; text from a `..._out` argument goes to
 * `sgpt_text_free`. Arguments by `const` pointer are borrowed for the call. Outputs come last.
 *
 * Failure. A function that can fail returns a status: `SGPT_OK`, or an `SGPT_ERROR_...` number
 * whose meaning never changes. If `error_out` is not NULL, a failure puts an object there that
 * says what was given, what was needed and what to do; free it with `sgpt_error_free`. On success
 * `*error_out` is left as it is; on failure every other output is, except pixels: a buffer is
 * then unspecified, and a sink may have got rows. A defect of the library ends the call with
 * `SGPT_ERROR_PANIC`, not the process. Only where the system refuses memory may the process end.
 *
 * What the caller promises. A pointer is NULL where the function says so, or points to what its
 * type and length say, for as long as the call lasts; nothing that is written overlaps anything
 * else of the call; text ends with a NUL; an object is used as long as it is not freed and freed
 * once. What can be checked is checked: NULL, alignment, lengths against shapes, products against
 * overflow, numbers, text. Paths are bytes; other text is UTF-8, and so are, as GDAL wants them,
 * names of what it opens or writes.
 *
 * Threads. An object behind `const *` may be used by several threads at once: models, sessions,
 * errors, stop signs. Any other is for one thread at a time. There is no thread-local state: an
 * error belongs to its call.
 *
 * Callbacks of a call come on the thread that made it, one at a time, and none after it returns;
 * a callback may call the library, but frees nothing that its call uses. Only the log's function
 * comes on any thread, perhaps while the library holds locks: what returns a status refuses to be
 * called from there, and it must not wait for a thread that calls the library. Nothing may be
 * thrown, or jumped, through the library.
 *
 * Within a call the library starts threads and joins them before it returns; ONNX Runtime and
 * GDAL keep their own. Signals, the locale, the working directory and the environment are left
 * alone, except that `ORT_DISABLE_TELEMETRY=1` is set when ONNX Runtime is loaded, if it is not
 * set: set it before threads start.
 *
 * fork. A child may use the library if the parent has not used it before: what ONNX Runtime, GDAL
 * and locks hold does not survive. `fork` and `exec` is always fine.
 *
 * dlclose does not unload the library: its dependencies' threads outlive it. Loading it again
 * gives the same instance.
 *
 * One each. A process has one ONNX Runtime and one GDAL, those used first. Neither is linked;
 * functions that need one look for it.
 *
 * Versions. `sgpt_abi_version` changes when something here or in the header becomes incompatible;
 * compare it with `SGPT_ABI_VERSION`. Structs are frozen; new facts get new functions.
 */

#ifndef SPECTRALGPT_H
#define SPECTRALGPT_H

#include <stddef.h>
#include <stdint.h>

/**
 * Samples are unsigned, 8 bits.
 */
#define SGPT_SAMPLE_U8 1

/**
 * Samples are unsigned, 16 bits.
 */
#define SGPT_SAMPLE_U16 2

/**
 * Samples are IEEE single.
 */
#define SGPT_SAMPLE_F32 3

/**
 * Nothing is logged.
 */
#define SGPT_LOG_OFF 0

/**
 * What went wrong and is told by no call.
 */
#define SGPT_LOG_ERROR 1

/**
 * What may surprise.
 */
#define SGPT_LOG_WARNING 2

/**
 * What a run does, and by whom.
 */
#define SGPT_LOG_INFO 3

/**
 * What helps to find a defect.
 */
#define SGPT_LOG_DEBUG 4

/**
 * Counts incompatible changes of this header; a program compares it with `sgpt_abi_version`.
 */
#define SGPT_ABI_VERSION 1

/**
 * A stop sign that any thread may raise; see `sgpt_cancel_new`.
 */
typedef struct sgpt_cancel sgpt_cancel;

/**
 * What a conversion is told; what is not is found in the weights or assumed. One thread at a time.
 */
typedef struct sgpt_convert_options sgpt_convert_options;

/**
 * Says why a call failed: a number to branch on, and words for a person. Immutable; any thread may
 * look at it.
 */
typedef struct sgpt_error sgpt_error;

/**
 * A model, described. Immutable: several threads may use it at once. Sessions made from it stay
 * valid when it is freed.
 */
typedef struct sgpt_model sgpt_model;

/**
 * How to run a model. One thread at a time.
 */
typedef struct sgpt_options sgpt_options;

/**
 * A model with its network loaded, and how to run it. Immutable: several threads may use it at
 * once, and take turns in the network.
 */
typedef struct sgpt_session sgpt_session;

/**
 * What a training is told besides `sgpt_options`. One thread at a time.
 */
typedef struct sgpt_train_options sgpt_train_options;

/**
 * Tells how a call ended: `SGPT_OK`, or one of the `SGPT_ERROR_...` numbers. A number keeps its
 * meaning for ever; treat one you do not know as `SGPT_ERROR_FAILED`.
 */
typedef int32_t sgpt_status;

/**
 * Hears a message, UTF-8, of a level `SGPT_LOG_...`; called on any thread, by several at once, also
 * while the library holds locks: functions that return a status refuse to be called from there.
 */
typedef void (*sgpt_log)(void *user_data, int32_t level, const char *message);

/**
 * Hears how many chips of a run are done, at least every 100 ms, on the thread that called in;
 * returns 0 to stop, anything else to go on.
 */
typedef int32_t (*sgpt_progress)(void *user_data, size_t done, size_t total);

/**
 * Who watches a run. The layout is frozen; a member may be NULL.
 */
typedef struct sgpt_watch {
  /**
   * Hears of progress.
   */
  sgpt_progress progress;
  /**
   * Passed to `progress`.
   */
  void *user_data;
  /**
   * Stops the run when raised; borrowed for the call.
   */
  const struct sgpt_cancel *cancel;
} sgpt_watch;

/**
 * A raster to read, in memory that is borrowed for the call. The layout is frozen. Strides count
 * samples: how much further the next band, row and column are. All three 0: (band, row, column)
 * without gaps. A pixel is also invalid where a band that the model needs is no number.
 */
typedef struct sgpt_array {
  /**
   * The first sample, aligned for its type.
   */
  const void *samples;
  /**
   * Samples from the first to the last, whatever the strides jump over.
   */
  size_t samples_len;
  /**
   * The type of the samples, `SGPT_SAMPLE_...`.
   */
  int32_t sample_type;
  /**
   * Columns.
   */
  uint32_t width;
  /**
   * Rows.
   */
  uint32_t height;
  /**
   * Bands.
   */
  size_t bands;
  /**
   * Samples from a band to the next.
   */
  size_t band_stride;
  /**
   * Samples from a row to the next.
   */
  size_t row_stride;
  /**
   * Samples from a column to the next.
   */
  size_t column_stride;
  /**
   * (row, column) without gaps, 0 where a pixel is invalid; NULL: all are valid.
   */
  const uint8_t *valid;
  /**
   * Columns times rows; 0 without `valid`.
   */
  size_t valid_len;
  /**
   * The bands' names in order, separated by commas, as in "B02,B03"; NULL: as the options say.
   */
  const char *band_names;
} sgpt_array;

/**
 * Room for an output, in memory that is borrowed for the call; its extent is
 * `sgpt_session_layout`'s. The layout is frozen. Strides are as in `sgpt_array`, and give every
 * sample a place of its own. Unspecified after a failure.
 */
typedef struct sgpt_buffer {
  /**
   * Room for the first sample, aligned for its type.
   */
  void *samples;
  /**
   * Samples from the first to the last.
   */
  size_t samples_len;
  /**
   * The output's own type, or `SGPT_SAMPLE_F32`, which holds any exactly.
   */
  int32_t sample_type;
  /**
   * Samples from a band to the next.
   */
  size_t band_stride;
  /**
   * Samples from a row to the next.
   */
  size_t row_stride;
  /**
   * Samples from a column to the next.
   */
  size_t column_stride;
} sgpt_buffer;

/**
 * A rectangle of a raster, in pixels from its top left corner.
 */
typedef struct sgpt_window {
  /**
   * First column.
   */
  uint32_t column;
  /**
   * First row.
   */
  uint32_t row;
  /**
   * Columns.
   */
  uint32_t width;
  /**
   * Rows.
   */
  uint32_t height;
} sgpt_window;

/**
 * Asks for pixels. The layout is frozen; all of it is borrowed for the callback.
 */
typedef struct sgpt_request {
  /**
   * The pixels to read; inside the raster.
   */
  struct sgpt_window window;
  /**
   * Numbers of the bands to read, from 0, in the order to fill.
   */
  const size_t *bands;
  /**
   * Their count.
   */
  size_t bands_len;
  /**
   * To be filled, (band, row, column), digital numbers.
   */
  float *pixels;
  /**
   * Bands times rows times columns.
   */
  size_t pixels_len;
  /**
   * 1 everywhere; to be set to 0 where a pixel is invalid, (row, column).
   */
  uint8_t *valid;
  /**
   * Rows times columns.
   */
  size_t valid_len;
} sgpt_request;

/**
 * Reads the pixels that `request` asks for, on the thread that called in; returns `SGPT_OK`, or
 * another number to end the run with.
 */
typedef sgpt_status (*sgpt_read)(void *user_data, const struct sgpt_request *request);

/**
 * A raster that a callback reads. The layout is frozen.
 */
typedef struct sgpt_source {
  /**
   * Reads it.
   */
  sgpt_read read;
  /**
   * Passed to `read`.
   */
  void *user_data;
  /**
   * Columns.
   */
  uint32_t width;
  /**
   * Rows.
   */
  uint32_t height;
  /**
   * Bands.
   */
  size_t bands;
  /**
   * The bands' names in order, separated by commas, as in "B02,B03"; NULL: as the options say.
   */
  const char *band_names;
} sgpt_source;

/**
 * Finished rows of an output. The layout is frozen; all of it is borrowed for the callback.
 */
typedef struct sgpt_rows {
  /**
   * The samples, (row, band, column), aligned for their type.
   */
  const void *samples;
  /**
   * Rows times bands times columns.
   */
  size_t samples_len;
  /**
   * The output's type, `SGPT_SAMPLE_...`.
   */
  int32_t sample_type;
  /**
   * The first of these rows in the output, from 0.
   */
  uint32_t first_row;
  /**
   * Rows.
   */
  uint32_t height;
  /**
   * Columns.
   */
  uint32_t width;
  /**
   * Bands.
   */
  size_t bands;
} sgpt_rows;

/**
 * Stores finished rows, on the thread that called in: whole ones, in order, each once. Returns
 * `SGPT_OK`, or another number to end the run with.
 */
typedef sgpt_status (*sgpt_write)(void *user_data, const struct sgpt_rows *rows);

/**
 * An output that a callback stores. The layout is frozen.
 */
typedef struct sgpt_sink {
  /**
   * Stores it.
   */
  sgpt_write write;
  /**
   * Passed to `write`.
   */
  void *user_data;
} sgpt_sink;

/**
 * The extent and type of an output. The layout is frozen.
 */
typedef struct sgpt_layout {
  /**
   * Columns.
   */
  uint32_t width;
  /**
   * Rows.
   */
  uint32_t height;
  /**
   * Bands.
   */
  size_t bands;
  /**
   * The type of its samples, `SGPT_SAMPLE_...`.
   */
  int32_t sample_type;
  /**
   * 1 if a value means "nothing here", else 0.
   */
  int32_t has_nodata;
  /**
   * That value.
   */
  double nodata;
} sgpt_layout;

/**
 * Done.
 */
#define SGPT_OK 0

/**
 * Something of the library's went wrong.
 */
#define SGPT_ERROR_FAILED 1

/**
 * The request contradicts itself, names what does not exist, or lacks a needed argument.
 */
#define SGPT_ERROR_USAGE 2

/**
 * A raster cannot be used: unreadable, wrong bands, no overlap.
 */
#define SGPT_ERROR_INPUT 3

/**
 * The model, the checkpoint, ONNX Runtime or GDAL cannot be used.
 */
#define SGPT_ERROR_MODEL 4

/**
 * Disk or memory ran out or failed; worth a retry.
 */
#define SGPT_ERROR_IO 5

/**
 * The library met a defect of its own and gave up this call; please report it.
 */
#define SGPT_ERROR_PANIC 6

/**
 * The caller asked to stop.
 */
#define SGPT_ERROR_CANCELLED 130

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Converts `checkpoint`, a file that torch.save wrote or safetensors, and writes `model`, replacing
 * it if it exists. `options` is NULL for the defaults. `json_out` gets the model's description, what
 * was assumed listed in it, unless it is NULL; free it with `sgpt_text_free`.
 */
sgpt_status sgpt_convert(const char *checkpoint,
                         const char *model,
                         const struct sgpt_convert_options *options,
                         char **json_out,
                         struct sgpt_error **error_out);

/**
 * Makes options with every one at its default. `options_out` gets them; free them with
 * `sgpt_convert_options_free`.
 */
sgpt_status sgpt_convert_options_new(struct sgpt_convert_options **options_out,
                                     struct sgpt_error **error_out);

/**
 * Frees options; NULL is nothing to free.
 */
void sgpt_convert_options_free(struct sgpt_convert_options *options);

/**
 * Sets the task that the checkpoint must be of: "classify", "multilabel", "segment", "change",
 * "embed", "reconstruct"; "auto": as its tensors say, the default.
 */
sgpt_status sgpt_convert_options_set_task(struct sgpt_convert_options *options,
                                          const char *name,
                                          struct sgpt_error **error_out);

/**
 * Sets how the model was fed: "pretrain", "eurosat-stock", "eurosat-canonical", "bigearthnet",
 * "segmunich", "oscd". Default: as the original feeds the task.
 */
sgpt_status sgpt_convert_options_set_profile(struct sgpt_convert_options *options,
                                             const char *name,
                                             struct sgpt_error **error_out);

/**
 * Sets the names of the model's input bands in order, separated by commas. Default: the profile's.
 */
sgpt_status sgpt_convert_options_set_bands(struct sgpt_convert_options *options,
                                           const char *names,
                                           struct sgpt_error **error_out);

/**
 * Sets the classes, a JSON list as in [{"name": "Water", "colour": "#0000ff"}], in score order.
 * Default: the profile's.
 */
sgpt_status sgpt_convert_options_set_classes(struct sgpt_convert_options *options,
                                             const char *json,
                                             struct sgpt_error **error_out);

/**
 * Sets the side of a chip in pixels; positions are resized. Default: as trained.
 */
sgpt_status sgpt_convert_options_set_image_size(struct sgpt_convert_options *options,
                                                uint32_t pixels,
                                                struct sgpt_error **error_out);

/**
 * Sets the attention heads, which leave no trace in the weights. Default: from the width.
 */
sgpt_status sgpt_convert_options_set_heads(struct sgpt_convert_options *options,
                                           uint32_t heads,
                                           struct sgpt_error **error_out);

/**
 * Sets the attention heads of an autoencoder's decoder. Default: from its width.
 */
sgpt_status sgpt_convert_options_set_decoder_heads(struct sgpt_convert_options *options,
                                                   uint32_t heads,
                                                   struct sgpt_error **error_out);

/**
 * Sets how weights are stored: "fp32", "fp16". Default: "fp32".
 */
sgpt_status sgpt_convert_options_set_weights(struct sgpt_convert_options *options,
                                             const char *name,
                                             struct sgpt_error **error_out);

/**
 * Sets whether the network scales chips and applies the activation itself, so that other programs
 * run it too: 1 or 0. Default: 0.
 */
sgpt_status sgpt_convert_options_set_portable(struct sgpt_convert_options *options,
                                              int32_t on,
                                              struct sgpt_error **error_out);

/**
 * Sets whether a STAC item, MODEL.stac.json, is written too: 1 or 0. Default: 0.
 */
sgpt_status sgpt_convert_options_set_stac(struct sgpt_convert_options *options,
                                          int32_t on,
                                          struct sgpt_error **error_out);

/**
 * Returns the number of an error, the one that the call returned; `SGPT_OK` for NULL.
 */
sgpt_status sgpt_error_status(const struct sgpt_error *error);

/**
 * Returns an error's words, UTF-8: what was given, what was needed, what to do. They name options
 * as the command line does. The text belongs to the error and lives as long; "" for NULL.
 */
const char *sgpt_error_message(const struct sgpt_error *error);

/**
 * Frees an error; NULL is nothing to free.
 */
void sgpt_error_free(struct sgpt_error *error);

/**
 * Frees a text that a function gave through a `..._out` argument; NULL is nothing to free.
 */
void sgpt_text_free(char *text);

/**
 * Registers the pixel function `spectralgpt`, and from GDAL 3.9 on the processing step
 * `SpectralGPT`, with a GDAL that the process has loaded, so that it reads live VRTs. `module` is a
 * library that is, or uses, that GDAL, as Python's osgeo/_gdal...so; NULL: the one that is found as
 * for files. Registering again does nothing.
 */
sgpt_status sgpt_gdal_register(const char *module, struct sgpt_error **error_out);

/**
 * Ends the reads of live VRTs that this process is at, in any thread and GDAL: they fail, the program
 * is told so by GDAL; reads that begin later are served, and chips that are inferred already are
 * kept. Returns at once; a read ends when its chip does. May be a handler of `signal`.
 */
void sgpt_gdal_interrupt(void);

/**
 * Writes a virtual raster of a map that no file holds: GDAL runs the model when it reads one, where
 * `sgpt_gdal_register` was called or GDAL finds the plugin. `model` is a model file or a built-in
 * one's name; `inputs` are `inputs_len` file names, UTF-8, one per date; `output` is the file to
 * write. `kind` is "processed" (GDAL 3.9 and newer), "pixel-function" (3.4 and newer), or "auto";
 * NULL: "auto", by the GDAL here. Of `options`, NULL for the defaults, those count that pixels
 * depend on, and whether the file is replaced. Nothing is inferred.
 */
sgpt_status sgpt_live_vrt(const char *model,
                          const char *const *inputs,
                          size_t inputs_len,
                          const char *output,
                          const char *kind,
                          const struct sgpt_options *options,
                          struct sgpt_error **error_out);

/**
 * Has `log` told of messages up to `level`, for the whole process, in place of who was told
 * before; returns when no thread is in the former function any more. `SGPT_LOG_OFF` or a NULL
 * `log` silences the library, as it is at first. `user_data` is passed to `log`.
 */
sgpt_status sgpt_log_set(int32_t level,
                         sgpt_log log,
                         void *user_data,
                         struct sgpt_error **error_out);

/**
 * Opens a model. `path` names its file, or a built-in one as in "builtin:landcover". `activation`
 * says what the scores of another's model still need, "none", "softmax", "log_softmax" or
 * "sigmoid"; NULL, the default, for a model that says it itself. `model_out` gets the model; free
 * it with `sgpt_model_free`.
 */
sgpt_status sgpt_model_open(const char *path,
                            const char *activation,
                            struct sgpt_model **model_out,
                            struct sgpt_error **error_out);

/**
 * Opens a model that is in memory: the `bytes_len` bytes of a model file, which are copied; its
 * weights must be among them. `activation` and `model_out` are as `sgpt_model_open` has them.
 */
sgpt_status sgpt_model_from_memory(const uint8_t *bytes,
                                   size_t bytes_len,
                                   const char *activation,
                                   struct sgpt_model **model_out,
                                   struct sgpt_error **error_out);

/**
 * Describes a model as JSON: what it does, its bands, classes, outputs, and all else that its file
 * says (docs/manifest.schema.json). `json_out` gets the text; free it with `sgpt_text_free`.
 */
sgpt_status sgpt_model_describe(const struct sgpt_model *model,
                                char **json_out,
                                struct sgpt_error **error_out);

/**
 * Frees a model; NULL is nothing to free.
 */
void sgpt_model_free(struct sgpt_model *model);

/**
 * Makes options with every one at its default. `options_out` gets them; free them with
 * `sgpt_options_free`.
 */
sgpt_status sgpt_options_new(struct sgpt_options **options_out, struct sgpt_error **error_out);

/**
 * Frees options; NULL is nothing to free.
 */
void sgpt_options_free(struct sgpt_options *options);

/**
 * Sets the outputs, names separated by commas as in "classes,scores": classes, scores, confidence,
 * entropy, disagreement, valid; features, chip-features; reconstruction, anomaly. To files only:
 * grid (a GeoPackage, a polygon per chip of a scene classification), features-int8,
 * chip-features-int8 (8-bit integers with a scale per band). Default: what the model's task gives
 * first.
 */
sgpt_status sgpt_options_set_emit(struct sgpt_options *options,
                                  const char *names,
                                  struct sgpt_error **error_out);

/**
 * Sets the part to map, in pixels of the raster; pixels around it are still looked at. Default:
 * all of it.
 */
sgpt_status sgpt_options_set_window(struct sgpt_options *options,
                                    uint32_t column,
                                    uint32_t row,
                                    uint32_t width,
                                    uint32_t height,
                                    struct sgpt_error **error_out);

/**
 * Sets the part to map to the pixels that a rectangle covers, of georeferenced files: `x0`, `y0`
 * is one corner, `x1`, `y1` the opposite one, `srs` their reference system as in "EPSG:4326" (x is
 * longitude); NULL: the raster's own. Default: all of it.
 */
sgpt_status sgpt_options_set_bbox(struct sgpt_options *options,
                                  double x0,
                                  double y0,
                                  double x1,
                                  double y1,
                                  const char *srs,
                                  struct sgpt_error **error_out);

/**
 * Sets the part to map to the pixels in the polygons of a vector file, of georeferenced files.
 * `path` names it. Default: all of it.
 */
sgpt_status sgpt_options_set_aoi(struct sgpt_options *options,
                                 const char *path,
                                 struct sgpt_error **error_out);

/**
 * Sets how many pixels neighbouring chips share, a multiple of the model's patch. Default: the
 * model's own, 32 for most.
 */
sgpt_status sgpt_options_set_overlap(struct sgpt_options *options,
                                     uint32_t pixels,
                                     struct sgpt_error **error_out);

/**
 * Sets the names of the rasters' bands in their order, separated by commas as in "B02,-,B04", '-'
 * for one that is not needed; NULL: as the rasters say, the default. Comes before what a raster
 * says.
 */
sgpt_status sgpt_options_set_bands(struct sgpt_options *options,
                                   const char *names,
                                   struct sgpt_error **error_out);

/**
 * Sets the digital number that means "nothing here", in any band; NaN: none does, whatever a file
 * says. Default: as a file says; none in memory and behind callbacks.
 */
sgpt_status sgpt_options_set_nodata(struct sgpt_options *options,
                                    double value,
                                    struct sgpt_error **error_out);

/**
 * Sets what is added to every digital number, -1000 for Sentinel-2 products since baseline 04.00.
 * Default: as a file says, else 0 where the model does not need to know.
 */
sgpt_status sgpt_options_set_dn_offset(struct sgpt_options *options,
                                       double offset,
                                       struct sgpt_error **error_out);

/**
 * Sets how many chips are inferred together, from 1. Default: 1.
 */
sgpt_status sgpt_options_set_batch(struct sgpt_options *options,
                                   size_t chips,
                                   struct sgpt_error **error_out);

/**
 * Sets how many threads infer, and as many that read and normalise, from 1. Default: as many as the
 * process may use.
 */
sgpt_status sgpt_options_set_threads(struct sgpt_options *options,
                                     size_t threads,
                                     struct sgpt_error **error_out);

/**
 * Sets how many bytes the process may hold. Default: 4 GiB, or half of what there is if that is
 * less.
 */
sgpt_status sgpt_options_set_memory(struct sgpt_options *options,
                                    uint64_t bytes,
                                    struct sgpt_error **error_out);

/**
 * Sets the hardware that computes: "auto", "cpu", "cuda", "cuda:N". Default: "auto".
 */
sgpt_status sgpt_options_set_device(struct sgpt_options *options,
                                    const char *name,
                                    struct sgpt_error **error_out);

/**
 * Sets who computes there: "auto", "ort", "openvino", "tensorrt". Default: "auto".
 */
sgpt_status sgpt_options_set_provider(struct sgpt_options *options,
                                      const char *name,
                                      struct sgpt_error **error_out);

/**
 * Sets the network's arithmetic: "fp32", "bf16", "fp16", "fastest". Default: "fp32".
 */
sgpt_status sgpt_options_set_precision(struct sgpt_options *options,
                                       const char *name,
                                       struct sgpt_error **error_out);

/**
 * Sets the ONNX Runtime library, a file; the first one used is the process's for good. Default:
 * SPECTRALGPT_ORT_LIBRARY, else searched beside this library, in Python environments, on the
 * system.
 */
sgpt_status sgpt_options_set_onnxruntime(struct sgpt_options *options,
                                         const char *path,
                                         struct sgpt_error **error_out);

/**
 * Sets the format of files: "GTiff", "COG". Default: "GTiff".
 */
sgpt_status sgpt_options_set_format(struct sgpt_options *options,
                                    const char *name,
                                    struct sgpt_error **error_out);

/**
 * Adds a creation option of the format, as in "COMPRESS=ZSTD". Default: tiled, deflate.
 */
sgpt_status sgpt_options_add_creation(struct sgpt_options *options,
                                      const char *option,
                                      struct sgpt_error **error_out);

/**
 * Sets whether a run into a file goes on with an interrupted one of the same request, and can be
 * gone on with: 1 or 0. Default: 0.
 */
sgpt_status sgpt_options_set_resume(struct sgpt_options *options,
                                    int32_t on,
                                    struct sgpt_error **error_out);

/**
 * Sets whether existing files are replaced: 1 or 0. Default: 0.
 */
sgpt_status sgpt_options_set_overwrite(struct sgpt_options *options,
                                       int32_t on,
                                       struct sgpt_error **error_out);

/**
 * Sets which pixels of files become nodata besides: "scl" (clouds, shadows, snow and ice by a
 * level-2A product's scene classification), "none", or a raster that is 0 or nodata there. Default:
 * "none".
 */
sgpt_status sgpt_options_set_mask(struct sgpt_options *options,
                                  const char *mask,
                                  struct sgpt_error **error_out);

/**
 * Sets the pixels that the network sees of files: "model" (of the size that it was trained at;
 * rasters of others are resampled, and the map has the new ones) or "source". Default: "model".
 */
sgpt_status sgpt_options_set_resolution(struct sgpt_options *options,
                                        const char *name,
                                        struct sgpt_error **error_out);

/**
 * Adds a raster of a time series, in order: all that is predicted is brought to the first one's grid,
 * and a pixel that is nodata in one is so in all. Each is then predicted by itself, with a session of
 * these options. Default: there is no series.
 */
sgpt_status sgpt_options_add_series(struct sgpt_options *options,
                                    const char *input,
                                    struct sgpt_error **error_out);

/**
 * Sets the scores from which on a multilabel model's labels are there, as in "0.4": one for all, or
 * one each in the model's order, separated by commas. Default: the model's own, 0.5 where it has none.
 */
sgpt_status sgpt_options_set_threshold(struct sgpt_options *options,
                                       const char *numbers,
                                       struct sgpt_error **error_out);

/**
 * Predicts raster files, anything GDAL opens, into a map. `inputs` are `inputs_len` file names,
 * UTF-8, one per date; `output` is the file to write; other outputs go beside it, as with the
 * command line.
 * `watch` may be NULL. `report_out` gets what was done as JSON (`outputs`, `seconds`, `chips`,
 * `chips_skipped`, `chips_per_second`, `provider`, `precision`, `fallback_nodes`,
 * `seam_disagreement`, `peak_rss_bytes`), unless it is NULL; free it with `sgpt_text_free`.
 */
sgpt_status sgpt_predict_files(const struct sgpt_session *session,
                               const char *const *inputs,
                               size_t inputs_len,
                               const char *output,
                               const struct sgpt_watch *watch,
                               char **report_out,
                               struct sgpt_error **error_out);

/**
 * Predicts rasters in memory into memory; needs no GDAL. `inputs` are `inputs_len` rasters of one
 * size, one per date; `outputs` are `outputs_len` rooms, one per output of the options in their
 * order, which must not overlap anything. Inputs are read on other threads until the call returns.
 * `watch` may be NULL. `report_out` gets what was done as JSON, as `sgpt_predict_files` gives it,
 * unless it is NULL; free it with `sgpt_text_free`.
 */
sgpt_status sgpt_predict_arrays(const struct sgpt_session *session,
                                const struct sgpt_array *inputs,
                                size_t inputs_len,
                                const struct sgpt_buffer *outputs,
                                size_t outputs_len,
                                const struct sgpt_watch *watch,
                                char **report_out,
                                struct sgpt_error **error_out);

/**
 * Predicts rasters that callbacks read into outputs that callbacks store; needs no GDAL. `sources`
 * are `sources_len` rasters of one size, one per date; `sinks` are `sinks_len` outputs, one per
 * output of the options in their order. All callbacks come on the thread that called in, one at a
 * time, none after one of them ended the run; each may call this library. `watch` may be NULL.
 * `report_out` gets what was done as JSON, as `sgpt_predict_files` gives it, unless it is NULL; free
 * it with `sgpt_text_free`.
 */
sgpt_status sgpt_predict_callbacks(const struct sgpt_session *session,
                                   const struct sgpt_source *sources,
                                   size_t sources_len,
                                   const struct sgpt_sink *sinks,
                                   size_t sinks_len,
                                   const struct sgpt_watch *watch,
                                   char **report_out,
                                   struct sgpt_error **error_out);

/**
 * Opens the raster files of a run and describes it as JSON: `inputs` (`name`, and `bands`: the
 * `name` that the model needs, its `number` in the raster from 1), `dn_offset`, `window` (`column`,
 * `row`, `width`, `height`), `chips`, `chip_px`, `overlap_px`. `inputs` are `inputs_len` file
 * names, UTF-8, one per date; `options` are those of the run, NULL for the defaults. No network is
 * loaded. `json_out` gets the text; free it with `sgpt_text_free`.
 */
sgpt_status sgpt_preview_files(const struct sgpt_model *model,
                               const char *const *inputs,
                               size_t inputs_len,
                               const struct sgpt_options *options,
                               char **json_out,
                               struct sgpt_error **error_out);

/**
 * Loads ONNX Runtime and lists its providers as JSON: `version`, `path`, `candidates` (`path`,
 * `origin`), `providers` (`name`, `built_in`, `trouble`: null if it computes here). `options` may
 * name the library; NULL: it is searched. `json_out` gets the text; free it with `sgpt_text_free`.
 */
sgpt_status sgpt_devices(const struct sgpt_options *options,
                         char **json_out,
                         struct sgpt_error **error_out);

/**
 * Chooses the GDAL library that files are read and written with, for the whole process: a file or
 * a name for the loader. Fails if the process has another one loaded. Without this call: one that
 * the process has loaded, else SPECTRALGPT_GDAL_LIBRARY, else the system's.
 */
sgpt_status sgpt_gdal_use(const char *path, struct sgpt_error **error_out);

/**
 * Loads a model's network. `model` is the model; `options` say how to run it, NULL for the
 * defaults; both may be freed or changed afterwards. Sessions of the same model file and the same
 * device, provider, precision, threads and batch share one network. `session_out` gets the
 * session; free it with `sgpt_session_free`.
 */
sgpt_status sgpt_session_new(const struct sgpt_model *model,
                             const struct sgpt_options *options,
                             struct sgpt_session **session_out,
                             struct sgpt_error **error_out);

/**
 * Describes a session as JSON: `provider`, `precision`, `onnxruntime` (its version),
 * `fallback_nodes` (null before the first run), `note`, `outputs` (their names in order).
 * `json_out` gets the text; free it with `sgpt_text_free`.
 */
sgpt_status sgpt_session_describe(const struct sgpt_session *session,
                                  char **json_out,
                                  struct sgpt_error **error_out);

/**
 * Tells the extent and type of an output of a raster in memory or behind callbacks. `width` and
 * `height` are the raster's, in pixels; `output` is the output's place in the options' list, from
 * 0. `layout_out` gets what is told.
 */
sgpt_status sgpt_session_layout(const struct sgpt_session *session,
                                uint32_t width,
                                uint32_t height,
                                size_t output,
                                struct sgpt_layout *layout_out,
                                struct sgpt_error **error_out);

/**
 * Frees a session, not within a call that uses it; NULL is nothing to free.
 */
void sgpt_session_free(struct sgpt_session *session);

/**
 * Writes all bands of a Sentinel-2 product as one virtual raster, with their names, wavelengths and
 * offsets, on the grid of the finest. `product` is a product's folder, its zip, a file in it, GDAL's
 * name of a part of it, a folder of band files or a STAC item, UTF-8; `output` is the file to write,
 * which names the product's files by their whole paths. Of `options`, NULL for the defaults, the mask
 * counts ("none" or "scl"), and whether the file is replaced.
 */
sgpt_status sgpt_stack_vrt(const char *product,
                           const char *output,
                           const struct sgpt_options *options,
                           struct sgpt_error **error_out);

/**
 * Trains a head on `model`'s encoder with the labelled places of a raster and writes `output`, a
 * segmentation model whose name ends in ".onnx". `input` is the raster and `labels` what is where
 * in it, both anything GDAL opens, UTF-8: polygons, lines or points, or a raster of class values (0
 * and nodata: no label). `training` and `options` are NULL for the defaults; of the latter, outputs
 * and parts do not count. `watch` may be NULL. `report_out` gets how good the model is on blocks that it
 * did not learn from, as JSON (docs/training.md), unless it is NULL; free it with `sgpt_text_free`.
 */
sgpt_status sgpt_train(const struct sgpt_model *model,
                       const char *input,
                       const char *labels,
                       const char *output,
                       const struct sgpt_train_options *training,
                       const struct sgpt_options *options,
                       const struct sgpt_watch *watch,
                       char **report_out,
                       struct sgpt_error **error_out);

/**
 * Makes options with every one at its default. `options_out` gets them; free them with
 * `sgpt_train_options_free`.
 */
sgpt_status sgpt_train_options_new(struct sgpt_train_options **options_out,
                                   struct sgpt_error **error_out);

/**
 * Frees options; NULL is nothing to free.
 */
void sgpt_train_options_free(struct sgpt_train_options *options);

/**
 * Sets the field of the vector file that holds the classes. Default: the labels are a raster.
 */
sgpt_status sgpt_train_options_set_field(struct sgpt_train_options *options,
                                         const char *field,
                                         struct sgpt_error **error_out);

/**
 * Sets names and colours of classes, a JSON list as in
 * [{"label": "3", "name": "Water", "colour": "#0000ff"}]. Default: the labels, colours of ours.
 */
sgpt_status sgpt_train_options_set_classes(struct sgpt_train_options *options,
                                           const char *json,
                                           struct sgpt_error **error_out);

/**
 * Sets what is put on the encoder: "auto", whatever tests best, "logistic", "mlp". Default: "auto".
 */
sgpt_status sgpt_train_options_set_head(struct sgpt_train_options *options,
                                        const char *name,
                                        struct sgpt_error **error_out);

/**
 * Sets what the head sees besides each pixel's spectrum: "auto", "encoder", "decoder". Default:
 * "auto".
 */
sgpt_status sgpt_train_options_set_layer(struct sgpt_train_options *options,
                                         const char *name,
                                         struct sgpt_error **error_out);

/**
 * Sets how far rare classes are lifted, from 0, each class counts as its pixels, to 1, all count
 * alike. Default: 0.
 */
sgpt_status sgpt_train_options_set_balance(struct sgpt_train_options *options,
                                           double share,
                                           struct sgpt_error **error_out);

/**
 * Sets the side of the blocks that are learnt from or tested on as a whole, in pixels, from 32.
 * Default: 32.
 */
sgpt_status sgpt_train_options_set_blocks(struct sgpt_train_options *options,
                                          uint32_t pixels,
                                          struct sgpt_error **error_out);

/**
 * Sets the parts that the blocks are dealt into, each tested once, 2 to 20. Default: 5.
 */
sgpt_status sgpt_train_options_set_folds(struct sgpt_train_options *options,
                                         uint32_t folds,
                                         struct sgpt_error **error_out);

/**
 * Sets what starts all that is drawn by lot; equal seeds give equal files. Default: 0.
 */
sgpt_status sgpt_train_options_set_seed(struct sgpt_train_options *options,
                                        uint64_t seed,
                                        struct sgpt_error **error_out);

/**
 * Sets the folder that keeps what the encoder gives, for the next training. Default: it is not
 * kept.
 */
sgpt_status sgpt_train_options_set_cache(struct sgpt_train_options *options,
                                         const char *path,
                                         struct sgpt_error **error_out);

/**
 * Returns the library's version as text, for example "0.1.0".
 *
 * The text is static and never freed.
 */
const char *sgpt_version(void);

/**
 * Returns the ABI number of the loaded library, `SGPT_ABI_VERSION` of the header it was built with.
 */
uint32_t sgpt_abi_version(void);

/**
 * Makes a stop sign that is down. `cancel_out` gets it; free it with `sgpt_cancel_free` when no
 * call uses it any more.
 */
sgpt_status sgpt_cancel_new(struct sgpt_cancel **cancel_out, struct sgpt_error **error_out);

/**
 * Raises a stop sign, for good: calls that are given it end soon with `SGPT_ERROR_CANCELLED`. Any
 * thread may do so at any time; NULL is ignored.
 */
void sgpt_cancel_request(const struct sgpt_cancel *cancel);

/**
 * Frees a stop sign; NULL is nothing to free.
 */
void sgpt_cancel_free(struct sgpt_cancel *cancel);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SPECTRALGPT_H */
