/* Maps a scene that exists nowhere: callbacks make its pixels and keep the map. Then maps it again
 * from memory, interleaved, and compares. Needs no GDAL, and checks that none was loaded.
 *
 *   map MODEL WIDTH HEIGHT BANDS MAP
 *
 * BANDS is a list of names; MAP gets the classes, one byte each. */
#include "spectralgpt.h"
#include "spectralgpt.h" /* twice does no harm */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct scene {
  uint32_t width, height;
  size_t bands;
  uint32_t next_row;
  FILE *map;
} scene;

/* The digital number of a pixel; tests/tests/callbacks.rs has the same formula. */
static uint16_t number(size_t band, uint32_t row, uint32_t column) {
  uint32_t mixed = column * 7u + row * 13u + (uint32_t)band * 101u + ((column * row) >> 3);
  return (uint16_t)(200u + mixed % 3800u);
}

static sgpt_status read_pixels(void *user_data, const sgpt_request *request) {
  const scene *of = (const scene *)user_data;
  float *pixel = request->pixels;
  if (request->pixels_len != request->bands_len * request->valid_len) return SGPT_ERROR_USAGE;
  for (size_t band = 0; band < request->bands_len; band++)
    for (uint32_t row = 0; row < request->window.height; row++)
      for (uint32_t column = 0; column < request->window.width; column++)
        *pixel++ = number(request->bands[band], request->window.row + row,
                          request->window.column + column);
  return request->window.row + request->window.height <= of->height ? SGPT_OK : SGPT_ERROR_INPUT;
}

static sgpt_status write_rows(void *user_data, const sgpt_rows *rows) {
  scene *of = (scene *)user_data;
  if (rows->first_row != of->next_row || rows->width != of->width || rows->bands != 1 ||
      rows->sample_type != SGPT_SAMPLE_U8)
    return SGPT_ERROR_USAGE;
  of->next_row += rows->height;
  return fwrite(rows->samples, 1, rows->samples_len, of->map) == rows->samples_len ? SGPT_OK
                                                                                   : SGPT_ERROR_IO;
}

static int32_t go_on(void *user_data, size_t done, size_t total) {
  *(size_t *)user_data = done;
  return done <= total;
}

/* Prints why a call failed, and ends. */
static void must(sgpt_status status, sgpt_error *error) {
  if (status == SGPT_OK) return;
  fprintf(stderr, "status %d: %s\n", (int)status, sgpt_error_message(error));
  sgpt_error_free(error);
  exit(1);
}

static void no_gdal(void) {
  char line[4096];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
    if (strstr(line, "libgdal") != NULL) {
      fprintf(stderr, "GDAL is there: %s", line);
      exit(1);
    }
  if (maps != NULL) fclose(maps);
}

/* Maps the same scene from memory, (row, column, band). */
static void from_memory(const sgpt_session *session, const scene *of, const char *names,
                        unsigned char *classes) {
  size_t pixels = (size_t)of->width * of->height, at = 0;
  uint16_t *samples = (uint16_t *)malloc(pixels * of->bands * sizeof *samples);
  sgpt_array input;
  sgpt_buffer output;
  sgpt_error *error = NULL;
  if (samples == NULL) exit(1);
  for (uint32_t row = 0; row < of->height; row++)
    for (uint32_t column = 0; column < of->width; column++)
      for (size_t band = 0; band < of->bands; band++) samples[at++] = number(band, row, column);
  memset(&input, 0, sizeof input);
  memset(&output, 0, sizeof output);
  input.samples = samples;
  input.samples_len = at;
  input.sample_type = SGPT_SAMPLE_U16;
  input.width = of->width;
  input.height = of->height;
  input.bands = of->bands;
  input.band_stride = 1;
  input.row_stride = of->bands * of->width;
  input.column_stride = of->bands;
  input.band_names = names;
  output.samples = classes;
  output.samples_len = pixels;
  output.sample_type = SGPT_SAMPLE_U8;
  must(sgpt_predict_arrays(session, &input, 1, &output, 1, NULL, NULL, &error), error);
  free(samples);
}

static void compare(const sgpt_session *session, const scene *of, const char *names) {
  size_t pixels = (size_t)of->width * of->height;
  unsigned char *kept = (unsigned char *)malloc(pixels), *again = (unsigned char *)malloc(pixels);
  if (kept == NULL || again == NULL) exit(1);
  rewind(of->map);
  if (of->next_row != of->height || fread(kept, 1, pixels, of->map) != pixels) exit(1);
  from_memory(session, of, names, again);
  if (memcmp(kept, again, pixels) != 0) {
    fprintf(stderr, "memory and callbacks give different maps\n");
    exit(1);
  }
  free(kept);
  free(again);
}

int main(int argc, char **argv) {
  sgpt_error *error = NULL;
  sgpt_model *model = NULL;
  sgpt_options *options = NULL;
  sgpt_session *session = NULL;
  char *report = NULL;
  size_t done = 0, bands = 1;
  scene of;
  sgpt_source source;
  sgpt_sink sink;
  sgpt_watch watch;
  if (argc != 6 || sgpt_abi_version() != SGPT_ABI_VERSION) return 2;
  for (const char *at = argv[4]; *at != '\0'; at++) bands += *at == ',';
  of.width = (uint32_t)strtoul(argv[2], NULL, 10);
  of.height = (uint32_t)strtoul(argv[3], NULL, 10);
  of.bands = bands;
  of.next_row = 0;
  of.map = fopen(argv[5], "w+b");
  if (of.map == NULL) return 1;
  must(sgpt_model_open(argv[1], NULL, &model, &error), error);
  must(sgpt_options_new(&options, &error), error);
  must(sgpt_options_set_dn_offset(options, 0.0, &error), error);
  must(sgpt_session_new(model, options, &session, &error), error);
  sgpt_options_free(options);
  sgpt_model_free(model);
  source.read = read_pixels;
  source.user_data = &of;
  source.width = of.width;
  source.height = of.height;
  source.bands = bands;
  source.band_names = argv[4];
  sink.write = write_rows;
  sink.user_data = &of;
  watch.progress = go_on;
  watch.user_data = &done;
  watch.cancel = NULL;
  must(sgpt_predict_callbacks(session, &source, 1, &sink, 1, &watch, &report, &error), error);
  printf("%s %s %lu\n", sgpt_version(), report, (unsigned long)done);
  sgpt_text_free(report);
  compare(session, &of, argv[4]);
  sgpt_session_free(session);
  no_gdal();
  return fclose(of.map) == 0 ? 0 : 1;
}
