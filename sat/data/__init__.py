"""Captioned pictures: public data sets, folders and generated shapes, and their annotations on disk."""
