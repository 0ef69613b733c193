"""The hardest training images, what the networks look at, and labels that are probably wrong."""

import numpy as np

from digit_recognizer.files import write_text
from digit_recognizer.report.parts import occlusion
from digit_recognizer.report.parts.label_issues import find_label_issues, to_csv
from digit_recognizer.report.parts.run_files import Missing

N_HARDEST = 100
LABEL_ISSUES_FILE = "label_issues.csv"


def section(run, pictures):
    """A row an image; writes the probably mislabelled to ``label_issues.csv``."""
    predictions, classes = run.out_of_fold, run.out_of_fold.classes
    rows = np.arange(len(run.y))
    of_label = predictions.probabilities[rows, run.y]
    of_prediction = predictions.probabilities[rows, run.predicted]
    hardest = np.argsort(of_label, kind="stable")[:N_HARDEST]
    issues = find_label_issues(run.y, predictions.probabilities)
    file = run.path / LABEL_ISSUES_FILE
    write_text(file, to_csv(issues, predictions.rows, run.y, classes))
    suggested = dict(zip(issues.positions.tolist(), issues.suggestions.tolist(), strict=True))
    maps, no_maps = _occlusion_maps(run, pictures, hardest)
    table = []
    for number, position in enumerate(hardest.tolist()):
        row, label = int(predictions.rows[position]), classes[run.y[position]]
        prediction = classes[run.predicted[position]]
        table.append(
            {
                "image": pictures.train.tile(position, f"training image {row}, labelled {label}"),
                "map": maps.tile(number, f"what counts for {prediction} in image {row}"),
                "row": row,
                "label": label,
                "prediction": prediction,
                "of_label": of_label[position],
                "of_prediction": of_prediction[position],
                "suggestion": classes[suggested[position]] if position in suggested else None,
            }
        )
    return {
        "table": table,
        "n_issues": len(issues.positions),
        "n_train": len(rows),
        "file": file,
        "note": pictures.note,
        "no_maps": no_maps,
    }


def _occlusion_maps(run, pictures, hardest):
    """A sheet of maps, one for each image, and why there are none."""
    try:
        pixels = occlusion.maps(run, hardest)
    except Missing as missing:
        return pictures.sheet("maps", None), str(missing)
    return pictures.sheet("maps", pixels), None
