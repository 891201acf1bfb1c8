"""Formulas outside the browser: a small part of LaTeX, as one line of plain characters or as marks of a figure."""
