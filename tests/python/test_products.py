"""Sentinel-2 products as they come, in every algorithm: the program's bytes."""

from __future__ import annotations

import re

import products
import pytest
import support
from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer
from test_plugin import Told
from test_process import done, programs, refused


@pytest.fixture(scope="session")
def product(work):
    folder = work / "products"
    folder.mkdir()
    return products.product(folder)


@pytest.fixture(scope="session")
def zipped(product):
    return products.zipped(product)


@pytest.fixture(scope="session")
def part(product):
    """GDAL's and QGIS's name of a part of it."""
    return f"SENTINEL2_L2A:{product / 'MTD_MSIL2A.xml'}:10m:EPSG_32633"


def forms(product, zipped, part):
    metadata = product / "MTD_MSIL2A.xml"
    image = product / f"{products.image('B02')}.jp2"
    return [zipped, f"/vsizip/{zipped}", product, metadata, image, part]


def test_every_form_of_a_product_is_mapped(process, product, zipped, part, tmp_path):
    theirs = programs(tmp_path, "builtin:landcover", [zipped])
    assert len(set(gdal.Open(str(theirs)).ReadAsArray().ravel())) > 1
    made = tmp_path / "map.tif"
    for form in forms(product, zipped, part):
        done(process, "segment", f"INPUT={form}", f"OUTPUT={made}")
        assert made.read_bytes() == theirs.read_bytes(), form
        made.unlink()
    done(process, "segment", f"INPUT={zipped}", "CLOUDS=true", f"OUTPUT={made}")
    programs(tmp_path, "builtin:landcover", [zipped], "--mask", "scl", "--overwrite")
    assert made.read_bytes() == theirs.read_bytes()
    assert 0 < (gdal.Open(str(made)).ReadAsArray() == 255).mean() < 1


def test_a_part_that_is_a_layer_is_its_product(plugin, algorithm, part, zipped, tmp_path, context):
    layer = QgsRasterLayer(part, "10 m", "gdal")
    assert layer.isValid() and layer.bandCount() < len(support.BANDS)
    corners = (600_300, 5_398_600, 601_500, 5_399_900)
    x0, y0, x1, y1 = corners
    box = ",".join(map(str, corners))
    theirs = programs(tmp_path, "builtin:landcover", [zipped], "--bbox", box)
    QgsProject.instance().addMapLayer(layer)
    made = tmp_path / "map.tif"
    try:
        for given in (layer, layer.id(), str(zipped)):
            parameters = {
                "INPUT": given,
                "EXTENT": f"{x0},{x1},{y0},{y1} [EPSG:32633]",
                "OUTPUT": str(made),
            }
            algorithm("segment").run(parameters, context, Told(), {}, False)
            assert made.read_bytes() == theirs.read_bytes()
    finally:
        QgsProject.instance().removeMapLayer(layer.id())


def test_an_extent_of_a_product_may_be_in_degrees(process, zipped, tmp_path):
    box = (16.361, 48.735, 16.377, 48.743)
    made = tmp_path / "map.tif"
    x0, y0, x1, y1 = box
    extent = f"EXTENT={x0},{x1},{y0},{y1} [EPSG:4326]"
    done(process, "segment", f"INPUT={zipped}", extent, f"OUTPUT={made}")
    words = ["--bbox", ",".join(map(str, box)), "--bbox-crs", "EPSG:4326"]
    theirs = programs(tmp_path, "builtin:landcover", [zipped], *words)
    assert made.read_bytes() == theirs.read_bytes()
    assert gdal.Open(str(made)).RasterXSize < products.WIDTH


def described(file):
    """Returns a virtual raster's reference system, whose words are PROJ's choice, and the rest."""
    text = file.read_text()
    return gdal.Open(str(file)).GetSpatialRef(), re.sub(r"<SRS.*</SRS>", "", text)


def test_a_prepared_product_is_the_programs_stack(process, product, zipped, part, tmp_path):
    made, theirs = tmp_path / "made.vrt", tmp_path / "theirs.vrt"
    for clouds, options in (("false", []), ("true", ["--mask", "scl"])):
        for form in (zipped, product / "MTD_MSIL2A.xml", part):
            arguments = [f"INPUT={form}", f"CLOUDS={clouds}", f"OUTPUT={made}"]
            done(process, "prepare_sentinel2", *arguments)
            support.program("stack", str(form), "-o", str(theirs), "--overwrite", *options)
            (srs, ours), (their_srs, same) = map(described, (made, theirs))
            assert ours == same and srs.IsSame(their_srs)
    raster = gdal.Open(str(made))
    assert (raster.RasterXSize, raster.RasterYSize) == (products.WIDTH, products.HEIGHT)
    assert raster.GetRasterBand(9).GetDescription() == "B8A"


def test_products_are_described_changed_and_shown_live(process, zipped, models, tmp_path):
    run = process("run", "spectralgpt:describe_model", "--", f"INPUT={zipped}", json=False)
    assert "B8A = 9" in run.stdout
    made = tmp_path / "map.tif"
    dates = [f"BEFORE={zipped}", f"AFTER={zipped}"]
    done(process, "detect_changes", *dates, f"MODEL={models['change']}", f"OUTPUT={made}")
    theirs = programs(tmp_path, models["change"], [zipped, zipped])
    assert made.read_bytes() == theirs.read_bytes()
    live = tmp_path / "live.vrt"
    done(process, "create_live_layer", f"INPUT={zipped}", f"OUTPUT={live}")
    assert zipped.name in live.read_text()


@pytest.mark.parametrize("name", ["segment", "prepare_sentinel2"])
def test_what_is_no_sound_product_is_said(process, zipped, tmp_path, name):
    broken, empty = tmp_path / "broken.zip", tmp_path / "empty"
    broken.write_bytes(zipped.read_bytes()[:40_000])
    empty.mkdir()
    output = f"OUTPUT={tmp_path / 'made'}.{'vrt' if name.startswith('prepare') else 'tif'}"
    refused(process, name, "download it again", f"INPUT={broken}", output)
    words = "neither a product nor" if name == "segment" else "is no Sentinel-2 product"
    refused(process, name, words, f"INPUT={empty}", output)
