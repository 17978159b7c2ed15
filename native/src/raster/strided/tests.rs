use super::*;
use crate::raster::{RasterSink, SampleType};

const SIZE: Size = Size::new(3, 2);

/// Two bands, in tens and units: 0..6 and 10..16, (row, column, band), each row 1 sample longer.
fn interleaved() -> Vec<u16> {
    vec![0, 10, 1, 11, 2, 12, 99, 3, 13, 4, 14, 5, 15]
}

#[test]
fn a_part_of_something_interleaved_is_read_in_place() {
    let pixels = interleaved();
    let strides = Strides { row: 7, ..Strides::interleaved(SIZE, 2) };
    let source = StridedSource::new(SIZE, 2, Samples::U16(&pixels), strides, None).unwrap();
    let source = source.select(&[1]).unwrap();
    let (mut read, mut valid) = ([0.0; 4], [9; 4]);
    source.read(Window::new(1, 0, Size::square(2)), &mut read, &mut valid).unwrap();
    assert_eq!((read, valid), ([11.0, 12.0, 14.0, 15.0], [1; 4]));
}

#[test]
fn lengths_are_compared_and_products_checked() {
    let new = |pixels: &[f32], size, bands, strides| {
        StridedSource::new(size, bands, Samples::F32(pixels), strides, None).map(drop)
    };
    new(&[0.0; 12], SIZE, 2, Strides::planar(SIZE)).unwrap();
    for wrong in [0, 11, 13] {
        assert!(new(&[0.0; 13][..wrong], SIZE, 2, Strides::planar(SIZE)).is_err());
    }
    let apart = Strides { band: 7, row: 3, col: 1 };
    new(&[0.0; 20], SIZE, 2, apart).unwrap();
    assert!(new(&[0.0; 12], SIZE, 2, apart).is_err());
    let huge = Size::square(u32::MAX);
    for bands in [0, 1, usize::MAX] {
        let error = new(&[0.0; 12], huge, bands, Strides::planar(huge)).unwrap_err();
        assert!(error.message().contains("are needed"), "{error}");
    }
    assert!(new(&[], Size::new(0, 2), 1, Strides::planar(SIZE)).is_err());
}

#[test]
fn rows_go_where_they_belong() {
    let mut room = [0.0; 12];
    let strides = Strides::interleaved(SIZE, 2);
    let mut sink =
        StridedSink::new(SIZE, 2, SampleType::U8, Room::F32(&mut room), strides).unwrap();
    sink.write(Samples::U8(&[0, 1, 2, 10, 11, 12])).unwrap();
    sink.write(Samples::U8(&[3, 4, 5, 13, 14, 15])).unwrap();
    assert!(sink.write(Samples::U8(&[3, 4, 5, 13, 14, 15])).is_err());
    let expected = [0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15].map(|value: u8| f32::from(value));
    assert_eq!(room, expected);
    for (band, row, col) in [(1, 0, 2), (0, 6, 1), (6, 2, 1), (2, 1, 1)] {
        let (strides, room) = (Strides { band, row, col }, Room::F32(&mut [0.0; 20]));
        let sink = StridedSink::new(SIZE, 2, SampleType::U8, room, strides);
        assert!(sink.unwrap_err().message().contains("in one place"), "{strides:?}");
    }
    let narrow = StridedSink::new(SIZE, 1, SampleType::F32, Room::U8(&mut []), strides);
    assert!(narrow.unwrap_err().message().contains("32-bit floats"));
}
