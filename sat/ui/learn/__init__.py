"""The Learn page: chapters filled with the numbers of a running example."""
