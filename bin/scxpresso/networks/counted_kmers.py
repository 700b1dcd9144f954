"""The k-mers that networks of composition count, by strand, and the regions around the TSS in which they do."""

# k, from, to: square roots of counts. Long k-mers in wide regions, short ones in narrow regions.
COUNTED_KMERS = [
    (4, -1000, 0), (4, 0, 500),
    (3, -2000, -1000), (3, -1000, -300), (3, -300, 0), (3, 0, 300), (3, 300, 1000),
]  # fmt: skip
N_COUNTS = sum(4**k for k, _, _ in COUNTED_KMERS)
