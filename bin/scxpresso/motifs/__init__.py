"""Known DNA-binding motifs: where models find sequence important, and what variants do to them."""
