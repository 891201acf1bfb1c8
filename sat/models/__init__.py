"""Neural networks: the encoder, the attention and the decoder. Tensors in, tensors out."""
