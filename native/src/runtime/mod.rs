//! ONNX Runtime: found, loaded once, asked to run.
