"""From a submitted notebook to a grade that can be trusted."""
