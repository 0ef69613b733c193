"""Where the data come from: a folder, Kaggle, OpenML or the embedded sample."""
