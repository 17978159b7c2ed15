/* Maps a raster file, or a scene made here that stays in memory.
 *
 *   map OUTPUT [INPUT [MODEL]]
 *
 * INPUT is anything GDAL opens, OUTPUT then a GeoTIFF; without INPUT it is a PGM image of class
 * numbers. MODEL is a file; default: the built-in land cover model.
 *
 *   cc map.c $(pkg-config --cflags --libs spectralgpt) -o map
 */
#include <spectralgpt.h>

#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 301, HEIGHT = 203, BANDS = 12, CLASSES = 256 };
static const char names[] = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12";

/* Digital numbers of water, forest and soil. */
static const uint16_t spectra[3][BANDS] = {
    {1450, 1400, 1350, 1250, 1200, 1180, 1170, 1150, 1140, 1130, 1080, 1060},
    {1250, 1300, 1450, 1300, 1700, 2900, 3400, 3600, 3700, 3600, 2500, 1700},
    {1700, 1900, 2200, 2600, 2900, 3100, 3200, 3300, 3450, 3400, 4000, 3600}};

static void make_scene(uint16_t *samples) {
  for (unsigned band = 0; band < BANDS; band++)
    for (unsigned row = 0; row < HEIGHT; row++)
      for (unsigned column = 0; column < WIDTH; column++) {
        const unsigned cover = (row / 48 + column / 64) % 3;
        const unsigned noise = (7 * row + 13 * column + 29 * band) % 97;
        *samples++ = (uint16_t)(spectra[cover][band] + noise);
      }
}

static sgpt_status map_memory(const sgpt_session *session, const uint16_t *samples,
                              uint8_t *classes, sgpt_error **error_out) {
  sgpt_array input = {0};
  sgpt_buffer output = {0};
  input.samples = samples;
  input.samples_len = (size_t)BANDS * HEIGHT * WIDTH;
  input.sample_type = SGPT_SAMPLE_U16;
  input.width = WIDTH;
  input.height = HEIGHT;
  input.bands = BANDS;
  input.band_names = names;
  output.samples = classes;
  output.samples_len = (size_t)HEIGHT * WIDTH;
  output.sample_type = SGPT_SAMPLE_U8;
  return sgpt_predict_arrays(session, &input, 1, &output, 1, NULL, NULL, error_out);
}

static int write_image(const char *path, const uint8_t *classes) {
  const size_t pixels = (size_t)HEIGHT * WIDTH;
  size_t counts[CLASSES] = {0}, written;
  FILE *file = fopen(path, "wb");
  if (file == NULL) return 0;
  fprintf(file, "P5\n%d %d\n255\n", WIDTH, HEIGHT);
  written = fwrite(classes, 1, pixels, file);
  for (size_t pixel = 0; pixel < pixels; pixel++) counts[classes[pixel]]++;
  for (int number = 0; number < CLASSES; number++)
    if (counts[number] > 0)
      printf("class %d: %lu pixels\n", number, (unsigned long)counts[number]);
  return fclose(file) == 0 && written == pixels;
}

/* Makes a scene, maps it, writes the map. */
static sgpt_status map_scene(const sgpt_session *session, const char *output,
                             sgpt_error **error_out) {
  static uint16_t samples[BANDS * HEIGHT * WIDTH];
  static uint8_t classes[HEIGHT * WIDTH];
  sgpt_status status;
  make_scene(samples);
  status = map_memory(session, samples, classes, error_out);
  if (status == SGPT_OK && !write_image(output, classes)) {
    perror(output);
    status = SGPT_ERROR_IO;
  }
  return status;
}

int main(int argc, char **argv) {
  const char *model_name = argc > 3 ? argv[3] : "builtin:landcover";
  const char *const input = argc > 2 ? argv[2] : NULL;
  sgpt_error *error = NULL;
  sgpt_model *model = NULL;
  sgpt_options *options = NULL;
  sgpt_session *session = NULL;
  sgpt_status status;
  if (argc < 2) {
    fprintf(stderr, "usage: map OUTPUT [INPUT [MODEL]]\n");
    return SGPT_ERROR_USAGE;
  }
  status = sgpt_model_open(model_name, NULL, &model, &error);
  if (status == SGPT_OK) status = sgpt_options_new(&options, &error);
  /* Sentinel-2 products since baseline 04.00 */
  if (status == SGPT_OK) status = sgpt_options_set_dn_offset(options, -1000, &error);
  if (status == SGPT_OK) status = sgpt_session_new(model, options, &session, &error);
  if (status == SGPT_OK)
    status = input == NULL ? map_scene(session, argv[1], &error)
                           : sgpt_predict_files(session, &input, 1, argv[1], NULL, NULL, &error);
  if (error != NULL) fprintf(stderr, "map: %s\n", sgpt_error_message(error));
  sgpt_error_free(error);
  sgpt_session_free(session);
  sgpt_options_free(options);
  sgpt_model_free(model);
  return status;
}
