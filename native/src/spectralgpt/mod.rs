//! The networks of SpectralGPT, as ONNX graphs.
