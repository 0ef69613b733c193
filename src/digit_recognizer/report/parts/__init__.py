"""What the sections are made of: the run's files, charts, pictures, confident learning."""
