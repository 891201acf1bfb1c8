"""The Mistakes page: evaluations opened, browsed, explained and reviewed."""
