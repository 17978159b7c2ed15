// Trains in C++: model, scene, labels and output are given; prints what a run over the scene would
// read, a line, and the report.
#include "spectralgpt.hpp"

#include <cstdio>

int main(int count, char **given) {
  if (count != 5) return 2;
  try {
    const sgpt::Model model(given[1]);
    const std::string scene(given[2]);
    std::size_t heard = 0;
    sgpt::Watch watch;
    watch.progress = [&heard](std::size_t, std::size_t) { return ++heard > 0; };
    const auto report = model.train(scene, given[3], given[4],
                                    sgpt::TrainOptions().field("use").head("auto").balance(0).seed(0),
                                    sgpt::Options().threads(2), watch);
    std::printf("%s\n%s\n", model.preview_files({scene}).c_str(), report.c_str());
    return heard > 0 ? 0 : 3;
  } catch (const sgpt::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.status();
  }
}
