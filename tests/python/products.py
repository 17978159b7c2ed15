"""Sentinel-2 products in their true layout: small JP2s, metadata as ESA's processor writes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import support
from osgeo import gdal, osr

START, TILE = "20220301T100029", "T33UUP"
NAME = f"S2B_MSIL2A_{START}_N0400_R122_{TILE}_20220301T120000.SAFE"
GRANULE = f"GRANULE/L2A_{TILE}_A025930_{START}"
CORNER = (600_000, 5_400_000)
WIDTH, HEIGHT = 246, 180  # multiples of 6, so that bands of 60 m have whole pixels
METRES = dict.fromkeys(support.BANDS, 20)
METRES.update({"B02": 10, "B03": 10, "B04": 10, "B08": 10, "B01": 60, "B09": 60})


def image(band: str) -> str:
    metres = METRES.get(band, 20)
    return f"{GRANULE}/IMG_DATA/R{metres}m/{TILE}_{START}_{band}_{metres}m"


def pixels(band: str) -> np.ndarray:
    """Returns a band's numbers at its own resolution, or the scene classification: some clouds."""
    step = METRES.get(band, 20) // 10
    if band == "SCL":
        row, column = np.mgrid[0 : HEIGHT // step, 0 : WIDTH // step]
        return np.where((row // 11 + column // 13) % 4 == 0, 9, 4).astype("u1")
    whole = support.pixels(WIDTH, HEIGHT)[support.BANDS.index(band)]
    return np.ascontiguousarray(whole[::step, ::step]) + 1000


def _write(path: Path, band: str) -> None:
    numbers, metres = pixels(band), METRES.get(band, 20)
    kind = gdal.GDT_Byte if band == "SCL" else gdal.GDT_UInt16
    memory = gdal.GetDriverByName("MEM").Create("", *numbers.shape[::-1], 1, kind)
    memory.SetGeoTransform((CORNER[0], metres, 0, CORNER[1], 0, -metres))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    memory.SetProjection(srs.ExportToWkt())
    memory.WriteArray(numbers)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = ["REVERSIBLE=YES", "QUALITY=100", "BLOCKXSIZE=64", "BLOCKYSIZE=64"]
    gdal.GetDriverByName("JP2OpenJPEG").CreateCopy(str(path), memory, options=options)


def product(folder: Path) -> Path:
    """Makes a level-2A product of baseline 04.00 and returns its folder."""
    root = folder / NAME
    bands = [*support.BANDS, "SCL"]
    for band in bands:
        _write(root / f"{image(band)}.jp2", band)
    files = "".join(f"<IMAGE_FILE>{image(band)}</IMAGE_FILE>\n" for band in bands)
    offsets = "".join(
        f'<BOA_ADD_OFFSET band_id="{number}">-1000</BOA_ADD_OFFSET>' for number in range(13)
    )
    (root / "MTD_MSIL2A.xml").write_text(METADATA.format(name=NAME, files=files, offsets=offsets))
    sizes = "".join(
        f'<Size resolution="{metres}"><NROWS>{HEIGHT * 10 // metres}</NROWS>'
        f"<NCOLS>{WIDTH * 10 // metres}</NCOLS></Size>"
        f'<Geoposition resolution="{metres}"><ULX>{CORNER[0]}</ULX><ULY>{CORNER[1]}</ULY>'
        f"<XDIM>{metres}</XDIM><YDIM>-{metres}</YDIM></Geoposition>"
        for metres in (10, 20, 60)
    )
    (root / GRANULE / "MTD_TL.xml").write_text(GEOCODING.format(sizes=sizes))
    return root


def zipped(root: Path) -> Path:
    """Zips a product as it is downloaded."""
    base = root.with_suffix("")
    return Path(shutil.make_archive(str(base), "zip", root.parent, root.name))


METADATA = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-2A_User_Product \
xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
<n1:General_Info>
<Product_Info>
<PRODUCT_START_TIME>2022-03-01T10:00:29.024Z</PRODUCT_START_TIME>
<PRODUCT_STOP_TIME>2022-03-01T10:00:29.024Z</PRODUCT_STOP_TIME>
<PRODUCT_URI>{name}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>
<PROCESSING_BASELINE>04.00</PROCESSING_BASELINE>
<Datatake datatakeIdentifier="GS2B_20220301T100029_025930_N04.00">
<SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>
</Datatake>
<Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT>
</Query_Options>
<Product_Organisation><Granule_List>
<Granule datastripIdentifier="S2B" granuleIdentifier="S2B_L2A" imageFormat="JPEG2000">
{files}</Granule>
</Granule_List></Product_Organisation>
</Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>
</Product_Image_Characteristics>
</n1:General_Info>
</n1:Level-2A_User_Product>
"""

GEOCODING = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-2A_Tile_ID \
xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd">
<n1:Geometric_Info><Tile_Geocoding metadataLevel="Brief">
<HORIZONTAL_CS_NAME>WGS84 / UTM zone 33N</HORIZONTAL_CS_NAME>
<HORIZONTAL_CS_CODE>EPSG:32633</HORIZONTAL_CS_CODE>
{sizes}</Tile_Geocoding></n1:Geometric_Info>
</n1:Level-2A_Tile_ID>
"""
