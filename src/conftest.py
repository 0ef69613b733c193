"""What pytest reads of the sources for their examples."""

from pathlib import Path

# Each imports its framework, which takes seconds or is not there; none has an example.
ROOMS = Path(__file__).parent / "digit_recognizer" / "interop"
FILES = ("flax", "keras", "onnx", "skl2onnx", "torch", "torch_forward")
collect_ignore = [str(ROOMS / f"{name}.py") for name in FILES]
