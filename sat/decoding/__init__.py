"""Writing captions: greedy, sampling and beam search, and what-if interventions, all through ``Decoder.step``."""
