"""What the notebooks import: checks, plots, devices, timing. Short files, meant to be read by students."""
