"""Right answers to the exercises, written in other ways than the solutions: all must get full marks."""
