"""Sequences as indices of their distinct 6-mers, so that a convolution over six bases is a look-up."""

import numpy as np
import torch

from scxpresso.genome.sequence import ONE_HOT, pack_kmers, unpack_kmers

K1, PAD1 = 6, 2
BITS = 4  # per code
MAX_KMERS = 2**16  # an index is 16 bits


class KmerTable:
    """The distinct 6-mers of some sequences, numbered, and each sequence as these numbers.

    index: sequences × (window − 1), uint16. one_hot: distinct 6-mers × 24 (channel-major, as the convolution's weights);
    zero-padding outside the sequence is a row of zeros. `of` returns None if there are too many distinct 6-mers.
    """

    def __init__(self, index: np.ndarray, one_hot: np.ndarray):
        self.index = index
        self.one_hot = torch.from_numpy(one_hot)

    @classmethod
    def of(cls, codes: np.ndarray, rows: int = 512) -> "KmerTable | None":
        """Number the 6-mers of codes (sequences × window, uint8), `rows` sequences at a time."""
        present = np.zeros(1 << (BITS * K1), dtype=bool)
        for start in range(0, len(codes), rows):
            present[_packed(codes[start : start + rows])] = True
        kmers = np.flatnonzero(present)
        if len(kmers) > MAX_KMERS:
            return None
        number = np.zeros(len(present), dtype=np.uint16)
        number[kmers] = np.arange(len(kmers), dtype=np.uint16)
        index = np.empty((len(codes), codes.shape[1] + 2 * PAD1 - K1 + 1), dtype=np.uint16)
        for start in range(0, len(codes), rows):
            index[start : start + rows] = number[_packed(codes[start : start + rows])]
        one_hot = ONE_HOT[unpack_kmers(kmers, K1, BITS)].transpose(0, 2, 1).reshape(len(kmers), BITS * K1)
        return cls(index, np.ascontiguousarray(one_hot))


def _packed(codes: np.ndarray) -> np.ndarray:
    """Pack each 6-mer of codes into 24 bits; code 0 stands for the convolution's zero-padding."""
    return pack_kmers(np.pad(codes, ((0, 0), (PAD1, PAD1))), K1, BITS)
