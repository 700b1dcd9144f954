"""From words to motifs: words that are one motif become one matrix, which is fitted by gradient where inner genes gain."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scxpresso.genome.sequence import ONE_HOT, region, reverse_complement
from scxpresso.networks.motif_part import LENGTH, SCANNED_GENES, MotifPart, best_matches, window_scores
from scxpresso.training.optimizers import Adam
from scxpresso.training.words import REGIONS as WORD_REGIONS
from scxpresso.training.words import find_words

# Where motifs are sought, relative to the TSS: around it, before it, and after it.
REGIONS = (
    *WORD_REGIONS, (-1000, 0), (-500, 0), (-300, 0), (-150, 50), (-150, 0), (-100, 100), (-60, 0), (0, 100), (0, 500),
    (-1000, -300), (-500, -150),
)  # fmt: skip
START, END = min(start for start, _ in REGIONS), max(end for _, end in REGIONS)
COMPONENTS = 10  # in which populations differ, beside their mean
MIN_SIMILARITY = 4.5  # of two words that are one motif: bases that agree, less 1.5 for each that does not
MIN_OVERLAP = 5
MAX_MOTIFS = 40
# Scores of a base that differs from the word's, and offsets: words as they are, and the start of the fit.
EXACT, SOFT = (-20.0, 10.0), (-3.0, 2.0)
STEPS, RESCAN = 100, 10  # of gradient descent; best windows are looked for anew after so many
PATIENCE = 30  # steps without a gain
LEARNING_RATE = 0.1
VALIDATION = 6  # one gene of so many decides
RIDGE = 3.0
# Standard errors from 0 of a weight that is kept: of the sign that the motif has where it is most certain, and of the other.
MIN_ERRORS, MIN_OPPOSITE_ERRORS = 3.0, 5.0
DECAYS = (4e-3, 1e-3, 3e-4)  # of what a matrix has beside one penalty per position; the one that predicts best is taken
WORDS_GAIN = 1.05  # times what matrices explain is what words must explain to be taken, as several may be one motif


def fit_motif_part(part: MotifPart, codes: np.ndarray, expression: np.ndarray, seed: int) -> None:
    """Fit motifs to expression.

    Parameters
    ----------
    codes: genes × window (uint8).
    expression: genes × populations, z-scaled; what other parts of the network leave to explain.
    """
    target, directions = components(expression)
    back = torch.from_numpy(directions).float()
    words, bounds = words_of_groups(codes, part.upstream, target, seed)
    if not words:
        part.intercept = torch.from_numpy(target.mean(axis=0)).float() @ back
        return
    genes = Genes.of(codes, part.upstream, target, seed)
    chosen = genes.in_own_regions(*words_or_matrices(genes, words, bounds))
    part.matrices, part.offsets = chosen.matrices(), chosen.offsets
    part.regions = chosen.regions + START
    part.weights, part.intercept = certain_weights(genes.matches(chosen), genes.target * genes.scale @ back)


def words_or_matrices(
    genes: "Genes", words: list[np.ndarray], bounds: list[tuple[int, int]]
) -> tuple["Matrices", float]:
    """Fit matrices to words that are merged, and choose between them and all words as they are; also give the error."""
    exact, single = Matrices.of(words[:MAX_MOTIFS], bounds[:MAX_MOTIFS], *EXACT), merged(words)
    best, error = exact, np.inf
    for decay in DECAYS:
        fitted = Matrices.of([words[number] for number in single], [bounds[number] for number in single], *SOFT)
        if (reached := genes.refine(fitted, decay)) < error:
            best, error = fitted, reached
    of_words = genes.error(exact)
    return (exact, of_words) if 1 - of_words > WORDS_GAIN * max(1 - error, 0) else (best, error)


def words_of_groups(
    codes: np.ndarray, upstream: int, target: np.ndarray, seed: int
) -> tuple[list[np.ndarray], list[tuple[int, int]]]:
    """Find words of the populations' mean, and words of what sets populations apart; give them with their regions.

    Each group has its own penalty: what acts in one population alone is little beside the noise of the mean.
    """
    groups = [group for group in (target[:, :1], target[:, 1:]) if group.shape[1]]
    found = find_words(codes, upstream, groups, seed)
    ranked = [
        (rank, word, one.region) for one in found for rank, word in enumerate(one.words)
    ]  # the most important words of both groups first
    ranked.sort(key=lambda entry: entry[0])
    return [word for _, word, _ in ranked], [bounds for _, _, bounds in ranked]


def components(expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split expression into the populations' mean and the principal components of what sets them apart.

    Returns
    -------
    genes × components, and their directions (components × populations, orthonormal).
    """
    populations = expression.shape[1]
    mean = np.full((1, populations), populations**-0.5)
    apart = expression - expression.mean(axis=1, keepdims=True)
    _, sizes, directions = np.linalg.svd(apart, full_matrices=False)
    # Where populations are alike or constant, further directions mean nothing, and need not be orthogonal to the mean.
    rank = int((sizes > 1e-9 * max(float(np.linalg.norm(expression)), 1e-12)).sum())
    directions = np.vstack([mean, directions[: min(COMPONENTS, populations - 1, rank)]])
    return expression @ directions.T, directions


def merged(words: list[np.ndarray]) -> list[int]:
    """Give the numbers of words that neither overlap with one before them, on either strand, nor differ from it in a base."""
    kept: list[int] = []
    for number, word in enumerate(words):
        if all(similarity(words[other], word) < MIN_SIMILARITY for other in kept):
            kept.append(number)
    return kept[:MAX_MOTIFS]


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Bases that agree less 1.5 for each that does not, in the best alignment without gaps on either strand."""
    best = 0.0
    for word in (other, other[::-1] ^ 2):
        for shift in range(MIN_OVERLAP - len(word), len(one) - MIN_OVERLAP + 1):
            first, last = max(0, shift), min(len(one), shift + len(word))
            if last - first < MIN_OVERLAP:
                continue
            agreeing = int((one[first:last] == word[first - shift : last - shift]).sum())
            best = max(best, agreeing - 1.5 * (last - first - agreeing))
    return best


@dataclass
class Matrices:
    """Matrices while they are fitted: a penalty per position of the word, whatever the base, and what is beside it.

    mismatch: motifs × bases × LENGTH, 1 where a base is not the word's. penalties: motifs × LENGTH. free: as mismatch.
    regions: motifs × 2, the first base, and the one after the last, of the codes that Genes has.
    """

    mismatch: Tensor
    penalties: Tensor
    free: Tensor
    offsets: Tensor
    regions: Tensor

    @classmethod
    def of(cls, words: list[np.ndarray], bounds: list[tuple[int, int]], mismatch: float, offset: float) -> "Matrices":
        """Words as matrices that score `mismatch` for every base that differs; bounds: regions, relative to the TSS."""
        differs = torch.zeros(len(words), 4, LENGTH)
        for number, word in enumerate(words):
            first = (LENGTH - len(word)) // 2
            positions = torch.arange(first, first + len(word))
            differs[number, :, positions] = 1
            differs[number, torch.from_numpy(word.astype(np.int64)), positions] = 0
        penalties = torch.full((len(words), LENGTH), -mismatch)
        regions = torch.tensor(bounds) - START
        return cls(differs, penalties, torch.zeros_like(differs), torch.full((len(words),), offset), regions)

    def matrices(self) -> Tensor:
        """Motifs × bases × LENGTH."""
        return self.free - self.mismatch * self.penalties.clamp(min=0)[:, None]

    def parameters(self) -> list[Tensor]:
        """What is fitted."""
        return [self.penalties, self.free, self.offsets]


@dataclass
class Genes:
    """Genes that motifs are fitted to: codes of the region, target, and which of them decide.

    target: genes × components, divided by `scale`: the mean and what sets populations apart have the same variance in all.
    """

    codes: Tensor
    target: Tensor
    scale: Tensor
    decides: Tensor

    @classmethod
    def of(cls, codes: np.ndarray, upstream: int, target: np.ndarray, seed: int) -> "Genes":
        """Every sixth gene at random decides."""
        decides = np.random.default_rng(seed).permutation(len(codes)) % VALIDATION == 0
        scanned = torch.from_numpy(region(codes, upstream, START, END))
        groups = np.arange(target.shape[1]) > 0
        variance = target.var(axis=0)
        scale = np.where(groups, variance[groups].sum(), variance[0]) ** 0.5
        scale = torch.from_numpy(np.maximum(scale, 1e-9)).float()
        return cls(scanned, torch.from_numpy(target).float() / scale, scale, torch.from_numpy(decides))

    def matches(self, candidate: Matrices) -> Tensor:
        """Match of each gene with each motif (genes × motifs, 0 … 1)."""
        scores = best_matches(self.codes, candidate.matrices(), candidate.regions).scores
        return torch.sigmoid(scores + candidate.offsets)

    def matches_by_region(self, candidate: Matrices) -> Tensor:
        """As matches, in each of REGIONS: regions × genes × motifs."""
        found = []
        for part in self.codes.split(SCANNED_GENES):
            scores = window_scores(part, candidate.matrices()).amax(dim=2)
            best = [scores[..., start - START : end - START - LENGTH + 1].amax(dim=2) for start, end in REGIONS]
            found.append(torch.stack(best))
        return torch.sigmoid(torch.cat(found, dim=1) + candidate.offsets)

    def error(self, candidate: Matrices, matches: Tensor | None = None) -> float:
        """Squared error of the genes that decide, by weights of the others, relative to that of the others' mean."""
        matches = self.matches(candidate) if matches is None else matches
        fits = ~self.decides
        weights, intercept = ridge(matches[fits], self.target[fits])
        left = self.target[self.decides] - matches[self.decides] @ weights - intercept
        mean = self.target[fits].mean(dim=0)
        return float((left**2).sum() / ((self.target[self.decides] - mean) ** 2).sum())

    def windows(self, candidate: Matrices) -> Tensor:
        """Codes of each motif's best window in each gene, as its strand reads them: genes × motifs × LENGTH."""
        best = best_matches(self.codes, candidate.matrices(), candidate.regions)
        bases = best.first[..., None] + torch.arange(LENGTH)
        found = self.codes[torch.arange(len(self.codes))[:, None, None], bases].long()
        return torch.where(best.reverse[..., None], COMPLEMENT_CODES[found.flip(2)], found)

    def refine(self, candidate: Matrices, decay: float) -> float:
        """Fit matrices by gradient, with the best weights at every step; keep those that the deciding genes like best."""
        fits = ~self.decides
        target = self.target[fits]
        scale = ((target - target.mean(dim=0)) ** 2).mean()
        for values in candidate.parameters():
            values.requires_grad_()
        optimizer = Adam(candidate.parameters(), lr=LEARNING_RATE)
        best, best_step = np.inf, 0
        for step in range(STEPS + 1):
            if step % RESCAN == 0:
                with torch.no_grad():
                    windows = self.windows(candidate)
                    error = self.error(candidate, window_matches(candidate, windows))
                if error < best:
                    best, best_step = error, step
                    kept = [values.detach().clone() for values in candidate.parameters()]
                windows = windows[fits]
            if step in (STEPS, best_step + PATIENCE):
                break
            matches = window_matches(candidate, windows)
            weights, intercept = ridge(matches.detach(), target)
            loss = ((target - matches @ weights - intercept) ** 2).mean() / scale + decay * (candidate.free**2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            for values, best_values in zip(candidate.parameters(), kept, strict=True):
                values.copy_(best_values)
                values.requires_grad_(False)
        return best

    def in_own_regions(self, candidate: Matrices, error: float) -> Matrices:
        """Give each motif the region of REGIONS in which it explains most; the candidate itself if that predicts no better.

        One motif after the other, the first first, each beside all others as they are then.
        """
        fits = ~self.decides
        matches = self.matches_by_region(candidate)
        current, regions = self.matches(candidate), candidate.regions.clone()
        for motif in range(len(regions)):
            unexplained = []
            for option in (current[:, motif], *matches[:, :, motif]):
                trial = current.clone()
                trial[:, motif] = option
                unexplained.append(residual(trial[fits], self.target[fits]))
            best = int(np.argmin(unexplained))
            if best:
                current[:, motif] = matches[best - 1, :, motif]
                regions[motif] = torch.tensor(REGIONS[best - 1]) - START
        placed = replace(candidate, regions=regions)
        return placed if self.error(placed, current) < error else candidate


COMPLEMENT_CODES = torch.from_numpy(reverse_complement(np.arange(16)[:, None])[:, 0])


def window_matches(candidate: Matrices, windows: Tensor) -> Tensor:
    """Match of windows (genes × motifs × LENGTH) with their motif."""
    by_code = torch.einsum("cb,mbl->mlc", torch.from_numpy(ONE_HOT), candidate.matrices())
    motif, position = torch.arange(windows.shape[1])[:, None], torch.arange(LENGTH)
    return torch.sigmoid(by_code[motif, position, windows].sum(dim=2) + candidate.offsets)


def certain_weights(matches: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of motifs in populations (motifs × populations) and intercept, by ridge regression.

    A motif that acts in some populations alone would get small weights of chance in the others. Those within MIN_ERRORS
    standard errors of 0 (MIN_OPPOSITE_ERRORS, if their sign is not that of the motif's most certain weight) are set to 0,
    unless that held for the motif's weights in all populations.
    """
    weights, intercept = ridge(matches, expression)
    centred = matches - matches.mean(dim=0)
    covariance = torch.linalg.inv(centred.T @ centred + RIDGE * torch.eye(len(weights)))
    left = expression - matches @ weights - intercept
    errors = torch.sqrt(covariance.diagonal()[:, None] * left.var(dim=0))
    ratio = (weights / errors).nan_to_num(0.0, 0.0, 0.0)  # a constant population has neither
    most_certain = ratio.gather(1, ratio.abs().argmax(dim=1, keepdim=True))
    least = torch.where(ratio * most_certain > 0, MIN_ERRORS, MIN_OPPOSITE_ERRORS)
    certain = ratio.abs() >= least
    weights = weights * (certain | ~certain.any(dim=1, keepdim=True))
    return weights, (expression - matches @ weights).mean(dim=0)


def residual(features: Tensor, target: Tensor) -> float:
    """Sum of squares that ridge regression leaves of the target."""
    weights, intercept = ridge(features, target)
    return float(((target - features @ weights - intercept) ** 2).sum())


def ridge(features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (features × components) and intercept by ridge regression."""
    mean, centre = features.mean(dim=0), target.mean(dim=0)
    centred = features - mean
    gram = centred.T @ centred + RIDGE * torch.eye(features.shape[1])
    weights = torch.linalg.solve(gram, centred.T @ (target - centre))
    return weights, centre - mean @ weights
