//! Every key that Deepness documents for segmentation is read; so is what we write for STAC.

use super::*;
use crate::error::Kind;
use crate::model::stac_mlm;

fn port(name: &str, dims: &[u64]) -> ValueFacts {
    let fixed = |length: &u64| if *length == 0 { Dim::Unknown } else { Dim::Fixed(*length) };
    ValueFacts {
        name: name.into(),
        element: Element::Float32,
        dims: dims.iter().map(fixed).collect(),
    }
}

fn facts(metadata: &[(&str, &str)]) -> ModelFacts {
    let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    ModelFacts {
        metadata: metadata.iter().map(entry).collect(),
        inputs: vec![port("x", &[1, 3, 512, 512])],
        outputs: vec![port("y", &[1, 2, 512, 512])],
        external: Vec::new(),
    }
}

fn made(metadata: &[(&str, &str)]) -> Manifest {
    manifest(&facts(metadata), Some(Activation::Softmax)).unwrap()
}

fn refused(facts: &ModelFacts) -> String {
    let error = manifest(facts, Some(Activation::None)).unwrap_err();
    assert_eq!(error.kind(), Kind::Model);
    error.message().to_owned()
}

const SEGMENTOR: (&str, &str) = ("model_type", "\"Segmentor\"");

#[test]
fn every_key_that_deepness_documents_is_read() {
    let plain = made(&[SEGMENTOR]);
    assert_eq!(
        plain.normalisation,
        Normalisation::ZScore { mean: vec![0.0; 3], std: vec![255.0; 3] }
    );
    assert_eq!(plain.channels, ["1", "2", "3"].map(|name| Channel::Band(name.into())));
    assert_eq!((plain.chip_px, plain.patch_px, plain.default_overlap()), (512, 1, 32));
    assert_eq!(plain.outputs[0].activation, Activation::Softmax);
    assert_eq!(plain.assumed, ["ground_resolution_m", "classes", "channels"]);
    let names = |key, text| {
        let classes = made(&[SEGMENTOR, (key, text)]).classes;
        classes.into_iter().map(|class| class.name).collect::<Vec<_>>().join("|")
    };
    assert_eq!(names("class_names", r#"{"0": "grass", "1": "a \"b\""}"#), "grass|a \"b\"");
    assert_eq!(names("class_names", r#"{0: 'name1', 1 : 'it\'s "2"'}"#), "name1|it's \"2\"");
    assert_eq!(names("class_names", "[{0: 'name1', 1: 'name2'}]"), "name1|name2");
    assert_eq!(names("names", "{1: 'b', 0: 'a'}"), "a|b");
    assert_eq!(made(&[SEGMENTOR, ("resolution", "50")]).ground_resolution_m, 0.5);
    for key in ["tiles_size", "tile_size"] {
        let mut facts = facts(&[SEGMENTOR, (key, "256"), ("tiles_overlap", "12.5")]);
        facts.inputs[0] = port("x", &[0, 3, 0, 0]);
        facts.outputs[0] = port("y", &[0, 2, 0, 0]);
        let manifest = manifest(&facts, Some(Activation::None)).unwrap();
        assert_eq!((manifest.chip_px, manifest.default_overlap()), (256, 32), "{key}");
    }
    let mean = ("standardization_mean", "[0.5, 0, 1]");
    let scaled = made(&[SEGMENTOR, mean, ("standardization_std", "[0.2, 1, 2]")]);
    let Normalisation::ZScore { mean: means, std } = scaled.normalisation else { panic!() };
    assert_eq!((means, std), (vec![127.5, 0.0, 255.0], vec![51.0, 255.0, 510.0]));
    assert!(refused(&facts(&[SEGMENTOR, mean])).contains("standardization_std"));
    assert_eq!(made(&[SEGMENTOR, ("seg_thresh", "0.5"), ("seg_small_segment", "7")]), plain);
    for key in ["seg_thresh", "seg_small_segment", "resolution", "tiles_overlap", "tiles_size"] {
        assert!(refused(&facts(&[SEGMENTOR, (key, "[1]")])).contains(key), "{key}");
    }
}

#[test]
fn what_we_write_for_stac_is_read_and_so_is_what_others_write() {
    let ours = Manifest {
        normalisation: Normalisation::ZScore { mean: vec![1.5, 2.0, 3.0], std: vec![4.0; 3] },
        channels: ["B02", "B03", "B8A"].map(|name| Channel::Band(name.into())).into(),
        halo_px: 3,
        overlap_px: Some(40),
        ground_resolution_m: 20.0,
        outputs: vec![Output {
            activation: Activation::LogSoftmax,
            ..made(&[SEGMENTOR]).outputs[0].clone()
        }],
        assumed: Vec::new(),
        classes: made(&[SEGMENTOR, ("class_names", "{0: '21 Arable land', 1: 'b'}")]).classes,
        ..made(&[SEGMENTOR])
    };
    let text = stac_mlm::properties(&ours, "ours", 7).to_string();
    let read = manifest(&facts(&[(stac_mlm::KEY, &text)]), None).unwrap();
    assert_eq!(read, ours);
    let other = |scaling: &str, function: &str| {
        let text = format!(
            r#"{{"mlm:tasks": ["semantic-segmentation"], "mlm:input": [{{"bands": ["red", {{"name": "nir"}}, "b"],
            "value_scaling": {scaling}}}], "mlm:output": [{{"post_processing_function": {function}}}]}}"#
        );
        manifest(&facts(&[(stac_mlm::KEY, &text)]), None)
    };
    let soft = r#"{"expression": "torch.nn.functional.softmax(x, dim=1)"}"#;
    let read = other(r#"[{"type": "min-max", "minimum": 100, "maximum": 300}]"#, soft).unwrap();
    assert_eq!(
        read.normalisation,
        Normalisation::ZScore { mean: vec![100.0; 3], std: vec![200.0; 3] }
    );
    assert_eq!(read.channels[1], Channel::Band("nir".into()));
    let mixed =
        r#"[{"type": "offset", "value": 5}, {"type": "scale", "value": 8}, {"type": null}]"#;
    let read = other(mixed, soft).unwrap().normalisation;
    assert_eq!(read, Normalisation::ZScore { mean: vec![5.0, 0.0, 0.0], std: vec![1.0, 8.0, 1.0] });
    assert_eq!(other("null", soft).unwrap().normalisation, Normalisation::None);
    assert!(other(r#"[{"type": "clip", "minimum": 0, "maximum": 1}]"#, soft).is_err());
    let silent = other("null", "null").unwrap_err();
    assert_eq!(silent.kind(), Kind::Usage);
    assert!(silent.message().contains("--activation"), "{silent}");
}

#[test]
fn what_is_not_a_segmentation_of_one_image_is_refused_in_words() {
    assert!(refused(&facts(&[])).contains("does not describe itself"));
    assert!(refused(&facts(&[("model_type", "\"Detector\"")])).contains("'Detector'"));
    assert!(refused(&facts(&[(stac_mlm::KEY, "{}")])).contains("mlm:tasks"));
    type Change = fn(&mut ModelFacts);
    let cases: [(Change, &str); 9] = [
        (|facts| facts.outputs[0] = port("y", &[1, 1, 512, 512]), "one channel"),
        (|facts| facts.outputs[0] = port("y", &[1, 512, 512]), "map of scores"),
        (|facts| facts.outputs[0] = port("y", &[1, 2, 128, 512]), "map of scores"),
        (|facts| facts.outputs.push(port("z", &[1])), "2 outputs"),
        (|facts| facts.inputs[0] = port("x", &[1, 3, 512, 256]), "not square"),
        (|facts| facts.inputs[0] = port("x", &[1, 3, 0, 0]), "tiles_size"),
        (|facts| facts.inputs[0] = port("x", &[1, 0, 512, 512]), "how many channels"),
        (|facts| facts.inputs[0].element = Element::Float16, "not an f32 image"),
        (
            |facts| drop(facts.metadata.insert("class_names".into(), "{0: 'a'}".into())),
            "names 1 classes",
        ),
    ];
    for (change, words) in cases {
        let mut facts = facts(&[SEGMENTOR]);
        change(&mut facts);
        assert!(refused(&facts).contains(words), "{words}: {}", refused(&facts));
    }
    let zero = [SEGMENTOR, ("standardization_mean", "[0]"), ("standardization_std", "[0]")];
    assert!(refused(&facts(&zero)).contains("range of 0"));
}
