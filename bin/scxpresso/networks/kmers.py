"""A convolution over six letters as a look-up: sequences as numbers of the distinct windows that they hold."""

import numpy as np
import torch

from scxpresso.genome.sequence import ONE_HOT

K1, PAD1 = 6, 2
MAX_KMERS = 2**16  # an index is 16 bits


class KmerTable:
    """Every distinct window of six codes of some sequences, numbered, and each sequence as those numbers.

    index: sequences × (window − 1), uint16. one_hot: distinct windows × 24 (channel-major, as the convolution's weights);
    zero-padding outside the sequence is a row of zeros. `None` from `of` when there are too many distinct windows.
    """

    def __init__(self, index: np.ndarray, one_hot: np.ndarray):
        self.index = index
        self.one_hot = torch.from_numpy(one_hot)

    @classmethod
    def of(cls, codes: np.ndarray, rows: int = 512) -> "KmerTable | None":
        present = np.zeros(1 << (4 * K1), dtype=bool)
        for start in range(0, len(codes), rows):
            present[_packed(codes[start : start + rows])] = True
        windows = np.flatnonzero(present)
        if len(windows) > MAX_KMERS:
            return None
        number = np.zeros(len(present), dtype=np.uint16)
        number[windows] = np.arange(len(windows), dtype=np.uint16)
        index = np.empty((len(codes), codes.shape[1] + 2 * PAD1 - K1 + 1), dtype=np.uint16)
        for start in range(0, len(codes), rows):
            index[start : start + rows] = number[_packed(codes[start : start + rows])]
        places = (windows[:, None] >> (4 * np.arange(K1)[::-1])) & 15
        one_hot = ONE_HOT[places].transpose(0, 2, 1).reshape(len(windows), 4 * K1)
        return cls(index, np.ascontiguousarray(one_hot))


def _packed(codes: np.ndarray) -> np.ndarray:
    """Each window of six codes as one number of 24 bits; 0 stands for the convolution's zero-padding."""
    padded = np.pad(codes, ((0, 0), (PAD1, PAD1)))
    length = padded.shape[1] - K1 + 1
    packed = np.zeros((len(codes), length), dtype=np.uint32)
    for place in range(K1):
        packed = (packed << 4) | padded[:, place : place + length]
    return packed
