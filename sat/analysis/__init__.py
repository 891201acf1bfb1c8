"""Looking into one decoding: what each word rests on, and what would have been otherwise. Numpy records out."""
