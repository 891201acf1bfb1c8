"""How good a captioner is: caption scores, attention, and grounding against human boxes."""
