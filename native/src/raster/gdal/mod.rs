//! GDAL through a table of C functions that is resolved at run time.
