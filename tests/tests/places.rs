//! A map lies where its scene lies, wherever that is and however the file says it.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

use std::path::Path;

use conformance::{models, program, raster};

/// Name, reference system, geotransform; `points` has them instead, `none` nothing at all.
const PLACES: &str = "
places = {
    'utm north': (32633, (600000, 10, 0, 5400000, 0, -10)),
    'utm south': (32733, (300000, 10, 0, 8200000, 0, -10)),
    'degrees': (4326, (11.5, 1 / 8192, 0, 48.25, 0, -1 / 8192)),
    'polar': (3995, (-2500000.5, 20, 0, 125000.25, 0, -20)),
    'rotated': (32633, (600000, 8, 6, 5400000, 6, -8)),
    'south up': (32633, (600000, 10, 0, 5300000, 0, 10)),
    'mirrored': (32633, (600000, -10, 0, 5400000, 0, -10)),
    'no system': (None, (600000, 10, 0, 5400000, 0, -10)),
    'no geotransform': (32633, None),
    'none': (None, None),
    'points': (4326, [(0, 0, 11.5, 48.25), (150, 0, 11.75, 48.5), (0, 70, 11.25, 48)]),
}
";

/// Writes one scene per place, band B02 holding column + 150 row, and prints their names.
const WRITE: &str = "
from osgeo import osr
for name, (epsg, place) in places.items():
    out = gdal.GetDriverByName('GTiff').Create(f'{argv[1]}/{name}.tif', 150, 70, 1, gdal.GDT_UInt16)
    srs = None
    if epsg:
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(epsg)
        srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    if isinstance(place, list):
        out.SetGCPs([gdal.GCP(x, y, 7.5, col, row) for col, row, x, y in place], srs)
    else:
        if srs:
            out.SetSpatialRef(srs)
        if place:
            out.SetGeoTransform(place)
    band = out.GetRasterBand(1)
    band.SetDescription('B02')
    band.WriteArray(np.arange(150 * 70).reshape(70, 150))
    print(name)
";

/// Compares a folder's maps of a window with their scenes: place, and pixels where they are scores.
const COMPARE: &str = "
folder, maps, window = argv[1:]
col, row, width, height = (int(number) for number in window.split(','))

def compare(scene, out, path):
    assert (out.RasterXSize, out.RasterYSize) == (width, height), path
    given, place = (d.GetGeoTransform(can_return_null=True) for d in (scene, out))
    if given:
        x, y = gdal.ApplyGeoTransform(given, col, row)
        given = (x, given[1], given[2], y, given[4], given[5])
        assert np.allclose(place, given, rtol=1e-15, atol=0), (path, place, given)
    else:
        assert place is None, (path, place)
    for get in ('GetSpatialRef', 'GetGCPSpatialRef'):
        theirs, ours = (getattr(d, get)() for d in (scene, out))
        assert (ours is None) == (theirs is None), (path, get)
        if ours:
            assert ours.IsSame(theirs), (path, get)
            axes = [srs.GetDataAxisToSRSAxisMapping() for srs in (ours, theirs)]
            assert axes[0] == axes[1], (path, axes)
    points = [(p.GCPX, p.GCPY, p.GCPZ, p.GCPPixel, p.GCPLine) for p in out.GetGCPs()]
    moved = [(p.GCPX, p.GCPY, p.GCPZ, p.GCPPixel - col, p.GCPLine - row) for p in scene.GetGCPs()]
    assert points == moved, (path, points, moved)

for name in places:
    scene = gdal.Open(f'{folder}/{name}.tif')
    for end in ('', '.scores', '.valid'):
        path = f'{maps}/{name}{end}.tif'
        compare(scene, gdal.Open(path), path)
    scores = gdal.Open(f'{maps}/{name}.scores.tif').ReadAsArray()
    assert (scores == scene.ReadAsArray(col, row, width, height)).all(), name
    print(name)
";

#[test]
fn maps_and_parts_of_maps_lie_where_their_scenes_lie() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("same.onnx");
    // Radius 0: each pixel's own value.
    models::box_sum(&model, 0);
    let write = format!("{PLACES}{WRITE}");
    let Some(names) = raster::osgeo(&write, &[folder.path()]) else { return };
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let scenes: Vec<String> =
        names.lines().map(|name| text(&folder.path().join(format!("{name}.tif")))).collect();
    for window in ["0,0,150,70", "37,11,101,53"] {
        let (maps, model) = (text(&folder.path().join(window)), text(&model));
        let mut arguments = vec!["predict", &model, "-o", &maps, "--emit", "classes,scores,valid"];
        arguments.extend(["--window", window, "--resolution", "source"]);
        arguments.extend(scenes.iter().map(String::as_str));
        program::done(&arguments);
        let compare = format!("{PLACES}{COMPARE}");
        let compared = raster::osgeo(&compare, &[&text(folder.path()), &maps, window]).unwrap();
        assert_eq!(compared, names);
    }
}
