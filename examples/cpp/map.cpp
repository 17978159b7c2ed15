// Maps a raster file, or a scene made here that stays in memory.
//
//   map OUTPUT [INPUT [MODEL]]
//
// INPUT is anything GDAL opens, OUTPUT then a GeoTIFF; without INPUT it is a PGM image of class
// numbers. MODEL is a file; default: the built-in land cover model.
//
//   cmake -S . -B build && cmake --build build
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <spectralgpt.hpp>
#include <string>
#include <vector>

namespace {

constexpr std::uint32_t width = 301, height = 203;
constexpr std::size_t bands = 12;
constexpr char names[] = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12";

// Digital numbers of water, forest and soil.
constexpr std::uint16_t spectra[3][bands] = {
    {1450, 1400, 1350, 1250, 1200, 1180, 1170, 1150, 1140, 1130, 1080, 1060},
    {1250, 1300, 1450, 1300, 1700, 2900, 3400, 3600, 3700, 3600, 2500, 1700},
    {1700, 1900, 2200, 2600, 2900, 3100, 3200, 3300, 3450, 3400, 4000, 3600}};

std::vector<std::uint16_t> make_scene() {
  std::vector<std::uint16_t> samples;
  for (std::uint32_t band = 0; band < bands; band++)
    for (std::uint32_t row = 0; row < height; row++)
      for (std::uint32_t column = 0; column < width; column++) {
        const auto cover = (row / 48 + column / 64) % 3;
        const auto noise = (7 * row + 13 * column + 29 * band) % 97;
        samples.push_back(static_cast<std::uint16_t>(spectra[cover][band] + noise));
      }
  return samples;
}

void write_image(const std::string &path, const sgpt::Image<std::uint8_t> &image) {
  std::ofstream file(path, std::ios::binary);
  file << "P5\n" << image.width << ' ' << image.height << "\n255\n";
  file.write(reinterpret_cast<const char *>(image.samples.data()),
             static_cast<std::streamsize>(image.samples.size()));
  if (!file.flush()) throw sgpt::Error(SGPT_ERROR_IO, "cannot write " + path);
  std::map<int, std::size_t> counts;
  for (const auto number : image.samples) counts[number]++;
  for (const auto &[number, count] : counts)
    std::cout << "class " << number << ": " << count << " pixels\n";
}

}  // namespace

int main(int argc, char **argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    std::cerr << "usage: map OUTPUT [INPUT [MODEL]]\n";
    return SGPT_ERROR_USAGE;
  }
  try {
    const sgpt::Model model(arguments.size() > 2 ? arguments[2] : "builtin:landcover");
    // Sentinel-2 products since baseline 04.00
    const sgpt::Session session(model, sgpt::Options().dn_offset(-1000));
    if (arguments.size() > 1) {
      session.predict_files({arguments[1]}, arguments[0]);
    } else {
      const auto scene = make_scene();
      const auto input = sgpt::Array(scene, width, height, bands).band_names(names);
      write_image(arguments[0], session.predict<std::uint8_t>(input));
    }
  } catch (const sgpt::Error &error) {
    std::cerr << "map: " << error.what() << '\n';
    return error.status();
  }
}
