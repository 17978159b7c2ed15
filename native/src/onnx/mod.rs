//! ONNX: the graph we write and the little we read.
