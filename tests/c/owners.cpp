// Asks everything of spectralgpt.hpp once: owners, options, callbacks that throw, what is refused.
// Prints how many checks held.
#include "spectralgpt.hpp"
#include "spectralgpt.hpp"  // twice does no harm

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>

namespace {

constexpr std::uint32_t width = 143, height = 131;
constexpr std::size_t bands = 12;
constexpr char names[] = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12";
int held = 0;

#define CHECK(what) check(what, #what, __LINE__)
void check(bool holds, const char *what, int line) {
  if (!holds) {
    std::fprintf(stderr, "line %d does not hold: %s\n", line, what);
    std::exit(1);
  }
  held++;
}

/// Runs something that must fail; returns the status.
template <typename Body>
sgpt_status refused(Body body) {
  try {
    body();
  } catch (const sgpt::Error &error) {
    CHECK(std::string(error.what()).size() > 10);
    return error.status();
  }
  return SGPT_OK;
}

std::uint16_t number(std::size_t band, std::uint32_t row, std::uint32_t column) {
  const auto mixed = band * 311 + row * 17 + column * 29 + row * column / 8;
  return static_cast<std::uint16_t>(500 + mixed % 3000);
}

/// The scene, (band, row, column) or (row, column, band).
std::vector<std::uint16_t> scene(bool interleaved) {
  std::vector<std::uint16_t> samples(bands * height * width);
  for (std::size_t band = 0; band < bands; band++)
    for (std::uint32_t row = 0; row < height; row++)
      for (std::uint32_t column = 0; column < width; column++) {
        const std::size_t planar = (band * height + row) * width + column;
        const std::size_t by_pixel = (std::size_t{row} * width + column) * bands + band;
        samples[interleaved ? by_pixel : planar] = number(band, row, column);
      }
  return samples;
}

sgpt::Source source() {
  return {[](const sgpt_request &request) {
            float *pixel = request.pixels;
            const sgpt::Span<const std::size_t> wanted(request.bands, request.bands_len);
            for (const std::size_t band : wanted)
              for (std::uint32_t row = 0; row < request.window.height; row++)
                for (std::uint32_t column = 0; column < request.window.width; column++)
                  *pixel++ = number(band, request.window.row + row, request.window.column + column);
          },
          width, height, bands, names};
}

sgpt::Sink sink(std::vector<std::uint8_t> &classes) {
  return {[&classes](const sgpt_rows &rows) {
    const auto *samples = static_cast<const std::uint8_t *>(rows.samples);
    classes.insert(classes.end(), samples, samples + rows.samples_len);
  }};
}

void rasters(const sgpt::Session &session) {
  const auto planar = scene(false), interleaved = scene(true);
  const auto array = sgpt::Array(planar, width, height, bands).band_names(names);
  const auto map = session.predict<std::uint8_t>(array);
  CHECK(map.width == width && map.height == height && map.bands == 1);
  const auto by_pixel = sgpt::Array(interleaved, width, height, bands)
                            .strides(1, width * bands, bands)
                            .band_names(names);
  CHECK(session.predict<std::uint8_t>(by_pixel).samples == map.samples);
  const auto floats = session.predict<float>(array).samples;
  CHECK(std::equal(floats.begin(), floats.end(), map.samples.begin(), map.samples.end()));
  std::vector<std::uint8_t> classes;
  CHECK(session.predict_callbacks({source()}, {sink(classes)}).front() == '{');
  CHECK(classes == map.samples);
  std::vector<std::uint8_t> flags(planar.size() / bands, 1);
  flags[7] = 0;
  auto masked = array;
  const auto layout = session.layout(width, height);
  CHECK(layout.has_nodata == 1);
  CHECK(session.predict<float>(masked.valid(flags)).samples[7] == layout.nodata);
  CHECK(refused([&] { session.predict<std::uint16_t>(array); }) == SGPT_ERROR_USAGE);
  flags.pop_back();
  CHECK(refused([&] { session.predict<float>(masked.valid(flags)); }) == SGPT_ERROR_USAGE);
}

void what_callbacks_throw(const sgpt::Session &session) {
  std::vector<std::uint8_t> classes;
  sgpt::Source broken = source();
  broken.read = [](const sgpt_request &) { throw std::string("read"); };
  const sgpt::Sink full{[](const sgpt_rows &) { throw 28; }};
  std::string text;
  int code = 0;
  try {
    session.predict_callbacks({broken}, {sink(classes)});
  } catch (const std::string &thrown) {
    text = thrown;
  }
  CHECK(text == "read");
  try {
    session.predict_callbacks({source()}, {full});
  } catch (int thrown) {
    code = thrown;
  }
  CHECK(code == 28);
  sgpt::Watch watch;
  watch.progress = [](std::size_t, std::size_t) -> bool { throw 29; };
  try {
    session.predict_callbacks({source()}, {sink(classes)}, watch);
  } catch (int thrown) {
    code = thrown;
  }
  CHECK(code == 29);
  watch.progress = [](std::size_t, std::size_t) { return false; };
  const auto run = [&] { session.predict_callbacks({source()}, {sink(classes)}, watch); };
  CHECK(refused(run) == SGPT_ERROR_CANCELLED);
  const sgpt::Cancel cancel;
  std::thread([&] { cancel.request(); }).join();
  watch = {nullptr, &cancel};
  CHECK(refused(run) == SGPT_ERROR_CANCELLED);
}

void what_is_refused() {
  CHECK(refused([] { sgpt::Model("/nowhere.onnx"); }) == SGPT_ERROR_MODEL);
  const std::array<std::uint8_t, 3> bytes = {1, 2, 3};
  CHECK(refused([&] { sgpt::Model{sgpt::Span<const std::uint8_t>(bytes)}; }) == SGPT_ERROR_MODEL);
  CHECK(refused([] { sgpt::Options().emit("beauty"); }) == SGPT_ERROR_USAGE);
  CHECK(refused([] { sgpt::Options().threads(0); }) == SGPT_ERROR_USAGE);
  const auto convert = [] {
    sgpt::convert("/nowhere.pth", "/nowhere.onnx",
                  sgpt::ConvertOptions().task("segment").heads(3).portable(true).stac(false));
  };
  CHECK(refused(convert) != SGPT_OK);
  const auto live = [] { sgpt::live_vrt("/nowhere.onnx", {"scene.tif"}, "live.vrt"); };
  CHECK(refused(live) == SGPT_ERROR_MODEL);
  CHECK(refused([] { sgpt::TrainOptions().layer("beauty"); }) == SGPT_ERROR_USAGE);
  CHECK(refused([] { sgpt::stack_vrt("/nowhere.SAFE", "stack.vrt"); }) == SGPT_ERROR_USAGE);
  CHECK(refused([] { sgpt::register_gdal("/nowhere.so"); }) == SGPT_ERROR_MODEL);
  sgpt::interrupt_gdal(); // nothing is being read
}

sgpt::Session opened() {
  const sgpt::Model model("builtin:landcover");
  CHECK(model.describe().find("\"segment\"") != std::string::npos);
  return sgpt::Session(model, sgpt::Options().threads(1).batch(2).device("cpu").dn_offset(0));
}

}  // namespace

int main() {
  static_assert(!std::is_copy_constructible_v<sgpt::Session>);
  static_assert(std::is_nothrow_move_constructible_v<sgpt::Session>);
  static_assert(!std::is_copy_constructible_v<sgpt::Log>);
  static_assert(!std::is_copy_assignable_v<sgpt::Model>);
  sgpt::check_abi();
  std::atomic<int> messages = 0;
  {
    const sgpt::Log log(SGPT_LOG_INFO, [&](std::int32_t level, std::string_view message) {
      if (level <= SGPT_LOG_INFO && !message.empty()) messages++;
      throw level;
    });
    const sgpt::Session session = opened();
    CHECK(session.describe().find("\"classes\"") != std::string::npos);
    CHECK(sgpt::devices().find("CPU") != std::string::npos);
    rasters(session);
    what_callbacks_throw(session);
  }
  CHECK(messages > 0);
  what_is_refused();
  std::printf("%d\n", held);
}
