"""The chapters of Learn, as data, and the little engine that fills them with the numbers of a picture and a step."""
