"""What an address says is repeated, but never obeyed as Markdown."""

from __future__ import annotations

from sat.ui import links


def test_marks_are_taken_for_what_they_are():
    assert links.literal("![x](http://e.org/y.png)") == r"!\[x\](http\://e.org/y.png)"
    assert links.literal(":red[b] $x$ *a* `c` <i> _em_ ~~no~~ a|b \\") == (
        r"\:red\[b\] \$x\$ \*a\* \`c\` \<i\> \_em\_ \~\~no\~\~ a\|b \\"
    )


def test_an_ordinary_sentence_stays_as_it_is():
    said = "There is no model 'soft_tiny': choose soft-flickr8k (or hard-flickr8k), 14 x 14."
    assert links.literal(said) == said


def test_the_note_shows_no_picture_and_no_line_break():
    said = links.note(["sample=![x](http://e.org/y.png)", "step=\u2028"])
    assert "![" not in said and said.startswith("The link asks for “sample=")
