"""Cores that write down what they grant, in a module that other processes can import."""

from dataclasses import dataclass

from digit_recognizer.pipeline.compute.cores import SharedCores

FILE = "granted.txt"


@dataclass(frozen=True)
class RecordingCores(SharedCores):
    """Appends each number to a file in the run's folder."""

    def __call__(self):
        number = super().__call__()
        with (next(iter(self.teachers)).parent / FILE).open("a") as file:
            file.write(f"{number}\n")
        return number
