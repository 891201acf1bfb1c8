"""Hostile input, made up by the thousand: ``python -m fuzz --seconds 60 --seed 0``.

Every case hands the program something that it was not made for: a mutated picture, a decompression bomb, a checkpoint
whose files do not fit together, a caption file with half a line, an address full of nonsense. It must end in a
``UserError`` of one sentence or in a valid result, within its time and its memory. A case is made from its seed, its
target and its number alone, so that one that failed can be run again: ``python -m fuzz --only pictures --case 123``.
"""
