// Maps a raster file, or a scene made here that stays in memory.
//
//   map OUTPUT [INPUT [MODEL]]
//
// INPUT is anything GDAL opens, OUTPUT then a GeoTIFF; without INPUT it is a PGM image of class
// numbers. MODEL is a file; default: the built-in land cover model.
//
//   cargo run -p example-cxx OUTPUT, or cmake -S . -B build && cmake --build build
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "spectralgpt-cxx/src/lib.rs.h"

namespace {

constexpr std::uint32_t width = 301, height = 203, bands = 12;
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

void write_image(const std::string &path, const spectralgpt::Plane &plane) {
  std::ofstream file(path, std::ios::binary);
  file << "P5\n" << plane.width << ' ' << plane.height << "\n255\n";
  std::map<int, std::size_t> counts;
  for (const float sample : plane.samples) {
    const auto number = static_cast<unsigned char>(sample);
    file.put(static_cast<char>(number));
    counts[number]++;
  }
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
  for (const auto &[number, count] : counts)
    std::cout << "class " << number << ": " << count << " pixels\n";
}

}  // namespace

int main(int argc, char **argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    std::cerr << "usage: map OUTPUT [INPUT [MODEL]]\n";
    return 2;
  }
  try {
    const std::string model = arguments.size() > 2 ? arguments[2] : "builtin:landcover";
    auto options = spectralgpt::options();
    options->set_dn_offset(-1000);  // Sentinel-2 products since baseline 04.00
    const auto session = spectralgpt::open(model, *options);
    if (arguments.size() > 1) {
      const rust::String input[] = {arguments[1]};
      session->predict_files({input, 1}, arguments[0]);
    } else {
      const auto scene = make_scene();
      const spectralgpt::Raster rasters[] = {{{scene.data(), scene.size()}, width, height, names}};
      write_image(arguments[0], session->predict({rasters, 1})[0]);
    }
  } catch (const std::exception &error) {  // rust::Error is one
    std::cerr << "map: " << error.what() << '\n';
    return 1;
  }
}
