/* What the cases of abuse.rs call the library with: one of everything, in order. */
#include "spectralgpt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 40, HEIGHT = 30, PIXELS = WIDTH * HEIGHT, LONG = 65536 };

/* How a call must end. */
typedef enum ending { DONE, REFUSED, EITHER, PANICKED } ending;

typedef struct world {
  const char *model_path, *checkpoint_path, *map_path;
  sgpt_model *model, *model_made;
  sgpt_options *options, *options_made;
  sgpt_convert_options *convert_options, *convert_options_made;
  sgpt_train_options *train_options, *train_options_made;
  sgpt_session *session, *session_made;
  sgpt_cancel *cancel, *cancel_made;
  sgpt_error *error, *reason;
  sgpt_layout layout;
  sgpt_array array;
  sgpt_buffer buffer;
  sgpt_source source;
  sgpt_sink sink;
  sgpt_watch watch;
  char *text, *text_made;
  const char *files[1];
  float samples[PIXELS + 1];
  float room[PIXELS + 1];
  uint8_t valid[PIXELS];
  unsigned calls;
  uint8_t *bytes;
  size_t bytes_len;
} world;

static int cases, wrong;
static char long_text[LONG + 1];
static const char no_utf8[] = "\xff\xfe\x80";

static sgpt_status read_pixels(void *user_data, const sgpt_request *request) {
  (void)user_data;
  if (request->window.row + request->window.height > HEIGHT) return SGPT_ERROR_INPUT;
  for (size_t at = 0; at < request->pixels_len; at++) request->pixels[at] = 7;
  return SGPT_OK;
}

static sgpt_status write_rows(void *user_data, const sgpt_rows *rows) {
  (void)user_data;
  return rows->samples_len == (size_t)rows->height * rows->width ? SGPT_OK : SGPT_ERROR_FAILED;
}

static int32_t go_on(void *user_data, size_t done, size_t total) {
  (void)user_data;
  return done <= total;
}

/* Counts a case and says what is wrong with its end. */
static void judge(const char *what, ending must, sgpt_status status, sgpt_error *error) {
  const char *words = sgpt_error_message(error);
  int told = error != NULL && words[0] != '\0' && sgpt_error_status(error) == status;
  int good = status == SGPT_OK ? error == NULL && (must == DONE || must == EITHER)
             : must == PANICKED ? told && status == SGPT_ERROR_PANIC
                                : told && must != DONE && status != SGPT_ERROR_PANIC;
  cases++;
  if (!good) {
    wrong++;
    printf("wrong: %s: status %d, '%.300s'\n", what, (int)status, words);
  }
  sgpt_error_free(error);
}

/* Judges a call that puts its error into `error`. */
#define JUDGE(what, must, call)                                                                    \
  do {                                                                                             \
    sgpt_error *error = NULL;                                                                      \
    sgpt_status status = call;                                                                     \
    judge(what, must, status, error);                                                              \
  } while (0)

/* Counts a case that cannot fail: coming back is enough. */
static void survived(void) { cases++; }

static sgpt_error *some_error(void) {
  sgpt_error *error = NULL;
  sgpt_model_open(NULL, NULL, NULL, &error);
  return error;
}

static char *some_text(const world *w) {
  char *text = NULL;
  sgpt_model_describe(w->model, &text, NULL);
  return text;
}

static void fill(world *w) {
  for (size_t at = 0; at < PIXELS; at++) {
    w->samples[at] = (float)at;
    w->valid[at] = 1;
  }
  w->array.samples = w->samples;
  w->array.samples_len = PIXELS;
  w->array.sample_type = SGPT_SAMPLE_F32;
  w->array.width = WIDTH;
  w->array.height = HEIGHT;
  w->array.bands = 1;
  w->array.valid = w->valid;
  w->array.valid_len = PIXELS;
  w->array.band_names = "B02";
  w->buffer.samples = w->room;
  w->buffer.samples_len = PIXELS;
  w->buffer.sample_type = SGPT_SAMPLE_F32;
  w->source.read = read_pixels;
  w->source.user_data = w;
  w->source.width = WIDTH;
  w->source.height = HEIGHT;
  w->source.bands = 1;
  w->source.band_names = "B02";
  w->sink.write = write_rows;
  w->sink.user_data = w;
  w->watch.progress = go_on;
  w->watch.user_data = w;
  w->watch.cancel = w->cancel;
}

/* Reads the model's file. */
static void read_bytes(world *w) {
  FILE *file = fopen(w->model_path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) exit(2);
  w->bytes_len = (size_t)ftell(file);
  w->bytes = (uint8_t *)malloc(w->bytes_len);
  rewind(file);
  if (w->bytes == NULL || fread(w->bytes, 1, w->bytes_len, file) != w->bytes_len) exit(2);
  fclose(file);
}

static world *make_world(char **argv) {
  world *w = (world *)calloc(1, sizeof *w);
  if (w == NULL) exit(2);
  w->model_path = argv[1];
  w->checkpoint_path = argv[2];
  w->map_path = argv[3];
  w->files[0] = argv[2];
  int failed = sgpt_model_open(w->model_path, NULL, &w->model, NULL) ||
               sgpt_options_new(&w->options, NULL) ||
               sgpt_convert_options_new(&w->convert_options, NULL) ||
               sgpt_train_options_new(&w->train_options, NULL) ||
               sgpt_session_new(w->model, NULL, &w->session, NULL) ||
               sgpt_cancel_new(&w->cancel, NULL);
  if (failed) exit(2);
  read_bytes(w);
  w->reason = some_error();
  w->text = some_text(w);
  fill(w);
  return w;
}

static void free_world(world *w) {
  sgpt_model_free(w->model);
  sgpt_model_free(w->model_made);
  sgpt_options_free(w->options);
  sgpt_options_free(w->options_made);
  sgpt_convert_options_free(w->convert_options);
  sgpt_convert_options_free(w->convert_options_made);
  sgpt_train_options_free(w->train_options);
  sgpt_train_options_free(w->train_options_made);
  sgpt_session_free(w->session);
  sgpt_session_free(w->session_made);
  sgpt_cancel_free(w->cancel);
  sgpt_cancel_free(w->cancel_made);
  sgpt_error_free(w->reason);
  sgpt_text_free(w->text);
  sgpt_text_free(w->text_made);
  free(w->bytes);
  free(w);
}

/* Maps through the callbacks of a world. */
static sgpt_status map(world *w, sgpt_error **error) {
  return sgpt_predict_callbacks(w->session, &w->source, 1, &w->sink, 1, &w->watch, NULL, error);
}

static sgpt_status read_fails(void *user_data, const sgpt_request *request) {
  (void)request;
  return *(sgpt_status *)user_data;
}

static sgpt_status write_fails(void *user_data, const sgpt_rows *rows) {
  (void)rows;
  return *(sgpt_status *)user_data;
}

static int32_t stop(void *user_data, size_t done, size_t total) {
  (void)user_data;
  return done > total;
}

/* A callback that calls everything else, the session it serves included. */
static sgpt_status read_within(void *user_data, const sgpt_request *request) {
  world *w = (world *)user_data;
  sgpt_model *model = NULL;
  JUDGE("a source predicts with the session it serves", DONE,
        sgpt_predict_arrays(w->session, &w->array, 1, &w->buffer, 1, NULL, NULL, &error));
  JUDGE("a source opens a model", DONE, sgpt_model_open(w->model_path, NULL, &model, &error));
  sgpt_model_free(model);
  return read_pixels(user_data, request);
}

static int32_t progress_within(void *user_data, size_t done, size_t total) {
  world *w = (world *)user_data;
  if (w->calls++ == 0)
    JUDGE("a progress function predicts with callbacks", DONE,
          sgpt_predict_callbacks(w->session, &w->source, 1, &w->sink, 1, NULL, NULL, &error));
  return done <= total;
}

static void log_within(void *user_data, int32_t level, const char *message) {
  world *w = (world *)user_data;
  if (w->calls++ > 0 || message[0] == '\0') return;
  JUDGE("the log's function sets the log", REFUSED,
        sgpt_log_set(level, log_within, user_data, &error));
  JUDGE("the log's function maps", REFUSED, map(w, &error));
}

/* A source or a sink returns what is no success. */
static void failing(char **argv, sgpt_status number) {
  world *w = make_world(argv);
  w->source.read = read_fails;
  w->source.user_data = &number;
  JUDGE("a source fails", REFUSED, map(w, &error));
  w->source.read = read_pixels;
  w->sink.write = write_fails;
  w->sink.user_data = &number;
  JUDGE("a sink fails", REFUSED, map(w, &error));
  w->sink.write = write_rows;
  JUDGE("the session works afterwards", DONE, map(w, &error));
  free_world(w);
}

/* What no signature tells. */
static void callbacks(char **argv) {
  static const sgpt_status numbers[] = {SGPT_ERROR_FAILED, SGPT_ERROR_IO, SGPT_ERROR_CANCELLED,
                                        -1,                77,            INT32_MAX};
  for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) failing(argv, numbers[at]);
  world *w = make_world(argv);
  w->watch.progress = stop;
  JUDGE("progress stops", REFUSED, map(w, &error));
  w->watch.progress = progress_within;
  JUDGE("progress calls the library", DONE, map(w, &error));
  w->watch.progress = go_on;
  w->source.read = read_within;
  JUDGE("a source calls the library", DONE, map(w, &error));
  w->source.read = read_pixels;
  w->calls = 0;
  JUDGE("a log", DONE, sgpt_log_set(SGPT_LOG_DEBUG, log_within, w, &error));
  JUDGE("a run that is logged", DONE, map(w, &error));
  JUDGE("no log", DONE, sgpt_log_set(SGPT_LOG_OFF, NULL, NULL, &error));
  if (w->calls == 0) wrong++, puts("wrong: nothing was logged");
  w->buffer.samples = w->samples + 1;
  JUDGE("an output lies in an input", REFUSED,
        sgpt_predict_arrays(w->session, &w->array, 1, &w->buffer, 1, NULL, NULL, &error));
  w->buffer.samples = w->samples;
  w->array.samples = w->room;
  w->array.valid = (const uint8_t *)(w->samples + PIXELS) - PIXELS;
  JUDGE("an output lies in valid flags", REFUSED,
        sgpt_predict_arrays(w->session, &w->array, 1, &w->buffer, 1, NULL, NULL, &error));
  sgpt_cancel_request(w->cancel);
  JUDGE("a stop sign is up", REFUSED, map(w, &error));
  free_world(w);
}
